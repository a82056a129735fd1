"""The user's arguments for Claude Code beside ours (measured with 2.1.332).

`--settings` and `--append-system-prompt` given twice: the last one alone counts, so theirs is merged into
ours. `--mcp-config` may be given several times. What chooses another conversation, ends without a terminal
session, moves the session elsewhere or blinds us is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from msgspec import Struct, field

from roost.core.vocabulary.peer import Settings
from roost.errors import InvalidSettingError
from roost.foreign import entire
from roost.runtimes.arguments import PROMPT, Given, grammar, refuse
from roost.runtimes.claude_transcript import UNRECORDED, is_on

SERVER = "roost"
"""The name of our MCP server."""
_SETTINGS, _SERVERS = "--settings", "--mcp-config"
_SAID, _SAID_FILE = "--append-system-prompt", "--append-system-prompt-file"

_GRAMMAR = grammar(
    none=(
        "--allow-dangerously-skip-permissions --ax-screen-reader --background --bare --brief --chrome"
        " --continue --dangerously-skip-permissions --desktop --disable-slash-commands --fork-session"
        " --help --ide"
        " --no-chrome --no-session-persistence --print --restricted --safe-mode --strict-mcp-config"
        " --verbose --version"
    ),
    one=f"{_SETTINGS} {_SAID} {_SAID_FILE} --session-id --system-prompt",
    many=(
        f"{_SERVERS} --add-dir --allowed-tools --betas --channels --dangerously-load-development-channels"
        " --disallowed-tools --file --tools"
    ),
    aliases={
        "-c": "--continue",
        "-h": "--help",
        "-n": "--name",
        "-p": "--print",
        "-r": "--resume",
        "-v": "--version",
        "-w": "--worktree",
        "--allowedTools": "--allowed-tools",
        "--bg": "--background",
        "--disallowedTools": "--disallowed-tools",
    },
)

_CONVERSATION = (
    "roost chooses the conversation; use `roost wake NAME --resume`, `roost restart NAME` or resume=always"
)
_ONCE = "roost keeps the program at its prompt in a terminal; leave it out"
_ELSEWHERE = "it moves the session out of the terminal that roost keeps; leave it out"
_BLIND = "it switches off the hooks or tools by which roost and the agent know of each other; leave it out"
_UNRECORDED = "its program then writes no record, by which roost tells what became of a message; leave it out"
_REFUSED = {
    PROMPT: "a prompt is a message; use `roost send NAME TEXT`, or prompt=TEXT for standing instructions",
    **dict.fromkeys(
        ("--session-id", "--resume", "--continue", "--fork-session", "--from-pr", "--teleport"), _CONVERSATION
    ),
    **dict.fromkeys(("--resume-session-at", "--rewind-files"), _CONVERSATION),
    **dict.fromkeys(("--print", "--help", "--version", "--init-only"), _ONCE),
    **dict.fromkeys(("--background", "--cloud", "--desktop", "--remote", "--tmux"), _ELSEWHERE),
    **dict.fromkeys(("--bare", "--safe-mode"), _BLIND),
    "--no-session-persistence": _UNRECORDED,
    "--ax-screen-reader": "roost reads the screen as it is drawn without it; leave it out",
    "--prefill": "a text in the input line is a draft, and no message is put beside one; leave it out",
    "--prompt-suggestions": "a suggestion in the input line looks like a draft; leave it out",
    "--worktree": "make the worktree with `git worktree add` and give its folder as dir=FOLDER",
}

_REFUSED_THERE = {name: why for name, why in _REFUSED.items() if why in (_ELSEWHERE, _BLIND, _UNRECORDED)}
"""What is refused in a person's own terminal, too: roost would lose sight of it."""
_REFUSED_VARIABLES = {
    "CLAUDE_CODE_SIMPLE": _BLIND,
    "CLAUDE_CODE_SAFE_MODE": _BLIND,
    UNRECORDED: _UNRECORDED,
}
"""Variables that do, once they are switched on, what those options do."""
_CHOICES = frozenset({"--session-id", "--resume", "--continue", "--from-pr", "--teleport"})
"""Options that choose the conversation."""


class Theirs(Struct, frozen=True):
    """What the user's arguments ask for: the words to pass on, and what has to be merged into ours.

    `chooses`: the conversation is chosen by them.
    """

    words: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    prompt: str = ""
    chooses: bool = False


