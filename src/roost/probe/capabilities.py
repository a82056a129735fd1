"""What roost can do with each runtime that needs no configuration, as its code declares it."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from roost.core.vocabulary.identity import HUMAN
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import stand_in
from roost.errors import InvalidSettingError
from roost.local.proven import PROVEN
from roost.local.ready_made import ready_made
from roost.runtimes.acp import AcpRuntime
from roost.runtimes.codex_server.servers import NotWiredError
from roost.runtimes.context import Context
from roost.runtimes.registry import BUILT_IN, Runtimes
from roost.runtimes.runtime import Runtime

_SERVER = "unix:/server"
_ASKED = ("PermissionRequest", {"tool_name": "Bash", "tool_input": {"command": "id"}})
"""What a hook of a program that asks for a permission sends, if it has one."""


class Answer(StrEnum):
    """What a cell of the table says. AGENT: the program tells, over ACP, whether it can."""

    YES = "yes"
    NO = "no"
    AGENT = "if its agent can"


class Capability(StrEnum):
    """A column of the table."""

    RESUME = "resume"
    STEER = "steer"
    EXACT_END = "exact end of turn"
    PERMISSION = "permission by API"
    COMPACT = "compaction"
    FORK = "fork"
    JOIN = "joins a live thread"


class Row(Struct, frozen=True):
    """One runtime. `proven`: how far it was. `notes`: what an answer leaves open."""

    runtime: str
    proven: str
    answers: Mapping[Capability, Answer]
    notes: Mapping[Capability, str]


def rows() -> list[Row]:
    """Blocking: all of them, the built-in ones first."""
    known = Runtimes()
    tables = {made.table.name: made.proven for made in ready_made()}
    names = [*sorted(BUILT_IN), *tables]
    return [_row(known, name, tables.get(name) or _built_in(name)) for name in names if name != HUMAN]


def _row(known: Runtimes, name: str, proven: str) -> Row:
    runtime = known.get(name)
    answers = {capability: look(known, runtime) for capability, look in _LOOKS.items()}
    return Row(name, proven, answers, _NOTES.get(name, {}))


def _built_in(name: str) -> str:
    version = PROVEN.get(name)
    return f"tested with version {version}" if version else "tested; part of roost"


def _resumes(_: Runtimes, runtime: Runtime) -> Answer:
    return _by_agent(runtime, declared=runtime.traits.resumable)


def _steers(_: Runtimes, runtime: Runtime) -> Answer:
    return _answer(runtime.traits.steers)


def _names_ends(_: Runtimes, runtime: Runtime) -> Answer:
    return _answer(runtime.controls.exact)


def _answers(_: Runtimes, runtime: Runtime) -> Answer:
    """By a call, or by a hook of the program that is held open."""
    if runtime.sensor(_context(runtime)).on_hook(*_ASKED) is not None:
        return Answer.YES
    try:
        return _answer(runtime.call(_context(runtime)) is not None)
    except NotWiredError:
        return Answer.YES  # its API is a server's, and nothing here speaks to any


def _compacts(_: Runtimes, runtime: Runtime) -> Answer:
    return _by_agent(runtime, declared=runtime.traits.compacts)


def _forks(_: Runtimes, runtime: Runtime) -> Answer:
    return _answer(hasattr(runtime, "fork"))


def _joins(known: Runtimes, runtime: Runtime) -> Answer:
    """Whether a thread of a server that runs can be its peer."""
    try:
        known.check_args(Settings("/", runtime.name, server=_SERVER, thread="thread"))
    except InvalidSettingError:
        return Answer.NO
    return Answer.YES


_LOOKS: Mapping[Capability, Callable[[Runtimes, Runtime], Answer]] = {
    Capability.RESUME: _resumes,
    Capability.STEER: _steers,
    Capability.EXACT_END: _names_ends,
    Capability.PERMISSION: _answers,
    Capability.COMPACT: _compacts,
    Capability.FORK: _forks,
    Capability.JOIN: _joins,
}

_NOTES: Mapping[str, Mapping[Capability, str]] = {
    "gemini": {
        Capability.STEER: "it waits in the program's own queue and begins the next turn",
    },
    "gemini-acp": {
        Capability.RESUME: (
            "Gemini CLI 0.61.0 does so once, and not in the minute in which the conversation began;"
            " else a fresh one begins, aloud"
        ),
    },
}


def _by_agent(runtime: Runtime, *, declared: bool) -> Answer:
    """An agent that speaks ACP announces what it can when its session is opened; the demo agent is ours."""
    announces = isinstance(runtime, AcpRuntime) and runtime.name not in BUILT_IN
    return Answer.AGENT if declared and announces else _answer(declared)


def _answer(declared: bool) -> Answer:  # noqa: FBT001 -- the only thing that it is told
    return Answer.YES if declared else Answer.NO


def _context(runtime: Runtime) -> Context:
    """Stands for a session of it; nothing of it is there."""
    session = stand_in("session", "peer", 1, "conversation")
    settings = Settings("/", runtime.name, server=_SERVER)
    return Context(session, settings, Path("/"), Path("/"), {}, "", Path("/socket"))
