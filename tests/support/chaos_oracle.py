"""What must be true after chaos, read from the store, the agents' own log, /proc and the daemon's words."""

import os
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from roost.core.vocabulary.message import MessageState, Timing
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Session
from roost.host.process import SystemProcesses
from roost.store.interfaces import JournalRow, StoredMessage
from roost.store.reader import Reader
from tests.support.daemon import Roost

HEADER = re.compile(r"\[roost message ([0-9a-f]{32}) from ")
_GOES_ON = "go on with message"
_CLOSED_BY_A_DEFECT = (
    "Traceback",
    "Task exception was never retrieved",
    "cannot be decided",
    "never awaited",
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that the daemon has promised to keep. `key`: chosen by the sender."""

    id: str
    to: str
    body: str
    key: str | None
    since: int
    """How often its recipient had been removed when it was sent."""


@dataclass(frozen=True, slots=True)
class Showing:
    """A prompt that held a message's header, in the order of the agents' log."""

    message: str
    conversation: str
    session: str
    whole: bool


def read(roost: Roost) -> Reader:
    """The store as it is, without the daemon's help."""
    return Reader(roost.places.database)


def states(roost: Roost) -> dict[str, PeerState]:
    """All peers as stored."""
    reader = read(roost)
    try:
        return {state.peer.name: state for state in reader.peers()}
    finally:
        reader.close()


def journal(reader: Reader) -> Iterator[JournalRow]:
    """The whole journal."""
    after = 0
    while rows := reader.events(after, None, 1000):
        yield from rows
        after = rows[-1].seq


def showings(roost: Roost) -> list[Showing]:
    """Every prompt that a message has led to."""
    conversations: dict[str, str] = {}
    found: list[Showing] = []
    for record in roost.happened():
        if record["what"] == "start":
            conversations[record["session"]] = record["text"]
        elif record["what"] == "prompt":
            whole = _GOES_ON not in record["text"]
            session = record["session"]
            found += [
                Showing(each, conversations.get(session, "?"), session, whole)
                for each in HEADER.findall(record["text"])[:1]
            ]
    return found


def recorded(roost: Roost, conversation: str, message: str) -> int:
    """How many prompts of the conversation's own record are offers of that message's body."""
    found = 0
    for path in roost.places.state.glob(f"*/{conversation}.jsonl"):
        for line in path.read_text(errors="replace").splitlines():
            found += f"[roost message {message} from " in line and _GOES_ON not in line
    return found


def marked(roost: Roost) -> dict[int, str]:
    """Live processes of this home that carry a session's marker: pid -> session."""
    home = f"ROOST_HOME={roost.places.home}".encode()
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environ = (entry / "environ").read_bytes().split(b"\0")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        session = next((each[14:] for each in environ if each.startswith(b"ROOST_SESSION=")), None)
        if session and home in environ and state not in "ZX":
            found[int(entry.name)] = session.decode()
    return found


class Oracle:
    """Collects what is wrong as sentences. The daemon is up and at rest."""

    def __init__(self, roost: Roost, sent: list[Sent], removed: Counter[str]) -> None:
        self._roost = roost
        self._sent = sent
        self._removed = removed
        self.wrong: list[str] = []
        self._timings: dict[str, Timing] = {}

    def judge(self) -> list[str]:
        """Everything that is wrong."""
        reader = read(self._roost)
        try:
            rows = _of_present_lives(list(journal(reader)))
            stored = {each.id: found for each in self._sent if (found := reader.message(each.id))}
            queued = {row.message for row in rows if row.kind == "queued" and row.message is not None}
            self._timings = {each: found.message.timing for each in queued if (found := reader.message(each))}
        finally:
            reader.close()
        self._messages(stored)
        self._showings(stored, rows)
        self._lives(rows)
        if first := self._processes():
            # A session that was just going to sleep is no lie; one that is still so later is.
            threading.Event().wait(3)
            again = set(self._processes())
            self.wrong += [each for each in first if each in again]
        self._words()
        return self.wrong

    def _messages(self, stored: dict[str, StoredMessage]) -> None:
        """None lost; keys are names of one message."""
        ids: dict[str, set[str]] = defaultdict(set)
        for sent in self._sent:
            if sent.key is not None:
                ids[f"{sent.key} {sent.since}"].add(sent.id)
            if sent.since != self._removed[sent.to]:
                continue
            if sent.id not in stored:
                self.wrong.append(f"message {sent.id} to {sent.to} ({sent.body!r}) is lost")
        self.wrong += [f"key {key} gave {len(each)} messages" for key, each in ids.items() if len(each) > 1]

    def _showings(self, stored: dict[str, StoredMessage], rows: list[JournalRow]) -> None:
        """No body twice in one conversation; first showings in the order of the queue."""
        seen: Counter[tuple[str, str]] = Counter()
        first: dict[str, int] = {}
        sessions = {row.session for row in rows if row.kind == "starting"}
        shown = [showing for showing in showings(self._roost) if showing.session in sessions]
        for place, showing in enumerate(shown):
            if showing.whole:
                seen[showing.message, showing.conversation] += 1
                first.setdefault(showing.message, place)
        for (message, conversation), count in seen.items():
            held = recorded(self._roost, conversation, message)
            if count > 1 and held != 1:
                story = stored[message].attempts if message in stored else ()
                self.wrong.append(
                    f"message {message} was shown {count} times to {conversation},"
                    f" which holds it {held} times;"
                    f" {[(each.outcome, each.why) for each in story]}"
                )
        for message, each in stored.items():
            taken = each.message.accepted_at is not None and each.message.state is MessageState.DONE
            answered = "its answer" in each.message.why
            if (
                taken
                and message not in first
                and each.message.to not in ("operator", "person")
                and not answered
            ):
                self.wrong.append(f"message {message} is done and was never shown: {each.message.why}")
        self._order(rows, first)

    def _order(self, rows: list[JournalRow], first: dict[str, int]) -> None:
        """Of each peer and urgency, first showings come as the messages were queued."""
        latest: dict[tuple[str, Timing | None], tuple[int, str]] = {}
        for row in rows:
            if row.kind != "queued" or row.message not in first:
                continue
            lane = row.peer, self._timings.get(row.message)
            before = latest.get(lane, (-1, ""))
            place = first[row.message]
            if place < before[0]:
                self.wrong.append(f"{row.peer} was shown {row.message} before {before[1]}, which came first")
            else:
                latest[lane] = (place, row.message)

    def _lives(self, rows: list[JournalRow]) -> None:
        """One beginning and one end for each session; each end has a record with a cause."""
        names = set(states(self._roost))
        live = {state.session.id for state in states(self._roost).values() if state.session}
        stopped = Counter(row.session for row in rows if row.kind == "stopped")
        begun = {row.session: row.peer for row in rows if row.kind == "starting"}
        for session, peer in begun.items():
            if stopped[session] != (session not in live) and peer in names:
                self.wrong.append(f"session {session} of {peer} has {stopped[session]} ends")
        reader = read(self._roost)
        try:
            deaths = {death.session: death for death in reader.deaths(None, 100_000)}
        finally:
            reader.close()
        for row in rows:
            if row.kind != "stopped" or row.peer not in names:
                continue
            death = deaths.get(row.session or "")
            if death is None:
                self.wrong.append(f"session {row.session} of {row.peer} ended without a death")
            elif not death.evidence:
                self.wrong.append(f"the death of {row.session} ({death.cause}) has no evidence")
            elif "still there" in death.evidence or "cannot be read" in death.evidence:
                self.wrong.append(f"the death of {row.session}: {death.evidence}")

    def _processes(self) -> list[str]:
        """Rows and processes say the same."""
        live = {
            name: state.session for name, state in states(self._roost).items() if state.session is not None
        }
        wrong = [word for name, session in live.items() for word in _untrue(name, session)]
        ids = {session.id for session in live.values()}
        return wrong + self._left(ids)

    def _left(self, live: set[str]) -> list[str]:
        """What is left of ended sessions."""
        places = self._roost.places
        sockets = {places.terminal(session).name for session in live}
        return [
            *(
                f"process {pid} of the ended session {session} lives: {_command(pid)}"
                for pid, session in marked(self._roost).items()
                if session not in live
            ),
            *(
                f"the folder of the ended session {folder.name} is left"
                for folder in places.sessions.glob("*")
                if folder.name not in live
            ),
            *(f"{record.name} is left in the spool" for record in places.spool.glob("*.json*")),
            *(
                f"the terminal's socket {socket.name} is left"
                for socket in (places.run / "t").glob("*")
                if socket.name not in sockets
            ),
        ]

    def _words(self) -> None:
        said = self._roost.said()
        for word in _CLOSED_BY_A_DEFECT:
            if word in said:
                at = said.index(word)
                self.wrong.append(f"the daemon said: {said[max(0, at - 300) : at + 2500]}")
                return


def _of_present_lives(rows: list[JournalRow]) -> list[JournalRow]:
    """Without what a peer of the same name did before it was removed."""
    gone = {row.peer: row.seq for row in rows if row.kind == "removed"}
    return [row for row in rows if row.seq > gone.get(row.peer, 0)]


def _untrue(name: str, session: Session) -> Iterator[str]:
    """What a live row says of processes that do not live."""
    if session.processes is None:
        yield f"{name} has a session without processes: {session.state} {session.why}"
        return
    system = SystemProcesses()
    for what in ("agent", "shim", "server"):
        probe = system.probe(getattr(session.processes, what))
        if str(probe.liveness) != "alive":
            yield f"{name} is listed {session.state}, but its {what} is {probe.liveness}"


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "(gone)"


def descriptors(pid: int) -> int:
    """How many files a process holds open."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 -- a count of names
