"""Examinations: whether an offer whose end nobody saw has reached its session."""

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Examination, Message, MessageState
from roost.core.vocabulary.session import stand_in
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.delivery.channels import channel_into
from roost.daemon.delivery.handover import HandOvers
from roost.daemon.delivery.open_offer import SETTLED
from roost.daemon.effects.record_search import RecordSearch
from roost.daemon.session.evidence import Finding
from roost.daemon.session.launcher import Launcher
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.errors import RoostError
from roost.host.errors import TmuxGone
from roost.runtimes.call import CallLostError
from roost.runtimes.context import Context
from roost.runtimes.runtime import Runtime

LOOK = 0.05
AWAY = 1.0
"""Seconds between two tries to look at a session that is not held, and at a thread whose server is away."""


class Examinations:
    """Examines offers in doubt."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        launcher: Launcher,
        supervisor: Supervisor,
        records: RecordSearch,
        handed: HandOvers,
    ) -> None:
        """Look at the sessions of this supervisor, and at the records of those that are over."""
        self._machine = machine
        self._fleet = fleet
        self._launcher = launcher
        self._supervisor = supervisor
        self._records = records
        self._handed = handed

    async def examine(self, command: c.Examine) -> None:
        """Look at the live session, or, once it is over, at its record alone.

        A session that cannot be looked at now is either not adopted yet or about to end: its record would not
        be final. When it ends, the fleet asks again, under the same intent, unless evidence came before.
        """
        while command.session is not None:
            if not self._stands(command):
                if not self._offered(command):
                    await self._fleet.settle(command.key)
                return
            event = await self._examine_live(command, command.session)
            if event is not None:
                break
            await self._machine.clock.sleep(LOOK)
        else:
            event = await self._examine_dead(command)
        event = replace(event, attempt=command.message.attempts)
        await self._fleet.report(command.peer, event, settles=command.key)

    def _stands(self, command: c.Examine) -> bool:
        state = self._fleet.get(command.peer)
        return state.find_session(command.session) is not None

    def _offered(self, command: c.Examine) -> bool:
        message = self._fleet.get(command.peer).message(command.message.id)
        return (
            message is not None
            and message.state is MessageState.OFFERED
            and message.attempts == command.message.attempts
        )

    async def _examine_live(self, command: c.Examine, session: str) -> f.Examined | None:
        live, driver = self._supervisor.live(session), self._supervisor.driver(session)
        if live is None or driver is None:
            return None
        channel = channel_into(live, driver, self._fleet, self._machine.clock)
        try:
            found = await channel.examine(command.message)
        except TmuxGone:
            return None
        except RoostError as error:
            return f.Examined(command.message.id, Examination.UNCLEAR, error.message)
        return await self._proven(command, live, found) if found.verdict is Examination.ABSENT else found

    async def _proven(self, command: c.Examine, live: LiveSession, absent: f.Examined) -> f.Examined:
        """Absent from the record that is followed, if none holds it that was written meanwhile."""
        seed, message = self._fleet.get(command.peer).peer.seed, command.message
        found = await self._records.find(live.runtime, live.context, seed, message, message.attempts)
        if found.verdict is Examination.ABSENT:
            return absent
        if found.verdict is Examination.FOUND:
            live.prompted = live.prompted | {message.id}  # no later turn than the next one that ends
        return f.Examined(message.id, found.verdict, found.why)

    async def _examine_dead(self, command: c.Examine) -> f.Examined:
        """The session is over: only the runtime's record can tell."""
        state = self._fleet.get(command.peer)
        message = state.message(command.message.id)
        if message is None or message.state is not MessageState.OFFERED:
            return f.Examined(command.message.id, Examination.UNCLEAR, SETTLED)
        context = self._record_context(command, message)
        runtime = self._machine.runtimes.get(state.peer.settings.runtime)
        found = await self._found(command, runtime, context)
        if found is None:
            return f.Examined(command.message.id, Examination.UNCLEAR, SETTLED)
        if found.verdict is Examination.ABSENT and await self._may_be_late(runtime, context, message):
            why = "it was entered, and its session ended before its program must have written it down"
            return f.Examined(message.id, Examination.UNCLEAR, why)
        return f.Examined(message.id, found.verdict, found.why, conversation=found.conversation)

    async def _found(self, command: c.Examine, runtime: Runtime, context: Context) -> Finding | None:
        """What the record says; a thread's server may have to be waited for. None: nobody asks any more."""
        while self._offered(command):
            seed, message = self._fleet.get(command.peer).peer.seed, command.message
            try:
                return await self._records.find(runtime, context, seed, message, message.attempts)
            except CallLostError as error:
                waits = f.OfferWaits(message.session or "", message.id, message.attempts, error.message)
                await self._fleet.report(command.peer, waits)
                await self._machine.clock.sleep(AWAY)
        return None

    async def _may_be_late(self, runtime: Runtime, context: Context, message: Message) -> bool:
        """Whether its program may have taken the message, and have ended before it wrote that down.

        What it wrote after the message was entered shows that it had the time.
        """
        ago = self._handed.entered(message)
        if ago is None or ago >= runtime.controls.late:
            return False
        since = self._machine.clock.now() - ago
        return not await self._records.written_since(runtime, context, since)

    def _record_context(self, command: c.Examine, message: Message) -> Context:
        peer = self._fleet.get(command.peer).peer
        session = stand_in(message.session or "", peer.name, peer.generation, command.conversation)
        return self._launcher.context(session, peer.settings)
