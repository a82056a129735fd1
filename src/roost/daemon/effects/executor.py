"""Carries out committed commands and feeds what comes of them back as events.

Each effect runs in a task of its own and ends in one event, which settles its intent in the same transaction.
"""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.message import Examination, Message, MessageState
from roost.core.vocabulary.session import ControlKind, Session, SessionState, stand_in
from roost.daemon.death.authority import Authority
from roost.daemon.death.guards import Guards
from roost.daemon.death.reaper import KillError, Reaper
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.delivery.control import Performer
from roost.daemon.delivery.deliver import Delivery, paste_text
from roost.daemon.delivery.handover import HandOvers
from roost.daemon.delivery.notices import Notices
from roost.daemon.session.evidence import Finding, doubted_offer, examine_record, holds, written_since
from roost.daemon.session.failures import LaunchError, check_room, judged
from roost.daemon.session.foreign import Foreign
from roost.daemon.session.launcher import Launcher, NothingToResumeError
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.errors import NotFoundError, RoostError
from roost.host.errors import TmuxGone
from roost.host.files import write_atomic
from roost.runtimes.context import Context
from roost.runtimes.runtime import Runtime

SETTLE = 1.5
"""Seconds without a record before an earlier offer counts as never pasted."""

LOOK = 0.05
"""Seconds between two tries to look at a session that is not held."""
AGAIN = 2.0
LOOKS = 30
"""Seconds until an end, a notice or a look that failed is tried again, and how often such a look is taken."""

_log = logging.getLogger("roost.executor")