def read(settings: Settings, *, own_terminal: bool = False) -> Theirs:
    """Blocking: the peer's arguments, its files read. `own_terminal`: there a person may say more.

    Raises InvalidSettingError when one of them may not be given, or names a file that is missing or wrong.
    """
    if (refused := _refused_variable(dict(settings.env))) is not None:
        raise InvalidSettingError(f"'env.{refused[0]}' cannot be set: {refused[1]}")
    words: list[str] = []
    merged: Mapping[str, Any] = {}
    prompt, chooses = "", False
    for given in _GRAMMAR.read(settings.args):
        refuse(given, _REFUSED_THERE if own_terminal else _REFUSED)
        chooses = chooses or given.name in _CHOICES
        if given.name == _SETTINGS:
            merged = _settings(given, settings)
        elif given.name == _SAID:
            prompt = given.value
        elif given.name == _SAID_FILE:
            prompt = _content(given.name, given.value, settings)
        else:
            if given.name == _SERVERS:
                _check_servers(given, settings)
            words.extend(given.words)
    return Theirs(tuple(words), merged, prompt, chooses)


def merge(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of both: hooks one after the other, allowed tools together, else ours where both speak."""
    hooks, permissions = dict(theirs.get("hooks", {})), dict(theirs.get("permissions", {}))
    for event, entries in ours["hooks"].items():
        hooks[event] = [*hooks.get(event, ()), *entries]
    allowed = [*permissions.get("allow", ()), *ours["permissions"]["allow"]]
    permissions["allow"] = list(dict.fromkeys(allowed))
    return {**theirs, **ours, "hooks": hooks, "permissions": permissions}


def _settings(given: Given, settings: Settings) -> Mapping[str, Any]:
    said = _object(given.name, given.value, settings)
    hooks, permissions = said.get("hooks", {}), said.get("permissions", {})
    if not isinstance(hooks, dict) or not all(
        isinstance(entries, list) for entries in cast("dict[str, object]", hooks).values()
    ):
        raise InvalidSettingError(f"the settings of '{given.name}' are wrong: 'hooks' maps events to lists")
    if not isinstance(permissions, dict) or not isinstance(
        cast("dict[str, object]", permissions).get("allow", []), list
    ):
        raise InvalidSettingError(f"the settings of '{given.name}' are wrong: 'permissions.allow' is a list")
    if said.get("disableAllHooks"):
        raise InvalidSettingError(f"the settings of '{given.name}' cannot hold 'disableAllHooks': {_BLIND}")
    variables: object = said.get("env")
    if isinstance(variables, dict):
        refused = _refused_variable(cast("dict[str, object]", variables))
        if refused is not None:
            name, why = refused
            raise InvalidSettingError(f"the settings of '{given.name}' cannot hold 'env.{name}': {why}")
    return said


def _refused_variable(variables: Mapping[str, object]) -> tuple[str, str] | None:
    """The first of these variables that is not to be set, and why."""
    found = ((name, why) for name, why in _REFUSED_VARIABLES.items() if is_on(variables.get(name)))
    return next(found, None)


def _check_servers(given: Given, settings: Settings) -> None:
    for value in given.values:
        servers = _object(given.name, value, settings).get("mcpServers", {})
        if isinstance(servers, dict) and SERVER in servers:
            raise InvalidSettingError(
                f"the MCP server '{SERVER}' of '{given.name}' is roost's own; give yours another name"
            )


def _object(name: str, value: str, settings: Settings) -> Mapping[str, Any]:
    """A JSON object: the value itself when it stands in braces, else the file of that name."""
    inline = value.strip().startswith("{")
    text = value if inline else _content(name, value, settings)
    where = "" if inline else f" {value}"
    try:
        said = entire(text)
    except ValueError as error:
        raise InvalidSettingError(f"the value of '{name}'{where} cannot be read as JSON: {error}") from error
    if not isinstance(said, dict):
        raise InvalidSettingError(f"the value of '{name}'{where} is not a JSON object")
    return cast("Mapping[str, Any]", said)


def _content(name: str, value: str, settings: Settings) -> str:
    """The text of a file; a relative name is meant from the peer's folder."""
    path = Path(settings.dir, value)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidSettingError(f"the file of '{name}' cannot be read: {path}: {why}") from error


def joined(prompts: Sequence[str]) -> Iterator[str]:
    """The option that gives the program these standing instructions; nothing without any."""
    said = [prompt for prompt in prompts if prompt]
    if said:
        yield from (_SAID, "\n\n".join(said))
