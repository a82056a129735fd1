"""The user's arguments for Codex beside ours (measured with 0.171.0).

Of a `-c KEY=VALUE` given twice the last one counts, a whole table takes the place of single keys of it, and
`--no-daemon` given twice is an error. So ours are taken out of theirs, joined with theirs, or refused.
"""

import tomllib
from collections.abc import Mapping, Sequence

from msgspec import Struct

from roost.core.vocabulary.peer import Settings
from roost.errors import InvalidSettingError
from roost.runtimes.arguments import PROMPT, Given, grammar, refuse

SERVER = "mcp_servers.roost"
"""The table of our MCP server."""
INSTRUCTIONS = "developer_instructions"
UPDATES = "check_for_update_on_startup"
NO_DAEMON = "--no-daemon"
CONFIG = "--config"

_GRAMMAR = grammar(
    none=(
        f"{NO_DAEMON} --all --approve-for-me --dangerously-bypass-approvals-and-sandbox"
        " --dangerously-bypass-hook-trust --help --include-non-interactive --last --no-alt-screen --oss"
        " --search --strict-config --version --worktree"
    ),
    one=f"{CONFIG} --cd",
    many="--image",
    aliases={
        "-C": "--cd",
        "-V": "--version",
        "-a": "--ask-for-approval",
        "-c": CONFIG,
        "-h": "--help",
        "-i": "--image",
        "-m": "--model",
        "-p": "--profile",
        "-s": "--sandbox",
    },
)

_CONVERSATION = (
    "roost chooses the conversation; use `roost wake NAME --resume`, `roost restart NAME` or resume=always"
)
_ELSEWHERE = "the session would run in a server that roost does not keep; leave it out"
_ONCE = "roost keeps the program at its prompt in a terminal; leave it out"
_REFUSED = {
    PROMPT: (
        "a prompt is a message: use `roost send NAME TEXT`, or prompt=TEXT for standing instructions;"
        " and the only command of Codex that roost runs is its terminal program"
    ),
    **dict.fromkeys(("--last", "--all", "--include-non-interactive"), _CONVERSATION),
    **dict.fromkeys(("--remote", "--remote-auth-token-env"), _ELSEWHERE),
    **dict.fromkeys(("--help", "--version"), _ONCE),
    "--cd": "the folder is a setting of the peer: dir=FOLDER",
    "--image": "it belongs to a prompt; use `roost send NAME TEXT --attach FILE`",
    "--worktree": "make the worktree with `git worktree add` and give its folder as dir=FOLDER",
}
_OWN: Mapping[str, str] = {
    UPDATES: "its question at the start would stand before the first message; leave it out",
    "mcp_servers": "the whole table holds roost's own server too; name yours: mcp_servers.NAME.url=...",
    SERVER: "it is roost's own server; give yours another name",
}


class Theirs(Struct, frozen=True):
    """What the user's arguments ask for: the words to pass on, and instructions to join with the peer's."""

    words: tuple[str, ...] = ()
    prompt: str = ""


def read(settings: Settings) -> Theirs:
    """The peer's arguments. Raises InvalidSettingError when one of them may not be given."""
    kept, prompt = taken(settings)
    return Theirs(tuple(word for given in kept for word in given.words), prompt)


def taken(settings: Settings) -> tuple[Sequence[Given], str]:
    """The options that go on to the program, and the instructions among them. Raises as `read` does."""
    kept: list[Given] = []
    prompt = ""
    for given in _GRAMMAR.read(settings.args):
        refuse(given, _REFUSED)
        if given.name == CONFIG and _key(given) == INSTRUCTIONS:
            prompt = _text(given.value.partition("=")[2])
        elif given.name != NO_DAEMON:
            kept.append(given)
    return kept, prompt


def _key(given: Given) -> str:
    """The key that is set, without quotation marks and spaces; raises InvalidSettingError for one of ours."""
    parts = [part.strip().strip("\"'") for part in given.value.partition("=")[0].split(".")]
    key = ".".join(parts)
    why = _OWN.get(key) or _OWN.get(".".join(parts[:2]))
    if why is not None:
        raise InvalidSettingError(f"'{given.words[0]} {key}' cannot be given in 'args': {why}")
    return key


def _text(value: str) -> str:
    """The value as Codex 0.171.0 reads it: TOML, or the text as it stands when it is none."""
    try:
        said = tomllib.loads(f"value = {value}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return value.strip()
    if not isinstance(said, str):
        raise InvalidSettingError(f"'{INSTRUCTIONS}' in 'args' is a text, not {value}")
    return said
