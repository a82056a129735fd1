"""The home of one Gemini CLI session: the user's own `.gemini`, with an extension of ours (0.61.0).

Gemini CLI takes no server and no settings from its command line, and believes a file that
`GEMINI_CLI_SYSTEM_SETTINGS_PATH` or `GEMINI_CLI_SYSTEM_DEFAULTS_PATH` names only if root owns it and every
folder above it. So `GEMINI_CLI_HOME` names a folder of the session whose `.gemini` holds links to everything
in the user's: settings, credentials, memory, commands, conversations are theirs, and what the program
changes there changes for them. Only `extensions` is a folder of its own: it holds links to theirs, and ours.
What the program replaces by renaming is its register of projects, which it finds again by marks in the
folders of the conversations, and the folders that are trusted, which a variable of their own names.
"""

from collections.abc import Mapping
from pathlib import Path

GEMINI = ".gemini"
HOME = "gemini"
"""The folder in the session's own that stands for the user's home."""
EXTENSION = "roost"
"""The name of our extension, and of the MCP server in it."""
EXTENSION_FOLDER = f"{HOME}/{GEMINI}/extensions/{EXTENSION}"
TRUSTED = "trustedFolders.json"

_EXTENSIONS = "extensions"
_OWN = frozenset({_EXTENSIONS, "projects.json"})
_KEPT = ("tmp", "history")
"""Folders that the program makes at its start."""
_FILES = (
    *(".env", "GEMINI.md", "a2a-oauth-tokens.json", "gemini-credentials.json", "google_accounts.json"),
    *("installation_id", "keybindings.json", "mcp-oauth-tokens.json", "mcp-oauth-tokens-v2.json"),
    *("oauth_creds.json", "settings.json", "state.json", TRUSTED, "trusted_hooks.json"),
)
"""Files that the program may make: linked before they are there, they are made in the user's home."""
_BESIDE = (".agents", ".env")


def user_home(environ: Mapping[str, str]) -> Path:
    """The folder in which Gemini CLI looks for `.gemini`: `$GEMINI_CLI_HOME`, or the home folder."""
    return Path(environ.get("GEMINI_CLI_HOME") or environ.get("HOME") or Path.home())


def gemini_folder(environ: Mapping[str, str]) -> Path:
    """Where Gemini CLI keeps the user's files."""
    return user_home(environ) / GEMINI


def make_home(environ: Mapping[str, str], home: Path) -> Path:
    """Blocking: make the session's home in its own folder `home`; returns it. Raises OSError."""
    theirs, made = user_home(environ), home / HOME
    real, ours = theirs / GEMINI, made / GEMINI
    for folder in _KEPT:
        (real / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    (ours / _EXTENSIONS / EXTENSION).mkdir(mode=0o700, parents=True, exist_ok=True)
    found = {entry.name for entry in real.iterdir()} - _OWN
    for name in found.union(_FILES):
        _link(ours / name, real / name)
    extensions = real / _EXTENSIONS
    for entry in extensions.iterdir() if extensions.is_dir() else ():
        if entry.name != EXTENSION:
            _link(ours / _EXTENSIONS / entry.name, entry)
    for name in _BESIDE:
        if (theirs / name).exists():
            _link(made / name, theirs / name)
    # Its launcher looks for them here, where the variable is set (0.61.0).
    _link(made / "settings.json", real / "settings.json")
    return made


def _link(link: Path, target: Path) -> None:
    if not link.is_symlink():
        link.symlink_to(target)
