"""The user's arguments for Gemini CLI beside ours (measured with 0.61.0).

A list that is given several times is joined. `--policy` takes the place of the policies in the user's home
and settings, so those are named beside ours; `--extensions` and `--allowed-mcp-server-names` leave out what
they do not name, so ours is added.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from roost.core.vocabulary.peer import Settings
from roost.errors import InvalidSettingError
from roost.foreign import decode
from roost.runtimes.arguments import PROMPT, grammar, refuse
from roost.runtimes.gemini_home import EXTENSION, GEMINI

_EXTENSIONS = "--extensions"
_SERVERS = "--allowed-mcp-server-names"
_POLICY = "--policy"
_SETTINGS = "settings.json"
_NONE = "none"

_GRAMMAR = grammar(
    none=(
        "--accept-raw-output-risk --acp --debug --experimental-acp --help --list-extensions --list-sessions"
        " --raw-output --sandbox --screen-reader --skip-trust --version --yolo"
    ),
    one="--approval-mode --delete-session --model --output-format --session-file --session-id",
    many=f"--admin-policy --allowed-tools --include-directories {_EXTENSIONS} {_POLICY} {_SERVERS}",
    aliases={
        "-d": "--debug",
        "-e": _EXTENSIONS,
        "-h": "--help",
        "-i": "--prompt-interactive",
        "-l": "--list-extensions",
        "-m": "--model",
        "-o": "--output-format",
        "-p": "--prompt",
        "-r": "--resume",
        "-s": "--sandbox",
        "-v": "--version",
        "-w": "--worktree",
        "-y": "--yolo",
    },
)

_CONVERSATION = (
    "roost chooses the conversation; use `roost wake NAME --resume`, `roost restart NAME` or resume=always"
)
_ONCE = "roost keeps the program at its prompt in a terminal; leave it out"
_SENT = (
    "a prompt is a message: use `roost send NAME TEXT`, or prompt=TEXT for standing instructions;"
    " and the only command of Gemini CLI that roost runs is its terminal program"
)
_REFUSED = {
    **dict.fromkeys((PROMPT, "--prompt", "--prompt-interactive"), _SENT),
    **dict.fromkeys(("--session-id", "--resume", "--session-file", "--delete-session"), _CONVERSATION),
    **dict.fromkeys(("--help", "--version", "--list-extensions", "--list-sessions"), _ONCE),
    **dict.fromkeys(("--acp", "--experimental-acp", "--output-format"), _ONCE),
    "--sandbox": "neither roost's tools nor its record can be reached from there; leave it out",
    "--screen-reader": "roost reads the screen as it is drawn without it; leave it out",
    "--worktree": "make the worktree with `git worktree add` and give its folder as dir=FOLDER",
}


def read(settings: Settings) -> tuple[str, ...]:
    """The words to pass on, ours added where theirs would leave ours out.

    Raises InvalidSettingError when one of them may not be given.
    """
    words: list[str] = []
    for given in _GRAMMAR.read(settings.args):
        refuse(given, _REFUSED)
        if given.name == _EXTENSIONS:
            words += [_EXTENSIONS, *(name for name in given.values if name.lower() != _NONE), EXTENSION]
        elif given.name == _SERVERS:
            words += [*given.words, EXTENSION]
        else:
            words += given.words
    return tuple(words)


def policies(settings: Settings, ours: Path, folder: Path) -> Iterator[str]:
    """Blocking: options that let our tools be called without a question, beside the policies of the user.

    `folder` is the user's `.gemini`. What the arguments name comes with them. Raises InvalidSettingError
    where a server of theirs has the name of ours: it takes its place, and would not have to ask.
    """
    files = [folder / _SETTINGS, Path(settings.dir) / GEMINI / _SETTINGS]
    user, project = (_said(path) for path in files)
    for path, said in zip(files, (user, project), strict=True):
        if EXTENSION in (said.get("mcpServers") or {}):
            raise InvalidSettingError(
                f"the MCP server '{EXTENSION}' in {path} has the name of roost's own; give yours another name"
            )
    yield from (_POLICY, str(ours))
    if any(given.name == _POLICY for given in _GRAMMAR.read(settings.args)):
        return
    for path in [*user.get("policyPaths", ()), *project.get("policyPaths", ())] or [folder / "policies"]:
        if Path(path).exists():
            yield from (_POLICY, str(path))


def _said(path: Path) -> Mapping[str, Any]:
    """What a settings file says; nothing where it cannot be read."""
    try:
        said: object = decode(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return cast("Mapping[str, Any]", said) if isinstance(said, dict) else {}
