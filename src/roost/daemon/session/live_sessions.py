"""A live session as the daemon holds it: its terminal, its sensor, its watches."""

import asyncio
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.facts import TurnEnded
from roost.core.vocabulary.session import Session
from roost.daemon.session.free_line import FreeLine
from roost.daemon.session.held_hooks import HeldHooks
from roost.daemon.session.hook_mail import HookMail
from roost.daemon.session.subagents import SubAgents
from roost.errors import RoostError
from roost.host.files import Tail
from roost.host.interfaces.terminals import Frame, Terminal
from roost.host.interfaces.watch import Watch
from roost.host.shim_spec import DeathRecord
from roost.runtimes.call import Call
from roost.runtimes.context import Context
from roost.runtimes.facts import Fact
from roost.runtimes.runtime import Runtime
from roost.runtimes.sensor import Sensor
from roost.runtimes.view import View

Reading = tuple[Sequence[Fact], Sequence[bytes], bytes | None]
"""Facts, new lines of the records, and the status file, as they were read at one time."""


class HandOver(Struct):
    """How one offer of a message goes: since when it stands pasted (monotonic seconds), and our Enters.

    `touched`: when a person had pressed a key last (Unix seconds) when the input line was seen to be empty,
    `trace`: what the people at the terminal had left until then.
    `queued`: at the last look it waited in the program's own queue for the end of the running turn.
    `called`: it was not typed, its program's API was called. `hooked`: a hook of its program was given it.
    """

    message: str
    attempt: int
    pasted: float
    enters: int = 0
    touched: float | None = None
    trace: str = ""
    queued: bool = False
    called: bool = False
    hooked: bool = False

    def words(self, now: float) -> str:
        """What was done, for the message's story."""
        if self.called:
            return f"by a call, within {rough_duration(now - self.pasted)}"
        if self.hooked:
            return f"by a hook, within {rough_duration(now - self.pasted)}"
        times = {0: "no Enter", 1: "Enter", 2: "Enter twice"}.get(self.enters, f"Enter {self.enters} times")
        return f"pasted, {times}, within {rough_duration(now - self.pasted)}"


class Broken(Struct, frozen=True):
    """The end of a turn that was broken off by somebody, or by its program as it leaves: time tells.

    `ending`: roost had begun to end the session before.
    """

    end: TurnEnded
    ending: bool


class NoTerminalError(RoostError):
    """The session has no terminal of ours: it is in a person's own, or a thread of somebody else's server."""


class Leftovers(Struct, frozen=True):
    """What one look at an ended session found: `dead` its agent, `cleared` all of it, both for certain.

    `record`: its shim's; `unread`: why that cannot be read. `lines`: what it showed last. `resumable`: a turn
    that was cut off can go on in a next session. `missed`: why its agent's own record is not all read.
    """

    dead: bool
    cleared: bool
    record: DeathRecord | None
    unread: OSError | None
    lines: tuple[str, ...]
    resumable: bool
    missed: str = ""


class Misplaced(Struct, frozen=True):
    """What is wrong with the folder that a session works in, in words.

    `place` is where it stood, `moved` where it is now, as far as known; `taken`: another one stands there.
    """

    why: str
    place: str
    moved: str | None
    taken: bool


