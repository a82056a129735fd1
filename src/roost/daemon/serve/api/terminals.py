"""What can be asked of the terminals of live peers."""

from pathlib import Path

from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.phrases import only_run
from roost.core.vocabulary.session import Session, SessionState
from roost.daemon.serve.api.peers import Peers
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.errors import RefusedError
from roost.host.errors import TmuxGone
from roost.host.interfaces.terminals import Frame
from roost.runtimes.codex_server.address import read_address


class Terminals:
    """Finds live sessions by the names of their peers."""

    def __init__(self, machine: Machine, fleet: Fleet, live_sessions: LiveSessions, peers: Peers) -> None:
        """Know this fleet's live sessions."""
        self._machine = machine
        self._fleet = fleet
        self._live_sessions = live_sessions
        self._peers = peers

    def find(self, name: str) -> LiveSession | None:
        """The live session of a peer, None when it has none."""
        session = self._fleet.get(name).session
        return self._live_sessions.find(session.id) if session is not None else None

    def live(self, name: str) -> LiveSession:
        """The live session of a peer; raises RefusedError when it sleeps."""
        if self._peers.is_mailbox(name):
            raise RefusedError(f"'{name}' is a mailbox and has no terminal; see `roost inbox {name}`")
        live = self.find(name)
        if live is None:
            peer, session = (state := self._fleet.get(name)).peer, state.session
            if session is not None:
                refuse_held(name, session)
                raise _unreached(name, session)
            goes_on_here = peer.settings.resumes_away and peer.conversation is not None
            if peer.settings.wake is WakePolicy.NEVER and not goes_on_here:
                raise RefusedError(only_run(name))
            raise RefusedError(f"'{name}' has no live session; wake it with `roost wake {name}`")
        refuse_thread(name, live.session)
        if live.session.own_terminal:
            raise RefusedError(
                f"'{name}' runs in a person's own terminal, which roost neither shows nor types into"
            )
        return live

    async def joinable(self, name: str) -> tuple[Path, str]:
        """The socket of a live peer's terminal, and the tmux that joins it there. Raises RoostError."""
        terminal = self.live(name).terminal
        await self._machine.terminals.reopen(terminal.socket, terminal.server)
        try:
            await terminal.ping()
        except TmuxGone as error:  # a person may have detached us just now
            session = self._fleet.get(name).session
            if session is not None and session.state is SessionState.UNKNOWN:
                raise _unreached(name, session) from error
        return terminal.socket, await self._machine.terminals.client(terminal.socket)

    async def take_over(self, name: str, by: str) -> None:
        """Note that a person begins to type into a peer's terminal from a browser."""
        await self._fleet.tell(name, r.TakeOver(by))

    async def screen(self, name: str) -> Frame:
        """What a live peer's terminal shows now. Raises RefusedError when it sleeps."""
        return await self.live(name).terminal.look()

    def log(self, name: str) -> Path:
        """Where what a peer's terminal shows is written to. Raises NotFoundError."""
        self._fleet.get(name)
        return self._machine.places.pane_log(name)

    def misplaced(self, name: str) -> str | None:
        """What is wrong with the folder that a live peer works in."""
        state = self._fleet.find(name)
        session = state.session if state is not None else None
        live = self._live_sessions.find(session.id) if session is not None else None
        return live.misplaced.why if live is not None and live.misplaced is not None else None


def _unreached(name: str, session: Session) -> RefusedError:
    """Of a session that may well live, and of which nobody holds the terminal."""
    changing = session.state in (SessionState.STARTING, SessionState.STOPPING)
    why = f"it is {session.state}" if changing else "the daemon is taking its session over; try again"
    if session.state is SessionState.UNKNOWN:
        why = session.why
    return RefusedError(f"the terminal of '{name}' cannot be reached now: {why}")


def refuse_thread(name: str, session: Session) -> None:
    """Raise RefusedError for a session that is a thread of a server: nothing of it is shown here."""
    thread = session.thread
    if thread is not None:
        join = f"codex resume --remote {read_address(thread.address).remote} {thread.id}"
        raise RefusedError(f"'{name}' is a thread of a server and has no terminal; `{join}` joins it")


def refuse_held(name: str, session: Session) -> None:
    """Raise RefusedError for a session that waits for its conversation: nothing is there to join."""
    if session.held:
        raise RefusedError(f"'{name}' waits: {session.why}, or `roost restart {name}` begins a fresh one")
