"""A clock that is set leaves every decision as it was: one life is lived twice, once with a moved clock."""

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from msgspec.structs import replace

from roost.core.decide import deadline, decide
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.peer import PeerState
from tests.property.test_core_machine import Machine, examples
from tests.support.core_shell import POLICY

SET_BY = st.sampled_from([-86400.0, -3600.0, -3.0, 3.0, 40.0, 7200.0])
"""Whole numbers, as all times here are sums of quarters: both clocks count without any rounding."""


class Moved(Machine):
    """Beside the machine's own peer, its twin, whose wall clock is off by what it was set.

    A control request is named by its session and the time at which it was asked for. Times here are whole
    quarters, so a clock that is set back may show one of them again, which no clock does to the microsecond.
    In no life is the twin asked for two at what its clock calls the same time, unless they were.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 2.0**30
        self.offset = 0.0
        self.begun = False
        self.named: dict[tuple[str, float], float] = {}
        self.asked: dict[float, float] = {}
        self.twin: PeerState | None = None

    @rule(seconds=st.sampled_from([0.0, 0.25, 1.0, 5.0, 20.0, 100.0, 400.0]))
    def later(self, seconds: float) -> None:
        super().later(seconds)

    @rule(by=SET_BY)
    def set_clock(self, by: float) -> None:
        self.tell(f.Tick())
        if self.twin is not None:
            self.offset += by
            moved = f.ClockMoved(by, by)
            self.twin, commands = decide(self.twin, moved, self.now + self.offset, POLICY)
            saves = (c.SavePeer, c.SaveSession, c.SaveMessage)
            assert all(isinstance(command, saves) for command in commands), commands

    def tell(self, event: Event) -> tuple[c.Command, ...]:
        if not self.begun:
            self.begun, self.twin = True, self.state
        asks = isinstance(event, r.Interrupt | r.Compact)
        if asks and self.asked.setdefault(self.now + self.offset, self.now) != self.now:
            return ()
        made = super().tell(event)
        if self.twin is not None:
            self.twin, twins = decide(self.twin, self.seen(event), self.now + self.offset, POLICY)
            assert outline(twins) == outline(made)
            self.name_controls()
        return made

    def name_controls(self) -> None:
        """What the twin calls a control request."""
        if self.state is not None and self.twin is not None:
            for mine, its in zip(self.state.sessions, self.twin.sessions, strict=True):
                if mine.control is not None and its.control is not None:
                    self.named[mine.id, mine.control.at] = its.control.at

    def seen(self, event: Event) -> Event:
        """The event by the twin's clock."""
        match event:
            case r.Submit(message):
                ends = message.expires_at + self.offset if message.expires_at is not None else None
                return replace(event, message=replace(message, expires_at=ends))
            case f.EndVetoed():
                return replace(event, until=event.until + self.offset)
            case f.Performed(session=session, at=at):
                return replace(event, at=self.named.get((session, at), at))
            case _:
                return event

    @invariant()
    def both_wait_for_the_same(self) -> None:
        """P3, P4, P6: nothing is put to sleep, ended, expired, woken or held back at any other time."""
        if not self.begun or self.state is None or self.twin is None:
            assert not self.begun or self.state is self.twin
            return
        at, twins = next_time(self.state, self.now), next_time(self.twin, self.now + self.offset)
        assert twins == (at + self.offset if at is not None else None)
        assert shape(self.twin) == shape(self.state)


def next_time(state: PeerState, now: float) -> float | None:
    """When something is due; a state may look out for the times of messages that have ended since."""
    return deadline(PeerState.of(state.peer, state.sessions, state.messages), now)


def outline(commands: tuple[c.Command, ...]) -> list[Any]:
    """What was commanded, without any times."""
    return [
        (command.kind, command.cause) if isinstance(command, c.Journal) else type(command)
        for command in commands
        if not isinstance(command, c.SavePeer | c.SaveSession)
    ]


def shape(state: PeerState) -> Any:  # noqa: ANN401 -- compared only
    """A state without any times."""
    sessions = [(each.id, each.state, each.ready, each.task, each.ending is None) for each in state.sessions]
    messages = [(each.id, each.state, each.attempts, each.cut, each.redriven) for each in state.messages]
    peer = state.peer
    marks = (peer.stopped, peer.quarantine is None, peer.pending, peer.failures, len(peer.deaths))
    return peer.generation, marks, sessions, messages


def test_a_clock_that_is_set_changes_no_decision() -> None:
    run_state_machine_as_test(
        Moved,
        settings=settings(
            max_examples=examples() // 4,
            stateful_step_count=20,
            deadline=None,
            derandomize="ROOST_CORE_EXAMPLES" not in os.environ,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
