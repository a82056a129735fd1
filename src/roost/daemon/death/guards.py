"""What speaks against an end that nobody asked for: every guard needs positive proof of idleness (N5).

The look is taken right before the end, never from memory. What cannot be seen speaks against the end. Each
veto names the time after which it is asked again.
"""

import logging

from roost.core.transition.ending import AT_REST
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.commands import End
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import SessionState
from roost.daemon.session.driver import Driver
from roost.daemon.session.failures import judged
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.machine import Machine
from roost.runtimes.view import Composer

HUMAN = 600.0
"""Seconds since the last key of an attached person during which the session is not put to sleep."""
UNHELD = 5.0
"""Seconds for which that of a session holds whose terminal is just being joined, as at a start."""
SOON = 60.0
"""Seconds for which any other veto holds."""
QUEUE = 15.0
"""Seconds for which a person holds the worker of a task: then it is looked whether they are still there."""
_PERSON = "a person works in its terminal"
WATCHED = 1.0
"""Seconds over which the processes that the agent started are watched."""
WORK = 0.1
"""Seconds of processor time in that while that count as work."""
DRAWN = 5.0
LOOK = 0.1
"""Seconds for which, and between which, a screen is looked at that shows nothing: a program may answer before
it has drawn."""

_log = logging.getLogger("roost.guards")


class Guards:
    """Asked before a policy ends a session."""

    def __init__(self, machine: Machine) -> None:
        """Look at this machine."""
        self._machine = machine

    async def against(
        self, command: End, live: LiveSession | None, driver: Driver | None
    ) -> f.EndVetoed | None:
        """Why a guarded end must not happen now; None: nothing speaks against it."""
        if not command.guarded:
            return None
        if command.cause not in AT_REST:
            return await self._for_a_person(command, live)
        now = self._machine.clock.now()
        if live is None or driver is None:
            return f.EndVetoed(command.session.id, "its terminal is not held now", now + UNHELD)
        until = now + SOON
        try:
            person = await self._person(live)
            if person is not None:
                return f.EndVetoed(command.session.id, _PERSON, person + HUMAN)
            why = await self._at_work(command) or await self._not_idle(live, driver)
        except Exception as error:  # noqa: BLE001 -- a defect speaks against the end, too, and is met later again
            why = _unseen(command.session.id, error)
        return f.EndVetoed(command.session.id, why, until) if why else None

    async def _for_a_person(self, command: End, live: LiveSession | None) -> f.EndVetoed | None:
        """Only a person puts off the end of a task's worker: one that hangs is not idle, and has to end.

        Tasks wait behind it, so it is asked again soon whether the person is still there.
        """
        try:
            person = await self._person(live) if live is not None else None
        except Exception as error:  # noqa: BLE001 -- a defect there is no person either
            _unseen(command.session.id, error)
            return None
        if person is None:
            return None
        until = min(person + HUMAN, self._machine.clock.now() + QUEUE)
        return f.EndVetoed(command.session.id, _PERSON, until)

    async def _person(self, live: LiveSession) -> float | None:
        """When a person who is attached last pressed a key, if that was lately (Unix seconds)."""
        clients, touched = await live.terminal.clients(), await live.terminal.last_input()
        if not clients or touched is None:
            return None
        now = self._machine.clock.now()
        # A key that was pressed in the future was pressed before the clock was set back.
        return min(touched, now) if now - touched < HUMAN else None

    async def _at_work(self, command: End) -> str | None:
        """Whether something that the agent started uses the processor, as a build in the background does."""
        before = await self._machine.work.processes.run(self._children, command)
        if not before:
            return None
        used = await self._machine.work.processes.run(self._machine.processes.cpu_seconds, before)
        await self._machine.clock.sleep(WATCHED)
        used = await self._machine.work.processes.run(self._machine.processes.cpu_seconds, before) - used
        return "a process that it started is at work" if used >= WORK else None

    def _children(self, command: End) -> list[ProcessId]:
        """Blocking: all that runs below the shim but the agent."""
        processes = command.session.processes
        if processes is None:
            return []
        own = (processes.shim, processes.agent)
        return [each for each in self._machine.processes.tree(processes.shim, "", "") if each not in own]

    async def _not_idle(self, live: LiveSession, driver: Driver) -> str | None:
        """What a fresh look shows instead of an empty prompt."""
        reading = await driver.look(screen=True)
        drawn = self._machine.clock.monotonic() + DRAWN
        while not live.screen.strip() and self._machine.clock.monotonic() < drawn:
            await self._machine.clock.sleep(LOOK)
            reading = await driver.look(screen=True)
        view = live.view
        if view is not None and view.dialog is not None:
            return f"a dialog is open: {view.dialog}"
        if view is not None and view.composer is Composer.FILLED:
            return "a draft stands in its input line"
        if not live.screen.strip():
            return "its screen shows nothing"
        if reading is None:
            return "nothing tells whether it is idle"
        return None if reading.state is SessionState.IDLE else f"it is not idle: {reading.why}"


def _unseen(session: str, error: Exception) -> str:
    """In words, that a session cannot be looked at."""
    cause = judged(error)
    defect = error if cause.blame is Blame.ROOST else None
    _log.warning("session %s cannot be looked at before its end: %s", session, cause.message, exc_info=defect)
    return f"it cannot be looked at: {cause.message}"
