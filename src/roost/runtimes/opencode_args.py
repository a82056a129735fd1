"""The user's arguments for OpenCode, and its configuration beside ours (measured with 1.18.33).

`--model` and `--agent` are for what is typed at its terminal alone; a prompt by its API goes by the
configuration. So they are set there, for one and the other.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from msgspec import Struct

from roost.core.vocabulary.peer import Settings
from roost.errors import InvalidSettingError
from roost.foreign import entire
from roost.runtimes.arguments import PROMPT, grammar, refuse

CONTENT = "OPENCODE_CONFIG_CONTENT"
"""The variable with a configuration on top of all files; lists and tables are joined with theirs."""
SERVER = "roost"
"""The name of our MCP server, with which the names of its tools begin."""
_CHOSEN = {"--model": "model", "--agent": "default_agent"}

_GRAMMAR = grammar(
    none="--auto --continue --fork --help --mdns --mini --no-replay --print-logs --pure --version",
    one=(
        "--agent --cors --hostname --log-level --mdns-domain --model --port --prompt --replay-limit --session"
    ),
    aliases={"-c": "--continue", "-h": "--help", "-m": "--model", "-s": "--session", "-v": "--version"},
)
_CONVERSATION = (
    "roost chooses the conversation; use `roost wake NAME --resume`, `roost restart NAME` or resume=always"
)
_SERVES = "roost reaches it by a port of its own on this machine; leave it out"
_ONCE = "roost keeps the program at its prompt in a terminal; leave it out"
_REFUSED = {
    PROMPT: (
        "the folder is a setting of the peer (dir=FOLDER), and the only command of OpenCode that roost runs"
        " is its terminal program"
    ),
    "--prompt": (
        "a prompt is a message: use `roost send NAME TEXT`, or prompt=TEXT for standing instructions"
    ),
    **dict.fromkeys(("--continue", "--fork", "--session"), _CONVERSATION),
    **dict.fromkeys(("--cors", "--hostname", "--mdns", "--mdns-domain", "--port"), _SERVES),
    **dict.fromkeys(("--help", "--version"), _ONCE),
}


class Theirs(Struct, frozen=True):
    """What the user's arguments ask for: the words to pass on, and what they choose in the configuration."""

    words: tuple[str, ...] = ()
    chosen: Mapping[str, str] | None = None


def read(settings: Settings) -> Theirs:
    """The peer's arguments. Raises InvalidSettingError when one of them may not be given."""
    words: list[str] = []
    chosen: dict[str, str] = {}
    for given in _GRAMMAR.read(settings.args):
        refuse(given, _REFUSED)
        if given.name in _CHOSEN and given.value:
            chosen[_CHOSEN[given.name]] = given.value
        words.extend(given.words)
    return Theirs(tuple(words), chosen)


def content(theirs: str | None, ours: Mapping[str, object]) -> str:
    """The configuration of one run: ours, joined with what the user's own variable holds.

    Raises InvalidSettingError when that is no JSON: comments are for files.
    """
    if not theirs:
        return json.dumps(ours)
    try:
        known = entire(theirs)
    except ValueError as error:
        raise InvalidSettingError(
            f"{CONTENT} cannot be read as JSON ({error}); correct it, or write a file and name that in"
            " OPENCODE_CONFIG"
        ) from error
    if not isinstance(known, dict):
        raise InvalidSettingError(f"{CONTENT} holds no JSON object")
    return json.dumps(_joined(cast("dict[str, Any]", known), ours))


def _joined(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Mapping[str, Any]:
    """Both, as OpenCode joins two files: tables key by key, lists one after the other, of others the latter.

    A `permission` that is one word means it for all.
    """
    joined = dict(theirs)
    for key, value in ours.items():
        known = joined.get(key)
        if key == "permission" and isinstance(known, str):
            known = {"*": known}
        if isinstance(known, dict) and isinstance(value, Mapping):
            joined[key] = _joined(cast("dict[str, Any]", known), cast("Mapping[str, Any]", value))
        elif isinstance(known, list) and isinstance(value, list):
            joined[key] = [*cast("list[Any]", known), *cast("list[Any]", value)]
        else:
            joined[key] = value
    return joined
