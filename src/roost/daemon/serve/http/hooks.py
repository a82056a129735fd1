"""What the agents' own hooks report. A hook is a poke and a hint: order comes from the agent's record."""

import logging
from collections.abc import Mapping
from typing import Any, cast

from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Timing
from roost.core.vocabulary.session import SessionState
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.serve.caller import Caller
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.fleet import Fleet
from roost.errors import RoostError
from roost.foreign import decode
from roost.host.interfaces.clock import Clock
from roost.runtimes.carrier import Moment

OFFERED = 1.0
"""Seconds that a hook waits for the offer of a message that is there; Claude Code waits two for the hook."""

_log = logging.getLogger("roost.hooks")


class Hooks:
    """Hands hook payloads to the sensors of their sessions, and mail to those that ask for it."""

    def __init__(self, supervisor: Supervisor, fleet: Fleet, clock: Clock) -> None:
        """Find sessions here."""
        self._supervisor = supervisor
        self._clock = clock
        self._fleet = fleet

    async def receive(self, caller: Caller, name: str, body: bytes) -> Mapping[str, Any]:
        """Take one payload and return what the hook answers; one that cannot be read is a poke all the same.

        A hook that asks for something is held open for a while, until a person has answered or its dialog is
        gone. In a person's own terminal a hook is given the mail that waits.
        """
        live = self._supervisor.live(caller.session)
        if live is None:
            return {}
        try:
            payload = decode(body)
        except ValueError:
            payload = {}
        fields = cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}
        if live.session.joined is not None and not _is_of(live, fields):
            return {}  # others in its folder run these hooks as well
        await self._called(live)
        live.subagents.note(name, fields, self._clock.now())
        asks = None
        try:
            asks = live.sensor.on_hook(name, fields)
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as defect:
            _log.warning("the hook %s of %s is not understood: %r", name, live.peer, defect)
        finally:
            live.poke.set()
        if asks is not None:
            return await live.hooks.hold(asks)
        return await self._mail(live, name, fields) if live.session.own_terminal else {}

    async def _called(self, live: LiveSession) -> None:
        """One that has read its mail itself until now has hooks that run."""
        state = self._fleet.find(live.peer)
        session = state.find_session(live.session.id) if state is not None else None
        if session is not None and session.reads:
            await self._fleet.report(live.peer, r.Hooked(session.id))

    async def _mail(self, live: LiveSession, name: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """What waits for the session, as this hook can carry it; most of the time there is nothing.

        A hook shows that a turn runs, which a look may not have told yet: the offer follows from that.
        """
        carrier = live.runtime.controls.carrier
        moment = carrier.moment(name, fields) if carrier is not None else None
        if carrier is None or moment is None or not self._waits(live, moment):
            return {}
        if not _is_of(live, fields):
            return {}  # it is of another conversation that its program has open
        turn = f.Observed(live.session.id, SessionState.WORKING, "in a turn")
        try:
            await self._fleet.report(live.peer, turn)
        except RoostError as error:
            _log.warning("the hook %s of %s is given no mail: %s", name, live.peer, error.message)
            return {}
        text = await live.mail.wait(ends=moment.ends, seconds=OFFERED)
        return {} if text is None else carrier.answer(name, text)

    def _waits(self, live: LiveSession, moment: Moment) -> bool:
        """Whether a message is there that this hook could be given."""
        state = self._fleet.find(live.peer)
        session = state.find_session(live.session.id) if state is not None else None
        if state is None or session is None or session.state is SessionState.STOPPING:
            return False
        offered = state.offered
        if offered is not None and not moment.ends:
            return offered.timing is Timing.NOW and live.entered != (offered.id, offered.attempts)
        if offered is not None:
            return True
        now = self._clock.now()
        # What could not be handed over at rest is offered anew in a turn; a failed turn waits for its time.
        return any(
            each.waiting
            and (moment.ends or each.timing is Timing.NOW)
            and (not each.cut or (each.not_before or 0.0) <= now)
            for each in state.messages
        )


def _is_of(live: LiveSession, fields: Mapping[str, Any]) -> bool:
    """Whether a hook is of the session's own conversation, as far as that is known."""
    said, known = fields.get("session_id"), live.session.conversation
    return said is None or known is None or said == known
