"""The metrics' text, from commands that were committed."""

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Cause, Death
from roost.daemon.serve.metrics import Histogram, Metrics
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.host.memory.clock import VirtualClock
from roost.store.memory import MemoryStore
from tests.support.playbook import Play, mail


@pytest.fixture
def play() -> Play:
    return Play()


def metrics(play: Play, *committed: tuple[c.Command, ...]) -> list[str]:
    clock = VirtualClock()
    fleet = Fleet(MemoryStore(), clock, Policy(), Tasks())
    fleet.load([play.state])
    made = Metrics(fleet, clock)
    for commands in committed:
        made.committed("p", play.state, commands)
    return made.text().splitlines()


def test_counters_follow_what_is_committed(play: Play) -> None:
    committed: list[tuple[c.Command, ...]] = []
    play.submit()
    committed.append(play.commands)
    play.now += 2
    play.ready()
    committed.append(play.commands)
    play.taken()
    committed.append(play.commands)
    play.submit(2)
    play.died()
    committed.append(play.commands)
    shown = metrics(play, *committed)
    for line in (
        'roost_attempts_total{outcome="offered"} 1',
        'roost_attempts_total{outcome="accepted"} 1',
        'roost_deaths_total{cause="crashed"} 1',
        'roost_wake_seconds_bucket{le="1"} 0',
        'roost_wake_seconds_bucket{le="2.5"} 1',
        'roost_wake_seconds_bucket{le="+Inf"} 1',
        "roost_wake_seconds_sum 2",
        "roost_wake_seconds_count 1",
        "roost_delivery_seconds_count 1",
        'roost_queue_depth{peer="p"} 1',
        "roost_peers 1",
    ):
        assert line in shown, shown


def test_ends_of_messages_are_counted_by_state(play: Play) -> None:
    ended = tuple(
        c.SaveMessage(mail(number, state=state))
        for number, state in enumerate((MessageState.DONE, MessageState.DONE, MessageState.EXPIRED), 1)
    )
    shown = metrics(play, ended, (c.SaveMessage(mail(9)), c.CloseSession(Death("s", "p", 1, 1.0, Cause.OOM))))
    assert 'roost_messages_total{state="done"} 2' in shown
    assert 'roost_messages_total{state="expired"} 1' in shown
    assert 'roost_deaths_total{cause="oom"} 1' in shown


def test_every_metric_is_announced_once_and_every_line_is_one_sample(play: Play) -> None:
    shown = metrics(play)
    named = [line.split()[2] for line in shown if line.startswith("# TYPE")]
    assert len(named) == len(set(named))
    for line in shown:
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            assert float(value) >= 0
            assert any(name.startswith(each) for each in named), line


def test_buckets_are_cumulative_and_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram()
    for seconds in (0.05, 0.06, 4000.0):
        histogram.add(seconds)
    lines = list(histogram.lines("x"))
    assert lines[:3] == ['x_bucket{le="0.05"} 1', 'x_bucket{le="0.1"} 2', 'x_bucket{le="0.25"} 2']
    assert lines[-3:] == ['x_bucket{le="+Inf"} 3', "x_sum 4000.11", "x_count 3"]
