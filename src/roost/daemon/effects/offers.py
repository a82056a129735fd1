"""Offers: a message is handed to its session, unless a record shows that it has it already."""

from pathlib import Path

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Examination, Message
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.delivery.channels import channel_into
from roost.daemon.delivery.handover import HandOvers
from roost.daemon.delivery.message_text import message_text
from roost.daemon.effects.record_search import RecordSearch
from roost.daemon.session.evidence import doubted_offer
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.host.files import write_atomic
from roost.runtimes.call import CallLostError, CallRefusedError


class Offers:
    """Offers messages to the sessions that a supervisor holds."""

    def __init__(
        self, machine: Machine, fleet: Fleet, supervisor: Supervisor, records: RecordSearch, handed: HandOvers
    ) -> None:
        """Offer to the sessions of this supervisor."""
        self._machine = machine
        self._fleet = fleet
        self._supervisor = supervisor
        self._records = records
        self._handed = handed

    async def offer(self, command: c.Offer) -> None:
        """Hand a message to its session, or tell what an earlier offer came to."""
        live = self._supervisor.live(command.session)
        driver = self._supervisor.driver(command.session)
        if live is None or driver is None:
            state = self._fleet.find(command.peer)
            lives = state is not None and state.find_session(command.session) is not None
            why = "its session is not taken over yet" if lives else "the session was gone"
            why = f"{why}, and nothing was pasted"
            message = command.message
            failed = f.OfferFailed(
                command.session, message.id, certain=True, why=why, attempt=message.attempts
            )
            await self._fleet.report(command.peer, failed, settles=command.key)
            return
        try:
            text = await self._text(command, live)
        except (OSError, CallLostError, CallRefusedError) as error:
            told = error.strerror if isinstance(error, OSError) else error.message
            why = f"its text cannot be made, nothing was pasted: {told}"
            message = command.message
            text = f.OfferFailed(command.session, message.id, certain=True, why=why, attempt=message.attempts)
        if not isinstance(text, str):
            await self._fleet.report(command.peer, text, settles=command.key)
            return
        live.offers.add(command.key)
        live.poke.set()
        channel = channel_into(live, driver, self._fleet, self._machine.clock)
        self._handed.begin(command.message, live)
        event = await channel.offer(command, text)
        if not isinstance(event, f.OfferFailed) or event.certain:
            self._handed.end(command.message)
        if event is not None:
            await self._fleet.report(command.peer, event, settles=command.key)
        elif command.key in live.offers:  # what named the message was no record, but its answer
            await self._fleet.settle(command.key)
        live.offers.discard(command.key)

    async def _text(self, command: c.Offer, live: LiveSession) -> str | f.Examined:
        """What is to be pasted, or what an earlier offer came to. Raises OSError."""
        message = command.message
        body = await self._machine.store.body(message.id)
        seed = self._fleet.get(command.peer).peer.seed
        found = await self._resent(live, seed, message)
        if isinstance(found, f.Examined):
            return found
        if command.redrive and live.context.settings.threaded:
            done = await self._ended(live, seed, message)
            if done is not None:
                return done
        redrive = found or (command.redrive and await self._records.holds(live, seed, message))
        controls = live.runtime.controls
        takes = controls.carrier if live.session.own_terminal and controls.carrier else controls
        return await message_text(
            message,
            seed,
            body or b"",
            self._spill,
            redrive=redrive,
            longest=takes.longest,
            by_command=live.session.by_command,
        )

    async def _resent(self, live: LiveSession, seed: str, message: Message) -> f.Examined | bool:
        """Where an operator has a message offered again: what its offer in doubt came to, if recorded.

        Otherwise whether the record holds its body from an offer before that one.
        """
        stored = await self._machine.store.message(message.id) if message.attempts > 1 else None
        doubted = doubted_offer(stored.attempts) if stored is not None else None
        if doubted is None:
            return False
        for attempt in range(message.attempts - 1, 0, -1):
            found = await self._records.find(live.runtime, live.context, seed, message, attempt)
            if found.verdict in (Examination.FOUND, Examination.ENDED):
                late = f.Examined(message.id, found.verdict, found.why, message.attempts)
                return late if attempt >= doubted else found.conversation == live.session.conversation
        return False

    async def _ended(self, live: LiveSession, seed: str, message: Message) -> f.Examined | None:
        """A turn that we let go of went on at its server: what is done there is not driven again."""
        for attempt in range(message.attempts - 1, 0, -1):
            found = await self._records.find(live.runtime, live.context, seed, message, attempt)
            if found.verdict is Examination.ENDED:
                return f.Examined(message.id, found.verdict, found.why, message.attempts)
        return None

    async def _spill(self, message: Message, text: str) -> str:
        path = self._machine.places.bodies / message.to / f"{message.id}.txt"
        await self._machine.work.files.run(_write_body, path, text)
        return str(path)


def _write_body(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(path, text.encode())
