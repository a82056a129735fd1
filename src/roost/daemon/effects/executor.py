"""Carries out committed commands and feeds what comes of them back as events.

Each effect runs in a task of its own and ends in one event, which settles its intent in the same transaction.
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.message import Examination
from roost.daemon.death.authority import Authority
from roost.daemon.death.guards import Guards
from roost.daemon.death.reaper import Reaper
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.delivery.handover import HandOvers
from roost.daemon.delivery.notices import Notices
from roost.daemon.effects.answers import Answers
from roost.daemon.effects.control_requests import ControlRequests
from roost.daemon.effects.ends import Ends
from roost.daemon.effects.examinations import Examinations
from roost.daemon.effects.launches import Launches
from roost.daemon.effects.offers import Offers
from roost.daemon.effects.record_search import RecordSearch
from roost.daemon.session.failures import LaunchError, judged
from roost.daemon.session.foreign import Foreign
from roost.daemon.session.joiner import Joiner
from roost.daemon.session.launcher import Launcher
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.errors import NotFoundError, RoostError

AGAIN = 2.0
LOOKS = 30
DEFECTS = 5
"""Seconds until an end, a notice or a look that failed is tried again, how often such a look is taken, and
how often an end, a notice or a clearing may meet a defect of ours: that does not go away by itself."""

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
        self._clock = machine.clock
        self._fleet = fleet
        self._cleanup = reaper.cleanup
        self._notices = notices
        self._tasks = tasks
        self.foreign = Foreign(machine, fleet, launcher)
        self.ends = Ends(fleet, Guards(machine), authority, reaper, supervisor, tasks)
        records, handed = RecordSearch(machine), HandOvers(machine.clock)
        self.joiner = Joiner(machine, launcher)
        self._launches = Launches(fleet, launcher, self.joiner, self.foreign, reaper.cleanup, supervisor)
        self._offers = Offers(machine, fleet, supervisor, records, handed)
        self._examinations = Examinations(machine, fleet, launcher, supervisor, records, handed)
        self._controls = ControlRequests(fleet, machine.clock, supervisor)
        self._answers = Answers(fleet, machine.clock, supervisor)
        self.closing = False
        self.to_other_hosts: Callable[[c.Between], None] = lambda _entry: None
        """What goes to other hosts is kept as its intent until somebody takes it there."""
        self._looked: dict[str, int] = {}
        self._defects: dict[str, int] = {}

    def run(self, effect: c.Effect) -> None:
        """Start an effect."""
        if self.closing:
            return
        if isinstance(effect, c.Between):
            self.to_other_hosts(effect)
        else:
            self._tasks.start(self._kept(self._work(effect), effect), effect.key)

    def _work(self, effect: c.Here) -> Coroutine[Any, Any, None]:
        match effect:
            case c.Launch(session):
                return self._launches.launch(session, effect.key)
            case c.Offer():
                return self._offers.offer(effect)
            case c.Examine():
                return self._examinations.examine(effect)
            case c.End():
                return self.ends.end(effect)
            case c.Notify():
                return self._notices.deliver(effect)
            case c.Perform():
                return self._controls.perform(effect)
            case c.GiveAnswer():
                return self._answers.give(effect)
            case c.Clear():
                self._cleanup.announce(effect)
                return self._cleanup.clear(effect)

    def later(self, seconds: float, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        """Start other work after a while."""

        async def wait() -> None:
            await self._clock.sleep(seconds)
            await work()

        self._tasks.start(wait(), name)

    async def _kept(self, work: Coroutine[Any, Any, None], effect: c.Here) -> None:
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
                if isinstance(effect, c.End | c.Notify | c.Clear):
                    self._defects[effect.key] = self._defects.get(effect.key, 0) + 1
            if (
                isinstance(effect, c.Examine)
                and not isinstance(error, RoostError)
                and self._looks_again(effect)
            ):
                await self._clock.sleep(AGAIN)
                self.run(effect)
            else:
                await self._failed(effect, cause)
        else:
            self._looked.pop(effect.key, None)
            self._defects.pop(effect.key, None)

    def _looks_again(self, effect: c.Examine) -> bool:
        """Whether a look that a machine short of something has spoilt is taken again: it tells nothing."""
        looks = self._looked.pop(effect.key, 0) + 1
        if looks < LOOKS:
            self._looked[effect.key] = looks
        return looks < LOOKS

    async def _failed(self, effect: c.Here, cause: LaunchError) -> None:
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
            case c.GiveAnswer(session, question):
                lost = f.AnswerGiven(session.id, question.id, question.at, why, doubt=True)
                await self._fleet.report(session.peer, lost, settles=effect.key)
            case c.End() | c.Notify() | c.Clear():
                await self._clock.sleep(AGAIN)
                if self._defects.get(effect.key, 0) < DEFECTS:
                    self.run(effect)
                else:
                    await self._otherwise(effect, why)

    async def _otherwise(self, effect: c.End | c.Notify | c.Clear, why: str) -> None:
        """What is done where an effect that has no failure meets a defect again and again.

        A session is ended in a simpler way; all else waits for the daemon's next start, which begins it anew.
        """
        match effect:
            case c.End(session) if not self.closing:
                if self._defects[effect.key] == DEFECTS:
                    self._defects[effect.key] += 1  # it is told once
                    told = f.Remained(session.id, f"its end is made without its record: {why}")
                    await self._fleet.report(session.peer, told)
                self._tasks.start(self._kept(self.ends.close(effect, why), effect), effect.key)
            case c.Clear():
                await self._cleanup.give_up(effect, why)
            case _:
                _log.error("effect %s is put off until the next start: %s", effect.key, why)
