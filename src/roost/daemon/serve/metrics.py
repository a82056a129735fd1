"""What is counted, as Prometheus text (exposition format 0.0.4): names, states and times, never a body."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

import roost
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import OPERATOR
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import PeerState
from roost.daemon.state.fleet import Fleet
from roost.daemon.traces.outcome import Exported
from roost.host.interfaces.clock import Clock

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0)
"""Upper bounds of a histogram's buckets, in seconds."""


class Histogram(Struct):
    """How long something took."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def lines(self, name: str) -> Iterator[str]:
        """Cumulative buckets, sum and count."""
        below = 0
        for bound, count in zip((*map(_number, BOUNDS), "+Inf"), self.counts, strict=True):
            below += count
            yield f'{name}_bucket{{le="{bound}"}} {below}'
        yield f"{name}_sum {_number(self.total)}"
        yield f"{name}_count {below}"


class Metrics:
    """Counts what is committed, from the daemon's start on; tells queues and sessions as they are."""

    def __init__(
        self,
        fleet: Fleet,
        clock: Clock,
        exported: Exported | None = None,
        rules: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
    ) -> None:
        """Nothing has been counted yet.

        `exported`: how the export of traces fares. `rules` tells how those of `[[notify]]` are.
        """
        self._exported = exported or Exported()
        self._rules = rules
        self._fleet = fleet
        self._clock = clock
        self._attempts: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._deaths: Counter[str] = Counter()
        self._wakes = Histogram()
        self._deliveries = Histogram()

    def committed(self, _name: str, _state: PeerState | None, commands: tuple[c.Command, ...]) -> None:
        """Count what was just committed."""
        saved: list[Message] = []
        accepted: set[str | None] = set()
        for command in commands:
            match command:
                case c.SaveMessage():
                    saved.append(command.message)
                case c.Journal():
                    if command.kind == "accepted":
                        accepted.add(command.message)
                    elif command.kind == "ready":
                        self._wakes.add(float(command.data["took"]))
                case c.SaveAttempt(outcome=outcome):
                    self._attempts[outcome] += 1
                case c.CloseSession(death):
                    self._deaths[str(death.cause)] += 1
                case _:
                    pass
        self._saved(saved, accepted)

    def _saved(self, messages: Iterable[Message], accepted: Container[str | None]) -> None:
        for message in messages:
            if message.final:
                self._ended[str(message.state)] += 1
            if message.accepted_at is not None and message.id in accepted:
                self._deliveries.add(max(message.accepted_at - message.created_at, 0.0))

    def text(self) -> str:
        """Everything, one metric after another."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        states = [state for state in self._fleet.states() if state.peer.name != OPERATOR]
        now = self._clock.now()
        yield from _metric("roost_info", "gauge", "The version that runs.")
        yield _sample("roost_info", {"version": roost.__version__}, 1)
        yield from _metric("roost_peers", "gauge", "Peers in the registry.")
        yield _sample("roost_peers", {}, len(states))
        yield from _metric("roost_sessions", "gauge", "Live sessions by what they do.")
        sessions = Counter(str(session.state) for state in states for session in state.sessions)
        yield from _samples("roost_sessions", "state", sessions)
        yield from _metric("roost_queue_depth", "gauge", "Messages that wait for a peer.")
        yield from _samples("roost_queue_depth", "peer", {each.peer.name: each.queued for each in states})
        yield from _metric("roost_queue_oldest_seconds", "gauge", "Age of the oldest message that waits.")
        ages = {each.peer.name: _oldest(each, now) for each in states}
        yield from _samples("roost_queue_oldest_seconds", "peer", ages)
        yield from _metric("roost_attempts_total", "counter", "Steps of deliveries by outcome.")
        yield from _samples("roost_attempts_total", "outcome", self._attempts)
        yield from _metric("roost_messages_total", "counter", "Messages that came to their end, by state.")
        yield from _samples("roost_messages_total", "state", self._ended)
        yield from _metric("roost_deaths_total", "counter", "Ends of sessions by cause.")
        yield from _samples("roost_deaths_total", "cause", self._deaths)
        yield from _metric("roost_wake_seconds", "histogram", "From the launch of a session to its prompt.")
        yield from self._wakes.lines("roost_wake_seconds")
        yield from _metric("roost_delivery_seconds", "histogram", "From storing a message to its acceptance.")
        yield from self._deliveries.lines("roost_delivery_seconds")
        yield from self._of_rules()
        if self._exported.endpoint:
            yield from _metric("roost_trace_spans_total", "counter", "Spans by what became of them.")
            spans = {"taken": self._exported.taken, "dropped": self._exported.dropped}
            yield from _samples("roost_trace_spans_total", "result", spans)
            yield from _metric("roost_traces_failing", "gauge", "Whether the collector takes nothing now.")
            yield _sample("roost_traces_failing", {}, bool(self._exported.failing))

    def _of_rules(self) -> Iterator[str]:
        rules = self._rules()
        if not rules:
            return
        yield from _metric("roost_notifications_total", "counter", "Tries to notify, by rule and outcome.")
        for each in rules:
            for outcome in ("sent", "failed", "given_up"):
                labels = {"rule": str(each["rule"]), "outcome": outcome.replace("_", "-")}
                yield _sample("roost_notifications_total", labels, each[outcome])
        yield from _metric("roost_notify_failing", "gauge", "Whether the latest try of a rule failed.")
        failing = {str(each["rule"]): float(each["error"] is not None) for each in rules}
        yield from _samples("roost_notify_failing", "rule", failing)
        yield from _metric("roost_notify_waiting", "gauge", "Happenings that a rule has not told yet.")
        waiting = {str(each["rule"]): float(each["waiting"]) for each in rules}
        yield from _samples("roost_notify_waiting", "rule", waiting)


def _oldest(state: PeerState, now: float) -> float:
    """Seconds that the oldest waiting message of a peer has waited; 0 when none waits."""
    waiting = (each.created_at for each in state.messages if each.state is MessageState.QUEUED)
    return max(now - min(waiting, default=now), 0.0)


def _metric(name: str, kind: str, about: str) -> Iterable[str]:
    return f"# HELP {name} {about}", f"# TYPE {name} {kind}"


def _samples(name: str, label: str, values: Mapping[str, float]) -> Iterator[str]:
    for key in sorted(values):
        yield _sample(name, {label: key}, values[key])


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{inner}}} {_number(value)}" if inner else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