class LiveSession(Struct):
    """One live session. `poke` wakes its driver, `changed` fires after each look.

    `prompted` are the messages that the agent's own record shows to be taken since its latest turn began: a
    turn's end that follows there is the end of their turn. `answered`: the record shows that the model has
    answered something in it. `entered` is the message, with its attempt, whose text was seen to leave the
    input line after our Enter, `rejected` the one that its program refused last. `interrupting` are the
    messages whose turn we pressed a key to end, `interrupted` when we did last (monotonic), `broken` the end
    of a turn of which nobody may know, `worked`: it was seen at work since its latest prompt was recorded,
    `put_back`: at its prompt after that with our text in the input line again, `compacted_at` when it was
    last compacted (Unix seconds, by the agent's own record).
    `offers` are the keys of the offers whose intents are open.
    `frame` is the terminal as it was seen last, `view` what its program shows there.
    `quiet`: its driver looks again when it is poked, or when one of these files or the pane log has changed;
    None: it looks again by itself. `at_work`: something goes on there, so that they are looked at more often;
    `begins` fires when that begins, in whichever session. `lost`: its agent or terminal is dead, so that what
    its files still say of its state is not true any more. `over`: its shim has recorded the agent's end, or
    has ended itself, as `witness` says; `record`: the record that was heard of; `leftovers`: what the agent
    had left then.
    `log` is where its terminal's output goes, as far as known. `misplaced`: what is wrong with its folder.
    `forgotten`: its files are let go of.
    `found` is what was read of its files and not told yet, `readers` how many read them now.
    `halted` (blocking) tells whether a signal or a debugger holds the agent's process.
    `call` is its program's API, where messages come in by that. `free`: when its input line was last known to
    be free, `hooks` are those that wait for an answer, `typing` is held from the look before a paste to its
    Enter, by what looks meanwhile; `clearing`: a text of ours is being removed from there. `shown_in` is its
    terminal; None: it is in a person's own, or, with `agent_pid` 0, a thread of somebody else's server.
    `mail`: what waits for its hooks to ask for it, `found_by`: the file named after its conversation by which
    hooks find that it has joined, `subagents`: those that its hooks have told of. `turns_over`: how often it
    was seen to rest after work, by whoever looked.
    """

    context: Context
    runtime: Runtime
    sensor: Sensor
    shown_in: Terminal | None
    agent_pid: int
    log: Path | None = None
    poke: asyncio.Event = field(default_factory=asyncio.Event)
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    tails: dict[Path, Tail] = field(default_factory=dict[Path, Tail])
    watches: list[Watch] = field(default_factory=list[Watch])
    frame: Frame | None = None
    view: View | None = None
    screen: str = ""
    prompted: set[str] = field(default_factory=set[str])
    answered: bool = False
    entered: tuple[str, int] | None = None
    handover: HandOver | None = None
    rejected: str = ""
    interrupting: frozenset[str] = frozenset()
    interrupted: float | None = None
    broken: Broken | None = None
    worked: bool = False
    put_back: bool = False
    compacted_at: float = 0.0
    offers: set[str] = field(default_factory=set[str])
    over: asyncio.Event = field(default_factory=asyncio.Event)
    witness: str = ""
    record: DeathRecord | None = None
    leftovers: Leftovers | None = None
    reaping: bool = False
    misplaced: Misplaced | None = None
    forgotten: bool = False
    readers: int = 0
    found: list[Reading] = field(default_factory=list[Reading])
    halted: Callable[[], bool] = lambda: False
    lost: bool = False
    quiet: tuple[str, ...] | None = None
    at_work: bool = False
    begins: asyncio.Event = field(default_factory=asyncio.Event)
    call: Call | None = None
    typing: asyncio.Lock = field(default_factory=asyncio.Lock)
    clearing: bool = False
    free: FreeLine = field(default_factory=FreeLine)
    hooks: HeldHooks = field(default_factory=HeldHooks)
    mail: HookMail = field(default_factory=HookMail)
    found_by: Path | None = None
    subagents: SubAgents = field(default_factory=SubAgents)
    turns_over: int = 0

    @property
    def terminal(self) -> Terminal:
        """Its terminal. Raises NoTerminalError."""
        if self.shown_in is None:
            raise NoTerminalError
        return self.shown_in

    @property
    def keyed(self) -> float | None:
        """When an attached person pressed a key last (Unix seconds), at the latest look; None: nobody is."""
        return self.frame.keyed if self.frame is not None else None

    @property
    def session(self) -> Session:
        """The session as it was launched or adopted; its changing fields are the fleet's."""
        return self.context.session

    @property
    def peer(self) -> str:
        """Whose session it is."""
        return self.context.session.peer

    def tail(self, path: Path) -> Tail:
        """Blocking: the reader of a record. One that was moved is read on, not again."""
        if path not in self.tails:
            was = next((old for old, tail in self.tails.items() if tail.moved_to(path)), None)
            self.tails[path] = self.tails.pop(was) if was is not None else Tail(path)
        return self.tails[path]

    def runs(self, conversation: str) -> None:
        """Note the conversation that the session turned out to run."""
        self.context = replace(self.context, session=replace(self.session, conversation=conversation))
        if self.found_by is not None:
            with suppress(OSError):
                self.found_by = self.found_by.rename(self.found_by.with_name(conversation))

    def ends(self, witness: str) -> None:
        """Note that the session is over, and what shows it; the first witness counts."""
        self.witness = self.witness or witness
        self.over.set()

    @contextmanager
    def reading(self) -> Generator[bool]:
        """Blocking: the files are in use; False when they are let go of already."""
        self.readers += 1
        try:
            yield not self.forgotten
        finally:
            self.readers -= 1
            if self.forgotten and not self.readers:
                self._close()

    def heard(self, lines: Sequence[bytes]) -> None:
        """Take what its program's API tells, as if it had been read from its record."""
        if lines and not self.forgotten:
            self.found.append(((), lines, None))
        self.poke.set()

    def take(self) -> Reading:
        """What was read and not told yet, in the order in which it was read."""
        read, self.found = self.found, []
        found = [fact for facts, _, _ in read for fact in facts]
        lines = [line for _, each, _ in read for line in each]
        return found, lines, read[-1][2] if read else None

    async def forget(self) -> None:
        """Let go of watches and files; a reader that a disk holds up lets go of them itself.

        Its driver is woken, and sees that the session is over.
        """
        self.hooks.release()
        for watch in self.watches:
            watch.cancel()
        if self.call is not None:
            await self.call.close()
        async with self.looking:
            self.forgotten = True
            if not self.readers:
                self._close()
        self.poke.set()

    def _close(self) -> None:
        for tail in self.tails.values():
            tail.close()


class LiveSessions:
    """The live sessions by session id."""

    def __init__(self) -> None:
        """Begin with none. `begins` fires when one of them has begun to work."""
        self._by_id: dict[str, LiveSession] = {}
        self.begins = asyncio.Event()

    def __iter__(self) -> Iterator[LiveSession]:
        """All of them."""
        return iter(list(self._by_id.values()))

    def add(self, live: LiveSession) -> None:
        """Hold a session."""
        live.begins = self.begins
        self._by_id[live.session.id] = live

    def find(self, session: str | None) -> LiveSession | None:
        """The session of that id."""
        return self._by_id.get(session) if session is not None else None

    def drop(self, session: str) -> None:
        """Hold a session no more."""
        self._by_id.pop(session, None)
