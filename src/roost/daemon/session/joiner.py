"""Joins threads of servers that somebody else runs: what a launch is to a session with a terminal."""

from msgspec.structs import replace

from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import ServerThread, Session
from roost.daemon.session.failures import LaunchError
from roost.daemon.session.launcher import Launcher, NothingToResumeError
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.machine import Machine
from roost.runtimes.call import CallLostError, CallRefusedError
from roost.runtimes.codex_server.connection import NobodyListensError
from roost.runtimes.codex_thread import options
from roost.runtimes.context import Context


class Joiner:
    """Makes live sessions of threads. Nothing of a server is started, and nothing of it is ended."""

    def __init__(self, machine: Machine, launcher: Launcher) -> None:
        """Join from this machine."""
        self._machine = machine
        self._launcher = launcher

    async def join(self, session: Session, settings: Settings) -> tuple[LiveSession, ServerThread]:
        """Begin the session's thread or load the one that it is.

        Raises LaunchError, NothingToResumeError, or another RoostError with the reason.
        """
        token = await self._launcher.token(session)
        context = self._launcher.context(session, settings)
        asked = options(context.url, token, settings.prompt)
        return await self._joined(context, asked, begins=not session.resumed)

    async def rejoin(self, session: Session, settings: Settings) -> LiveSession:
        """Follow a thread again that the last daemon followed. Raises as `join` does."""
        live, _ = await self._joined(self._launcher.context(session, settings), {}, begins=False)
        return live

    async def _joined(
        self, context: Context, asked: dict[str, object], *, begins: bool
    ) -> tuple[LiveSession, ServerThread]:
        session, settings = context.session, context.settings
        runtime = self._machine.runtimes.get(settings.runtime)
        runtime.check(settings)
        call = self._machine.runtimes.servers.thread(session, settings.server)
        try:
            thread = await call.join(settings.dir, asked, begins=begins)
        except BaseException as error:
            await call.close()
            raise _judged(error, settings) from error
        known = session.thread or thread  # as it was before a daemon that joins it again
        context = replace(context, session=replace(session, thread=known, conversation=thread.id))
        return LiveSession(context, runtime, runtime.sensor(context), None, 0, call=call), thread


def _judged(error: BaseException, settings: Settings) -> BaseException:
    """Why a thread could not be joined, and who is to blame: never the peer."""
    match error:
        case NobodyListensError():
            return LaunchError(f"{error.message}; its server is to be started there", Blame.HOST)
        case CallLostError():
            return LaunchError(error.message, Blame.HOST)
        case CallRefusedError() if "no rollout found" in error.message and not settings.thread:
            return NothingToResumeError(f"its server at {settings.server} says: {error.message}")
        case CallRefusedError():
            return LaunchError(f"its server at {settings.server} says: {error.message}", Blame.SETUP)
        case _:
            return error