class Executor:
    """Runs the effects of the fleet's decisions."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        launcher: Launcher,
        reaper: Reaper,
        supervisor: Supervisor,
        authority: Authority,
        notices: Notices,
        tasks: Tasks,
    ) -> None:
        """Act through these parts."""
        self._machine = machine
        self._fleet = fleet
        self._launcher = launcher
        self._reaper = reaper
        self._supervisor = supervisor
        self._authority = authority
        self._guards = Guards(machine)
        self._notices = notices
        self.foreign = Foreign(machine, fleet, launcher)
        self._tasks = tasks
        self._searches = machine.work.searches
        self.closing = False
        self._launching = 0
        self._handed = HandOvers(machine.clock)
        self._looked: dict[str, int] = {}

    def run(self, effect: c.Effect) -> None:
        """Start an effect."""
        if self.closing:
            return
        match effect:
            case c.Launch(session):
                work = self._launch(session, effect.key)
            case c.Offer():
                work = self._offer(effect)
            case c.Examine():
                work = self._examine(effect)
            case c.End():
                work = self._end(effect)
            case c.Notify():
                work = self._notices.deliver(effect)
            case c.Perform():
                work = self._perform(effect)
            case c.Clear():
                self._reaper.cleanup.announce(effect)
                work = self._reaper.cleanup.clear(effect)
        self._tasks.start(self._kept(work, effect), effect.key)

    def later(self, seconds: float, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        """Start other work after a while."""

        async def wait() -> None:
            await self._machine.clock.sleep(seconds)
            await work()

        self._tasks.start(wait(), name)

    async def _kept(self, work: Coroutine[Any, Any, None], effect: c.Effect) -> None:
        """Run an effect to its event, whatever happens: one that ends in nothing would hold up its peer.

        A peer that was removed meanwhile needs no effect any more.
        """
        try:
            await work
        except NotFoundError:
            _log.info("effect %s came too late: its peer is gone", effect.key)
        except Exception as error:  # noqa: BLE001 -- a defect here must not hold up the peer either
            cause = judged(error)
            if cause.blame is not Blame.ROOST or isinstance(error, RoostError | OSError):
                _log.warning("effect %s failed: %s", effect.key, cause.message)
            else:
                _log.error("effect %s met a defect", effect.key, exc_info=error)
            if (
                isinstance(effect, c.Examine)
                and not isinstance(error, RoostError)
                and self._looks_again(effect)
            ):
                await self._machine.clock.sleep(AGAIN)
                self.run(effect)
            else:
                await self._failed(effect, cause)
        else:
            self._looked.pop(effect.key, None)

    def _looks_again(self, effect: c.Examine) -> bool:
        """Whether a look that a machine short of something has spoilt is taken again: it tells nothing."""
        looks = self._looked.pop(effect.key, 0) + 1
        if looks < LOOKS:
            self._looked[effect.key] = looks
        return looks < LOOKS

    async def _failed(self, effect: c.Effect, cause: LaunchError) -> None:
        why = cause.message
        match effect:
            case c.Launch(session):
                failed = f.BootFailed(session.id, why, cause.blame)
                await self._fleet.report(session.peer, failed, settles=effect.key)
            case c.Offer(session, peer, message):
                failed = f.OfferFailed(session, message.id, certain=False, why=why, attempt=message.attempts)
                await self._fleet.report(peer, failed, settles=effect.key)
            case c.Examine(_, peer, message):
                unclear = f.Examined(message.id, Examination.UNCLEAR, why, message.attempts)
                await self._fleet.report(peer, unclear, settles=effect.key)
            case c.Perform(session, control):
                over = f.Performed(session.id, control.at, why)
                await self._fleet.report(session.peer, over, settles=effect.key)
            case c.End() | c.Notify() | c.Clear():
                await self._machine.clock.sleep(AGAIN)
                self.run(effect)

    async def _launch(self, session: Session, key: str) -> None:
        peer = session.peer
        await self._reaper.cleanup.over(peer)
        waits = session.resumed or self.foreign.unknown(peer) is not None
        if waits and not await self.foreign.free(session):
            raise LaunchError("it was to end before its conversation was free", Blame.HOST)
        settings = self._fleet.get(peer).peer.settings
        check_room(self._supervisor.held(), self._launching)
        self._launching += 1
        try:
            live = await self._launcher.launch(session, settings)
        except NothingToResumeError:
            await self._fleet.report(peer, f.ConversationMissing(session.id), settles=key)
            return
        finally:
            self._launching -= 1
        processes = live.session.processes
        assert processes is not None  # noqa: S101 -- a live session is built from its processes
        await self._fleet.report(peer, f.Launched(session.id, processes), settles=key)
        self._supervisor.supervise(live)

    async def _offer(self, command: c.Offer) -> None:
        live = self._supervisor.live(command.session)
        driver = self._supervisor.driver(command.session)
        if live is None or driver is None:
            why = "the session was gone before anything was pasted"
            message = command.message
            failed = f.OfferFailed(
                command.session, message.id, certain=True, why=why, attempt=message.attempts
            )
            await self._fleet.report(command.peer, failed, settles=command.key)
            return
        try:
            text = await self._text(command, live)
        except OSError as error:
            why = f"its text cannot be made, nothing was pasted: {error.strerror}"
            message = command.message
            text = f.OfferFailed(command.session, message.id, certain=True, why=why, attempt=message.attempts)
        if not isinstance(text, str):
            await self._fleet.report(command.peer, text, settles=command.key)
            return
        live.offers.add(command.key)
        live.poke.set()
        delivery = Delivery(live, driver, self._fleet, self._machine.clock)
        self._handed.begin(command.message, live)
        event = await delivery.offer(command, text, live.context.home / "paste")
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
        redrive = found or (command.redrive and await self._recorded(live, seed, message))
        return await paste_text(message, seed, body or b"", self._spill, redrive=redrive)

    async def _perform(self, command: c.Perform) -> None:
        """Do what was asked of a live session; one that is not held yet, or not any more, is waited for."""
        session, control = command.session, command.control
        while True:
            state = self._fleet.get(session.peer)
            current = state.find_session(session.id)
            if current is None or current.state is SessionState.STOPPING:
                await self._fleet.settle(command.key)
                return
            live, driver = self._supervisor.live(session.id), self._supervisor.driver(session.id)
            if live is not None and driver is not None:
                break
            await self._machine.clock.sleep(LOOK)
        performer = Performer(live, driver, self._fleet, self._machine.clock)
        work = performer.interrupt if control.kind is ControlKind.INTERRUPT else performer.compact
        await self._fleet.report(session.peer, await work(control), settles=command.key)

    async def _resent(self, live: LiveSession, seed: str, message: Message) -> f.Examined | bool:
        """Where an operator has a message offered again: what its offer in doubt came to, if recorded.

        Otherwise whether the record holds its body from an offer before that one.
        """
        stored = await self._machine.store.message(message.id) if message.attempts > 1 else None
        doubted = doubted_offer(stored.attempts) if stored is not None else None
        if doubted is None:
            return False
        for attempt in range(message.attempts - 1, 0, -1):
            found = await self._search(live.runtime, live.context, seed, message, attempt)
            if found.verdict in (Examination.FOUND, Examination.ENDED):
                late = f.Examined(message.id, found.verdict, found.why, message.attempts)
                return late if attempt >= doubted else found.conversation == live.session.conversation
        return False

    async def _recorded(self, live: LiveSession, seed: str, message: Message) -> bool:
        """Whether the resumed conversation really holds the message.

        Claude Code 2.1.328 writes a prompt down up to 0.2 s after its hook has told of it: an agent killed in
        between was told the message and has forgotten it.
        """
        return await self._searches.run_for(
            live.session.id, holds, live.runtime, live.context, seed, message, self._machine.clock.now()
        )

    async def _spill(self, message: Message, text: str) -> str:
        path = self._machine.places.bodies / message.to / f"{message.id}.txt"
        await self._machine.work.files.run(_write_body, path, text)
        return str(path)

    async def _examine(self, command: c.Examine) -> None:
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
        delivery = Delivery(live, driver, self._fleet, self._machine.clock)
        try:
            found = await delivery.examine(command.message, settle=SETTLE)
        except TmuxGone:
            return None
        except RoostError as error:
            return f.Examined(command.message.id, Examination.UNCLEAR, error.message)
        return await self._proven(command, live, found) if found.verdict is Examination.ABSENT else found

    async def _proven(self, command: c.Examine, live: LiveSession, absent: f.Examined) -> f.Examined:
        """Absent from the record that is followed, if none holds it that was written meanwhile."""
        seed, message = self._fleet.get(command.peer).peer.seed, command.message
        found = await self._search(live.runtime, live.context, seed, message, message.attempts)
        if found.verdict is Examination.ABSENT:
            return absent
        return f.Examined(message.id, found.verdict, found.why)

    async def _examine_dead(self, command: c.Examine) -> f.Examined:
        """The session is over: only the runtime's record can tell."""
        state = self._fleet.get(command.peer)
        message = state.message(command.message.id)
        if message is None or message.state is not MessageState.OFFERED:
            return f.Examined(command.message.id, Examination.UNCLEAR, "it is settled already")
        context = self._record_context(command, message)
        runtime = self._machine.runtimes.get(state.peer.settings.runtime)
        found = await self._search(runtime, context, state.peer.seed, message, message.attempts)
        if found.verdict is Examination.ABSENT and await self._may_be_late(runtime, context, message):
            why = "it was entered, and its session ended before its program must have written it down"
            return f.Examined(message.id, Examination.UNCLEAR, why)
        return f.Examined(message.id, found.verdict, found.why, conversation=found.conversation)

    async def _search(
        self, runtime: Runtime, context: Context, seed: str, message: Message, attempt: int
    ) -> Finding:
        """What the records of its runtime say of one offer."""
        now = self._machine.clock.now()
        return await self._searches.run_for(
            context.session.id, examine_record, runtime, context, seed, message, attempt, now
        )

    async def _may_be_late(self, runtime: Runtime, context: Context, message: Message) -> bool:
        """Whether its program may have taken the message, and have ended before it wrote that down.

        What it wrote after the message was entered shows that it had the time.
        """
        ago = self._handed.entered(message)
        if ago is None or ago >= runtime.controls.late:
            return False
        since = self._machine.clock.now() - ago
        return not await self._searches.run_for(context.session.id, written_since, runtime, context, since)

    def _record_context(self, command: c.Examine, message: Message) -> Context:
        peer = self._fleet.get(command.peer).peer
        session = stand_in(message.session or "", peer.name, peer.generation, command.conversation)
        return self._launcher.context(session, peer.settings)

    async def _end(self, command: c.End) -> None:
        live = self._supervisor.live(command.session.id)
        driver = self._supervisor.driver(command.session.id)
        veto = await self._guards.against(command, live, driver)
        if veto is not None:
            await self._fleet.report(command.session.peer, veto, settles=command.key)
            return
        state = self._fleet.find(command.session.peer)
        session = state.find_session(command.session.id) if state is not None else None
        if session is None or not self._authority.stands(session):
            await self._fleet.settle(command.key)
            return
        how = await self._authority.end(session)
        context = live.context if live is not None else None
        await self._reaper.reap(session, context, how)

    async def end_unstored(self, session: Session) -> None:
        """End a session although the store takes nothing: its end is recorded once it does.

        Raises KillError.
        """
        how = await self._authority.end(session)
        swept = await self._authority.clear(c.clear(session))
        live = self._supervisor.live(session.id)
        reap = self._reaper.reap(session, live.context if live is not None else None, f"{how}; {swept}")
        self._tasks.start(reap, f"reap {session.peer}")
        if not swept.empty:
            raise KillError(f"it cannot be ended: {swept}")


def _write_body(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(path, text.encode())
