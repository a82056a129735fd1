"""The core under any order of requests, facts, losses and repetitions: what must hold always, and in the end.

The machine plays the shell: it holds the effects that `decide` asked for and carries them out, late, wrongly
or not at all, keeping the truth about what was pasted into which conversation.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from roost.core.decide import deadline, decide
from roost.core.transition.ending import policy_end
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.message import MessageState, Timing
from roost.core.vocabulary.peer import Peer, PeerState, ResumePolicy, Settings, WakeMode, WakePolicy
from roost.core.vocabulary.session import Cause, Processes, SessionState
from roost.faults import fault_of
from tests.support.core_shell import POLICY, PROCESS, Shell

SEEN = st.sampled_from([SessionState.IDLE] * 4 + [SessionState.WORKING] * 2 + list(SessionState))
FELL = st.sampled_from(
    [Cause.CRASHED, Cause.COMPLETED, Cause.OOM, Cause.SERVER_EXIT, Cause.REBOOT, Cause.UNKNOWN]
)
COURSE: list[Any] = [
    *["on"] * 60,
    *["die"] * 5,
    *["repeat", "see", "reply"] * 6,
    *["restart", "found", "due", "resend"] * 2,
    *["pool"] * 3,
    "drop",
    *(r.Wake(mode, "op") for mode in WakeMode),
    *(r.Stop("op"), r.Start("op"), r.Start("op"), r.Restart("op"), r.Rest("op"), f.Tick()),
    *(r.Refresh("op"), r.Interrupt("op"), r.Compact("op"), r.TakeOver("op")),
]
"""What `live_on` draws from; a fact about time, people or accidents between steps of ordinary life."""

WOKEN = [policy for policy in WakePolicy if policy is not WakePolicy.NEVER]
"""What only a person runs waits for them, by no deadline: see test_core_own_terminal."""


class Machine(Shell):
    """One peer, its shell and its store."""

    @initialize(
        wake=st.sampled_from(WOKEN),
        resume=st.sampled_from(ResumePolicy),
        runtime=st.sampled_from(["demo"] * 4 + ["late", "late", "plain", "human"]),
        restarts=st.integers(1, 3),
        pool=st.sampled_from([0, 0, 1, 2]),
    )
    def begin(self, wake: WakePolicy, resume: ResumePolicy, runtime: str, restarts: int, pool: int) -> None:
        chosen = Settings(
            "/",
            runtime,
            wake,
            resume,
            idle=30.0,
            quiet=2.0,
            silence=9.0,
            queue_limit=6,
            restarts=restarts,
            pool=pool,
        )
        self.was_ephemeral = wake is WakePolicy.EPHEMERAL
        peer = Peer("p", "5eed", chosen, created_at=self.now)
        self.state, self.stored.peer = PeerState(peer), peer

    # ---- requests

    @rule(
        topic=st.sampled_from([None, "t1", "t2"]),
        ttl=st.sampled_from([None, None, 15.0]),
        notice=st.booleans(),
        timing=st.sampled_from([Timing.NEXT, Timing.NEXT, *Timing]),
    )
    def submit(self, topic: str | None, ttl: float | None, *, notice: bool, timing: Timing) -> None:
        self.add(topic, ttl, notice=notice, timing=timing)

    @rule(data=st.data())
    def submit_again(self, data: st.DataObject) -> None:
        if self.state is not None and self.state.messages:
            self.tell(r.Submit(data.draw(st.sampled_from(self.state.messages))))

    @rule(data=st.data(), drop=st.booleans())
    def decide_doubt(self, data: st.DataObject, *, drop: bool) -> None:
        self.decide_one(data, drop=drop)

    def decide_one(self, data: st.DataObject, *, drop: bool) -> None:
        """An operator sends a message again or gives it up, whatever state it is in."""
        if self.state is not None and self.state.messages:
            doubtful = [m for m in self.state.messages if m.state is MessageState.UNKNOWN]
            message = data.draw(st.sampled_from(doubtful or self.state.messages))
            self.tell(r.Drop(message.id, "op") if drop else r.Resend(message.id, "op"))

    @rule(
        event=st.sampled_from(
            [
                *(r.Wake(mode, "op") for mode in WakeMode),
                r.Stop("op"),
                r.Start("op"),
                r.Start("op"),
                r.Restart("op"),
                r.Refresh("op"),
                r.Interrupt("op"),
                r.Compact("op"),
                r.Rest("op"),
                r.Remove("op", force=False),
            ]
        )
    )
    def request(self, event: Event) -> None:
        if not isinstance(event, r.Remove) or self.number % 7 == 6:
            self.tell(event)

    @rule(force=st.booleans())
    def rename(self, *, force: bool) -> None:
        if self.state is not None:
            new = "q" if self.state.peer.name == "p" else "p"
            self.tell(r.Rename(new, "op", force))

    @precondition(lambda self: self.number > 8)
    @rule()
    def remove(self) -> None:
        self.tell(r.Remove("op", force=True))

    @rule(
        wake=st.sampled_from(WOKEN),
        runtime=st.sampled_from([None] * 5 + ["demo", "human"]),
        pool=st.sampled_from([0, 1, 2]),
    )
    def configure(self, wake: WakePolicy, runtime: str | None, pool: int) -> None:
        if self.state is None:
            return
        known = self.state.peer.settings
        self.was_ephemeral |= wake is WakePolicy.EPHEMERAL
        self.tell(r.Configure(replace(known, wake=wake, runtime=runtime or known.runtime, pool=pool)))

    # ---- time

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 5.0, 20.0, 100.0]))
    def later(self, seconds: float) -> None:
        self.now += seconds
        self.tell(f.Tick())

    @rule()
    def due(self) -> None:
        self.jump()

    def jump(self) -> None:
        at = deadline(self.state, self.now) if self.state else None
        if at is not None:
            self.now = at
            self.tell(f.Tick())

    # ---- facts about the live session

    @rule(seen=SEEN, learn=st.booleans())
    def observe(self, seen: SessionState, *, learn: bool) -> None:
        session = self.live()
        if session is not None:
            self.tell(f.Observed(session.id, seen, "seen", self.truth.place(session) if learn else None))

    @rule(data=st.data())
    def beside(self, data: st.DataObject) -> None:
        self.pool_lives(data)

    def pool_lives(self, data: st.DataObject) -> None:
        """Something happens to the pool: it is to grow or to shrink, or one in it is seen, speaks, dies."""
        pooled = self.pooled()
        what = data.draw(st.sampled_from(["spare", "see", "see", "see", "evict", "die", "done", "found"]))
        if what == "spare" or not pooled:
            self.tell(f.Spare())
            return
        session = data.draw(st.sampled_from(pooled))
        held = sorted(self.truth.holds.get(self.truth.place(session), ()))
        if what == "see":
            self.tell(f.Observed(session.id, data.draw(SEEN), "seen", self.truth.place(session)))
        elif what == "evict":
            self.tell(f.Evict(session.id, "the host is full"))
        elif what == "die":
            self.reap(session, data.draw(FELL), kept=data.draw(st.booleans()))
        elif what == "done":
            self.tell(f.Completed(session.id, "did it"))
        elif held:
            self.tell(f.Taken(session.id, data.draw(st.sampled_from(held)), "record"))

    @rule(take=st.booleans(), some=st.booleans(), failed=st.sampled_from([None, None, "400", "429", "odd"]))
    def turn(self, failed: str | None, *, take: bool, some: bool) -> None:
        session, flight = self.live(), self.state.in_flight if self.state else ()
        if session is None or not flight:
            return
        for message in flight:
            if take and message.id in self.truth.holds.get(self.truth.place(session), ()):
                self.tell(f.Taken(session.id, message.id, "record"))
        named = tuple(message.id for message in flight[:1]) if some else None
        self.tell(f.TurnEnded(session.id, "record", failed, fault=fault_of(failed or ""), messages=named))

    @rule(data=st.data())
    def found_late(self, data: st.DataObject) -> None:
        self.find_one(data)

    def find_one(self, data: st.DataObject) -> None:
        session = self.live()
        held = sorted(self.truth.holds.get(self.truth.place(session), ())) if session else []
        if session is not None and held:
            self.tell(f.Taken(session.id, data.draw(st.sampled_from(held)), "record"))

    @rule(data=st.data())
    def speak(self, data: st.DataObject) -> None:
        session = self.live()
        if session is not None and data.draw(st.booleans()):
            asked = data.draw(st.sampled_from([f.Completed(session.id, "did it"), r.FreshAsked(session.id)]))
            self.tell(asked)
        else:
            self.reply_one(data)

    def reply_one(self, data: st.DataObject) -> None:
        session = self.live()
        held = sorted(self.truth.holds.get(self.truth.place(session), ())) if session else []
        if held and self.state is not None:
            turn = [message.id for message in self.state.turn if message.id in held]
            self.tell(f.Replied(data.draw(st.sampled_from(turn or held)), "reply"))

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        if self.state is not None and self.state.messages:
            self.tell(r.Acknowledge((data.draw(st.sampled_from(self.state.messages)).id,)))

    @rule(cause=FELL, kept=st.booleans())
    def die(self, cause: Cause, *, kept: bool) -> None:
        session = self.live()
        if session is not None:
            self.reap(session, cause, kept=kept)

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        self.repeat_one(data)

    def repeat_one(self, data: st.DataObject) -> None:
        """A fact told before is told again, whatever has happened since."""
        facts = [fact for fact in self.facts if not isinstance(fact, f.Launched | f.Adopted | f.TurnEnded)]
        if facts:
            self.tell(data.draw(st.sampled_from(facts[-4:] if data.draw(st.booleans()) else facts)))

    # ---- effects

    @rule(data=st.data())
    def live_on(self, data: st.DataObject) -> None:
        """The ordinary course of things with an accident now and then, so that lives get far."""
        deeds: dict[str, Callable[[st.DataObject], None]] = {
            "on": self.go_on,
            "repeat": self.repeat_one,
            "die": self.die_now,
            "reply": self.reply_one,
            "found": self.find_one,
            "see": self.see,
            "due": lambda _data: self.jump(),
            "restart": lambda _data: self.restart(),
            "resend": lambda data: self.decide_one(data, drop=False),
            "drop": lambda data: self.decide_one(data, drop=True),
            "pool": self.pool_lives,
        }
        for what in data.draw(st.lists(st.sampled_from(COURSE), min_size=5, max_size=60)):
            if isinstance(what, str):
                deeds[what](data)
            else:
                self.tell(what)

    def die_now(self, data: st.DataObject) -> None:
        session = self.live()
        if session is not None:
            self.reap(session, data.draw(FELL), kept=data.draw(st.booleans()))

    def see(self, data: st.DataObject) -> None:
        session = self.live()
        if session is not None:
            self.tell(f.Observed(session.id, data.draw(SEEN), "seen"))
            self.add(None, None, notice=False)

    def go_on(self, data: st.DataObject) -> None:
        session, turn = self.live(), self.state.turn if self.state else ()
        if self.effects:
            self.run(self.effects.pop(0), lambda *values: data.draw(st.sampled_from(values)))
        elif session is not None and turn and data.draw(st.integers(0, 5)) == 0:
            self.tell(f.Observed(session.id, SessionState.WORKING, "turn"))
            self.add(turn[0].topic, None, notice=False, timing=Timing.NOW)
        elif session is not None and session.state not in (SessionState.IDLE, SessionState.STOPPING):
            self.tell(f.Observed(session.id, SessionState.IDLE, "prompt"))
        elif session is not None and turn:
            failed = data.draw(st.sampled_from([None, None, "400"]))
            self.tell(f.TurnEnded(session.id, "record", failed, fault=fault_of(failed or "")))
        elif self.state is None or self.state.peer.quarantine or self.state.queued > 2:
            self.jump()
        else:
            topic = data.draw(st.sampled_from([None, "t1", "t2"]))
            timing = data.draw(st.sampled_from([Timing.NEXT, *Timing]))
            self.add(topic, None, notice=data.draw(st.integers(0, 5)) == 0, timing=timing)

    @precondition(lambda self: self.effects)
    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.effects) - 1))
        self.run(self.effects.pop(index), lambda *values: data.draw(st.sampled_from(values)))

    @rule(request=st.sampled_from([r.Stop("op"), r.Restart("op"), r.Wake(WakeMode.FRESH, "op"), f.Tick()]))
    def ask_while_it_falls_asleep(self, request: Event) -> None:
        """A person types in a session that was to sleep, and something else is asked of it."""
        self.come_to_rest()
        if self.live() is None or self.state is None or self.state.messages:
            return
        self.jump()
        self.tell(request)
        for effect in list(self.effects):
            self.effects.remove(effect)
            self.run(effect, lambda *values: values[0])

    @rule(topics=st.permutations(["t1", "t2", None]))
    def converse(self, topics: list[str | None]) -> None:
        """Several conversations, one after another, without an accident."""
        for topic in topics:
            self.add(topic, None, notice=False)
            self.come_to_rest()

    @rule(turns=st.integers(1, 5))
    def the_model_refuses(self, turns: int) -> None:
        """Every turn fails for a while, whichever message it is for."""
        for _ in range(turns):
            self.add("t1", None, notice=False)
            self.come_to_rest(in_a_turn=True)
            session = self.live()
            if session is not None:
                self.tell(f.TurnEnded(session.id, "record", "400", fault=fault_of("400")))

    def come_to_rest(self, *, in_a_turn: bool = False) -> None:
        """A shell that does its work goes on until nothing is left to do, or nothing goes by itself."""
        for _ in range(40):
            waits = not self.effects and self.live() is None
            at = deadline(self.state, self.now) if self.state is not None else None
            if not self.unfinished() or (waits and at is None):
                return
            if in_a_turn and self.state is not None and self.state.turn:
                return
            self.fair_step()

    @rule()
    def restart_daemon(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Every running effect is lost; what it was doing is looked at again."""
        lost, self.effects = self.effects, []
        state = self.state
        if state is None:
            return
        for session in state.sessions:
            if session.id not in self.truth.running:
                self.reap(session, Cause.UNKNOWN)
                continue
            if session.processes is None:
                self.tell(f.Launched(session.id, Processes(PROCESS, PROCESS, PROCESS, "/s")))
            if self.number % 2:  # N8: the others have not asked for their tools yet
                self.tell(f.ToolsGiven(session.id))
            self.tell(f.Adopted(session.id))
        for effect in lost:
            self.recover(effect)

    def recover(self, effect: c.Effect) -> None:
        session = self.state.session if self.state else None
        match effect:
            case c.Notify():
                self.effects.append(effect)
            case c.Perform(asked) if (
                session is not None and session.id == asked.id and session.open_control is not None
            ):
                self.effects.append(c.Perform(session, session.open_control))
            case c.End(ended) if self.state is not None:
                found = self.state.find_session(ended.id)
                if found is not None and found.ending is not None:
                    self.effects.append(c.End(found, found.ending.cause, found.ending.by, guarded=False))
            case c.Offer(message=message) | c.Examine(message=message) if self.state is not None:
                current = self.state.message(message.id)
                if current is not None and current.state is MessageState.OFFERED:
                    conversation = session.conversation if session else self.state.peer.conversation
                    self.effects.append(
                        c.Examine(session.id if session else None, "p", current, conversation)
                    )
            case _:
                pass

    # ---- what holds always

    @invariant()
    def in_order(self) -> None:
        exempt = {m.id for m in [*self.stored.messages.values(), *self.stored.final.values()] if m.notice}
        known = self.stored.messages | self.stored.final
        for timing in Timing:
            places = [
                self.order.index(m)
                for m in self.first_offers
                if not (self.was_ephemeral and m in exempt) and known[m].timing is timing
            ]
            assert places == sorted(places)
        assert len(set(self.first_offers)) == len(self.first_offers)

    @invariant()
    def reaped_once(self) -> None:
        assert self.stored.closed == self.stored.stopped
        assert all(count == 1 for count in self.stored.closed.values())

    @invariant()
    def distinct_news(self) -> None:
        assert len(set(self.news.values())) == len(self.news)

    @invariant()
    def nothing_due_is_left(self) -> None:
        if self.state is None:
            return
        due = policy_end(self.state)
        assert due is None or due.at > self.now
        at, state, now = deadline(self.state, self.now), self.state, self.now
        for _ in range(3):
            if at is None or state is None:
                return
            assert at > now
            now = at
            after, commands = decide(state, f.Tick(), now, POLICY)
            assert not any(isinstance(command, c.Refuse) for command in commands)
            state, at = after, deadline(after, now) if after else None

    def teardown(self) -> None:
        """A shell that does its work brings every message to an end, whatever was before. People leave.

        A life in which a promise was broken ends there: its store holds half a decision, and what that leads
        to would hide what was found.
        """
        if self.state is None or sys.exc_info()[0] is not None:
            return
        self.tell(r.Start("op"))
        if self.state is not None and self.state.peer.settings.runtime == "human":
            self.tell(r.Acknowledge(tuple(m.id for m in self.state.messages)))
        for _ in range(400):
            if not self.unfinished():
                return
            self.fair_step()
        pytest.fail(f"stuck: {self.state} with {self.effects}")

    def unfinished(self) -> bool:
        """Whether something is left to do: notices wait for a session, doubt for a person."""
        if self.state is None:
            return False
        waiting = [
            m
            for m in self.state.messages
            if m.notice is None and m.state is not MessageState.UNKNOWN and not self.lets_sleep(m)
        ]
        stopping = any(session.state is SessionState.STOPPING for session in self.state.sessions)
        return bool(waiting or stopping)

    def fair_step(self) -> None:
        if self.effects:
            self.run(self.effects.pop(0), lambda *values: values[0])
            return
        session, turn = self.live(), self.state.turn if self.state else ()
        if session is not None and session.state not in (SessionState.IDLE, SessionState.STOPPING):
            self.tell(f.Observed(session.id, SessionState.IDLE, "prompt"))
        elif session is not None and turn:
            self.tell(f.TurnEnded(session.id, "record"))
        else:
            assert self.state is not None
            assert deadline(self.state, self.now) is not None, f"stuck without a deadline: {self.state}"
            self.jump()


def examples() -> int:
    """How many lives to play: ROOST_CORE_EXAMPLES, or what a hypothesis profile asks for above this."""
    asked = int(os.environ.get("ROOST_CORE_EXAMPLES", "0"))
    return asked or max(settings().max_examples, 200)


def test_any_order_of_events_keeps_every_promise() -> None:
    """P3, P4, P6, P8, P11, N1-N5, N8; and a fair shell brings every message to its end."""
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples(),
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
