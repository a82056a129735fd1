"""Launches: a session is started once its conversation is free and the machine has room for it."""

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, WakeCause
from roost.daemon.death.cleanup import Cleanup
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.session.failures import LaunchError, check_room
from roost.daemon.session.foreign import Foreign
from roost.daemon.session.joiner import Joiner
from roost.daemon.session.launcher import Launcher, NothingToResumeError
from roost.daemon.state.fleet import Fleet


class Launches:
    """Starts sessions."""

    def __init__(
        self,
        fleet: Fleet,
        launcher: Launcher,
        joiner: Joiner,
        foreign: Foreign,
        cleanup: Cleanup,
        supervisor: Supervisor,
    ) -> None:
        """Start through these parts."""
        self._fleet = fleet
        self._launcher = launcher
        self._joiner = joiner
        self._foreign = foreign
        self._cleanup = cleanup
        self._supervisor = supervisor
        self._launching = 0

    async def launch(self, session: Session, key: str) -> None:
        """Start a session once its conversation is free. Raises LaunchError, RoostError, OSError."""
        peer = session.peer
        await self._cleanup.over(peer)
        await self._launcher.learn(self._fleet.get(peer).peer.settings.runtime)
        if session.wake is WakeCause.AWAY_RESUME:
            await self._launcher.hand_on(session, self._fleet.get(peer).peer.settings)
        waits = session.resumed or self._foreign.unknown(peer) is not None
        if waits and not await self._foreign.free(session):
            raise LaunchError("it was to end before its conversation was free", Blame.HOST)
        settings = self._fleet.get(peer).peer.settings
        if settings.threaded:
            await self._join(session, settings, key)
            return
        check_room(self._supervisor.held(), self._launching)
        self._launching += 1
        try:
            begin = self._launcher.launch_elsewhere if session.own_terminal else self._launcher.launch
            live = await begin(session, settings)
        except NothingToResumeError:
            await self._fleet.report(peer, f.ConversationMissing(session.id), settles=key)
            return
        finally:
            self._launching -= 1
        processes = live.session.processes
        assert processes is not None  # noqa: S101 -- a live session is built from its processes
        await self._fleet.report(peer, f.Launched(session.id, processes), settles=key)
        self._supervisor.supervise(live)

    async def _join(self, session: Session, settings: Settings, key: str) -> None:
        """Join the thread that the session is."""
        try:
            live, thread = await self._joiner.join(session, settings)
        except NothingToResumeError as error:
            missing = f.ConversationMissing(session.id, error.message)
            await self._fleet.report(session.peer, missing, settles=key)
            return
        self._supervisor.hold(live)  # from now on its end is noticed
        await self._fleet.report(session.peer, f.ThreadJoined(session.id, thread), settles=key)
        if self._supervisor.live(session.id) is live:
            self._supervisor.supervise(live)
