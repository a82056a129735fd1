"""The user's arguments for a Codex whose conversation runs in an app-server (measured with 0.171.0).

The server takes `-c`, `--enable` and `--disable` alone. The pane's program tells it model, approvals and
sandbox of a conversation that it begins, by its own configuration. Of one that it resumes it may not, and
ends ("Permission overrides are not supported when resuming a remote task"): there the server's configuration
counts.
"""

import json
from collections.abc import Mapping

from msgspec import Struct

from roost.core.vocabulary.peer import Settings
from roost.errors import InvalidSettingError
from roost.runtimes import codex_args

_KEYS: Mapping[str, str] = {
    "--ask-for-approval": "approval_policy",
    "--model": "model",
    "--sandbox": "sandbox_mode",
}
_BYPASS = ("approval_policy=never", "sandbox_mode=danger-full-access")
_BOTH = frozenset({"--enable", "--disable"})
_PANE = frozenset({"--no-alt-screen"})


class Theirs(Struct, frozen=True):
    """Words for the server, for the pane, and more for a pane that begins a conversation."""

    server: tuple[str, ...] = ()
    pane: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    prompt: str = ""


def read(settings: Settings) -> Theirs:
    """The peer's arguments. Raises InvalidSettingError when one of them may not be given."""
    kept, prompt = codex_args.taken(settings)
    config: list[str] = []
    both: list[str] = []
    pane: list[str] = []
    for given in kept:
        if given.name == codex_args.CONFIG:
            config += ["-c", given.value]
        elif given.name in _KEYS:
            config += ["-c", f"{_KEYS[given.name]}={json.dumps(given.value)}"]
        elif given.name == "--dangerously-bypass-approvals-and-sandbox":
            config += [word for pair in _BYPASS for word in ("-c", pair)]
        elif given.name in _BOTH:
            both += given.words
        elif given.name in _PANE:
            pane += given.words
        else:
            raise InvalidSettingError(
                f"'{given.words[0]}' cannot be given in 'args': the conversation runs in an app-server, which"
                " takes -c KEY=VALUE, --enable and --disable"
            )
    return Theirs((*config, *both), (*pane, *both), tuple(config), prompt)
