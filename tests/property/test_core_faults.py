"""The machine can fail: a fault is planted in the core against each promise, and the machine finds it.

A fault is one line of a function in other words. A line that is not there any more fails its test, so that no
fault goes stale unnoticed.

Chance finds most of them in the first few lives, from a seed that is known to be lucky; from another one when
the core has changed. For those that it finds late there is a life that leads to them.
"""

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from hypothesis.stateful import run_state_machine_as_test

from roost.core import decide as reducer
from roost.core import operations
from roost.core.messages import doubt, examination, offer, queue, refusal, turn_end
from roost.core.sessions import death, launch, lifecycle, pool
from roost.core.transition import ending, step, turns
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.message import Examination, MessageState, Timing
from roost.core.vocabulary.peer import ResumePolicy, WakePolicy
from roost.core.vocabulary.session import Cause, SessionState
from roost.faults import fault_of
from tests.property.test_core_machine import Machine

LIVES = 100
SEEDS = 20


@dataclass(frozen=True)
class Fault:
    """What is promised, and the line of which function breaks it how."""

    promise: str
    function: Callable[..., Any]
    line: str
    instead: str
    seed: int = 0
    life: Callable[[Machine], None] | None = None


def begun(machine: Machine, pool: int = 0) -> None:
    """A warm peer of the demo runtime with a message."""
    machine.begin(wake=WakePolicy.WARM, resume=ResumePolicy.TOPIC, runtime="demo", restarts=3, pool=pool)
    machine.add("t1", None, notice=False)


def turns_cut_again_and_again(machine: Machine) -> None:
    """The agent crashes in each turn that a message begins."""
    begun(machine)
    for _ in range(3):
        until_accepted(machine)
        session = machine.live()
        if session is not None:
            machine.reap(session, Cause.CRASHED)


def until_accepted(machine: Machine) -> None:
    for _ in range(20):
        if machine.state is None or not machine.state.messages:
            return
        if machine.state.turn and machine.live() is not None:
            return
        machine.fair_step()


def a_paste_that_nothing_tells_of(machine: Machine) -> None:
    """Whether it went in cannot be seen."""
    begun(machine)
    while machine.state is not None and machine.state.messages[0].state is not MessageState.OFFERED:
        machine.fair_step()
    assert machine.state is not None
    message = machine.state.messages[0]
    machine.tell(f.Examined(message.id, Examination.UNCLEAR, "looked", message.attempts))


def a_conversation_in_the_pool(machine: Machine) -> None:
    """The active session dies, and the next message is for the one in the pool."""
    begun(machine, pool=1)
    machine.come_to_rest()
    machine.add("t2", None, notice=False)
    machine.come_to_rest()
    session = machine.live()
    assert session is not None
    machine.reap(session, Cause.COMPLETED)
    machine.add("t1", None, notice=False)
    machine.one_session_for_each_conversation()


def a_message_that_is_sent_again(machine: Machine) -> None:
    """While the agent has it, and nobody is in doubt about that."""
    begun(machine)
    until_accepted(machine)
    assert machine.state is not None
    machine.tell(r.Resend(machine.state.messages[0].id, "op"))


def launches_that_fail(machine: Machine) -> None:
    """The program is not there, for so long that who waits is told of it, and then once."""
    begun(machine)
    machine.add("t1", None, notice=False)
    for _ in range(5):
        while machine.state is not None and machine.state.session is None:
            machine.fair_step()
        assert machine.state is not None
        assert machine.state.session is not None
        machine.effects.clear()
        machine.tell(f.BootFailed(machine.state.session.id, "no such program"))
        while machine.state.session is not None:
            machine.fair_step()


def an_urgent_message_after_a_crash(machine: Machine) -> None:
    """It comes while another one is to be driven again."""
    begun(machine)
    until_accepted(machine)
    session = machine.live()
    assert session is not None
    machine.reap(session, Cause.CRASHED)
    machine.add("t1", None, notice=False, timing=Timing.NOW)


def a_crash_in_a_turn_of_two(machine: Machine) -> None:
    """An urgent message went into the turn of another one."""
    begun(machine)
    until_accepted(machine)
    session = machine.live()
    assert session is not None
    machine.tell(f.Observed(session.id, SessionState.WORKING, "busy"))
    machine.add("t1", None, notice=False, timing=Timing.NOW)
    while machine.effects:
        machine.fair_step()
    assert machine.state is not None
    assert len(machine.state.turn) == 2
    machine.reap(session, Cause.CRASHED)
    machine.come_to_rest()


def a_stop_while_it_falls_asleep(machine: Machine) -> None:
    """A person types, and that holds against sleep alone."""
    begun(machine)
    machine.come_to_rest()
    machine.jump()
    machine.tell(r.Stop("op"))
    session = machine.live()
    assert session is not None
    machine.tell(f.EndVetoed(session.id, "a person types", machine.now + 3.0))
    machine.parked_means_ending()


def a_removal_with_messages(machine: Machine) -> None:
    """One is with the agent, one waits."""
    begun(machine)
    until_accepted(machine)
    machine.add("t1", None, notice=False)
    machine.tell(r.Remove("op", force=True))
    while machine.state is not None:
        machine.fair_step()
    machine.nothing_is_dropped()


def launches_that_never_ran(machine: Machine) -> None:
    """The program is away for three tries."""
    begun(machine)
    for _ in range(3):
        while machine.state is not None and machine.state.session is None:
            machine.fair_step()
        assert machine.state is not None
        assert machine.state.session is not None
        machine.effects.clear()
        machine.truth.unstarted.add(machine.state.session.id)
        machine.tell(f.BootFailed(machine.state.session.id, "no such program", Blame.SETUP))
        while machine.state.session is not None:
            machine.fair_step()


def refuse(machine: Machine) -> None:
    """The turn of the message that comes next fails, as its model wants it."""
    while machine.state is not None and not machine.state.turn:
        machine.fair_step()
    session = machine.live()
    assert session is not None
    machine.tell(f.TurnEnded(session.id, "record", "400", fault=fault_of("400")))


def turns_refused(machine: Machine) -> None:
    """Whatever is asked in the conversation fails."""
    begun(machine)
    machine.add("t1", None, notice=False)
    for _ in range(3):
        refuse(machine)


def turns_refused_across_a_sleep(machine: Machine) -> None:
    """As before, with a sleep between the first message's end and the second message."""
    begun(machine)
    for _ in range(2):
        refuse(machine)
    machine.tell(r.Rest("op"))
    while machine.state is not None and machine.state.session is not None:
        machine.fair_step()
    machine.add("t1", None, notice=False)
    refuse(machine)


FAULTS = [
    Fault(
        "C11 what never ran is nobody's crash",
        lifecycle.on_boot_failed,
        "event.blame is Blame.PROGRAM",
        "True",
        life=launches_that_never_ran,
    ),
    Fault(
        "C11 what never ran changes no past",
        death._never_ran,
        " or death.cause is Cause.NOT_STARTED",
        "",
        life=launches_that_never_ran,
    ),
    Fault(
        "C7 a conversation that is refused is left",
        refusal.refuses,
        "session.refusal is not None and",
        "False and",
        life=turns_refused,
    ),
    Fault(
        "C7 one message alone proves nothing",
        refusal.refuses,
        "session.refusal.message != message.id",
        "True",
        life=turns_refused,
    ),
    Fault(
        "C7 a refusal outlives its session",
        death.on_died,
        "refusal=session.refusal",
        "refusal=None",
        life=turns_refused_across_a_sleep,
    ),
    Fault("N4 one offer at a time", offer.offer, " or step.state.offered is not None", "", seed=1),
    Fault("N4 one message begins a turn", offer.offer, " or step.state.turn", ""),
    Fault(
        "P2 offered at the prompt only",
        offer.offer,
        "session.state is not SessionState.IDLE",
        "False",
        seed=2,
    ),
    Fault(
        "what is not urgent breaks into no turn",
        offer._steers,
        "message.timing is not Timing.NOW",
        "False",
        seed=36,
    ),
    Fault("nothing is typed where it is not taken", offer._steers, "not step.traits.steers", "False", seed=4),
    Fault(
        "N2 a turn ends for all of it",
        turn_end.on_turn_ended,
        "in step.state.turn:",
        "in step.state.turn[:1]:",
        seed=77,
    ),
    Fault(
        "N2 a death cuts all of a turn",
        death._settle_flight,
        "step.state.in_flight:",
        "step.state.in_flight[:1]:",
        life=a_crash_in_a_turn_of_two,
    ),
    Fault(
        "N4 doubt is never pasted again",
        examination.on_examined,
        "step.set_message(message, state=MessageState.UNKNOWN, why=event.why)",
        "put_back(step, message, event.why)",
        life=a_paste_that_nothing_tells_of,
    ),
    Fault(
        "P2 order of a recipient",
        queue.head,
        "in step.state.messages",
        "in step.state.messages[::-1]",
        seed=1,
    ),
    Fault(
        "P4 M3 one task for each session", queue._fits, "session.task in (None, message.id)", "True", seed=7
    ),
    Fault("P4 M2 a silent worker ends", ending.policy_end, "_task_end(state, session)", "None"),
    Fault("N2 nothing is dropped", step.Step.finish, "self.set_message(", "replace("),
    Fault(
        "N1 news is told once",
        step.Step.tell,
        '"notice", message.id, outcome',
        '"notice", message.id, outcome, self.now',
        life=launches_that_fail,
    ),
    Fault("N1 notices are not answered", step.Step.tell, "message.notice is not None or ", "", seed=7),
    Fault("P7 a parked peer is not woken", reducer._wake, "peer.stopped or ", "", seed=1),
    Fault(
        "P6 the guard holds",
        reducer.wake_blocked_until,
        "max(quarantine, state.peer.backoff_until or 0.0)",
        "0.0",
    ),
    Fault("P6 policy deaths do not count", death._named, "counted=cause in COUNTED", "counted=True"),
    Fault("B1 a session makes way", pool.make_way, "message.topic == session.topic", "True", seed=2),
    Fault("B1 a pool has N sessions", pool._endings, "len(staying) - state.peer.settings.pool", "0", seed=3),
    Fault(
        "B1 a spare only while its peer works",
        pool.on_spare,
        "if not wants_spare(step.state, step.now, step.policy):",
        "if False:",
    ),
    Fault(
        "B1 one session for a conversation",
        pool.begin,
        "if kept is not None:",
        "if False:",
        life=a_conversation_in_the_pool,
    ),
    Fault(
        "B1 a pool ends with its peer",
        ending.end_all,
        "step.state.sessions",
        "[step.session] * bool(step.session)",
        seed=2,
    ),
    Fault("P9 the cause that was asked for", death._named, "session.ending is not None", "False"),
    Fault(
        "H3 one stopped event",
        death.on_died,
        "step.emit(_stopped(death))",
        "step.emit(_stopped(death), _stopped(death))",
    ),
    Fault("P8 one session at a time", reducer._pump, "if step.session is None:", "if True:"),
    Fault(
        "P4 M1 a task begins fresh",
        launch.new_session,
        "new_conversation(step, generation) if resumes is None else resumes",
        "step.peer.conversation or new_conversation(step, generation)",
    ),
    Fault(
        "N2 a cut turn is driven again",
        turns.cut_off,
        "step.set_message(message, cut=True,",
        "step.set_message(message,",
        life=turns_cut_again_and_again,
    ),
    Fault(
        "N4 a turn is driven again once",
        turns.cut_off,
        "if message.redriven:",
        "if False:",
        life=turns_cut_again_and_again,
    ),
    Fault(
        "N5 only a live session ends",
        death.on_died,
        "step.live(event.death.session)",
        "step.session",
        seed=22,
    ),
    Fault(
        "P11 a removed peer leaves no message",
        reducer._purge,
        "for message in step.state.messages:",
        "for message in ():",
        life=a_removal_with_messages,
    ),
    Fault("P3 no wake for a notice alone", queue.waking, "message.notice is None", "True", seed=1),
    Fault(
        "what waits for an idle agent wakes none", queue.waking, "timing is not Timing.IDLE", "size", seed=9
    ),
    Fault("what is urgent goes first", queue._urgency, "_URGENCY[message.timing]", "2", seed=1),
    Fault(
        "what was begun goes on first",
        queue._urgency,
        "0 if message.cut else ",
        "",
        life=an_urgent_message_after_a_crash,
    ),
    Fault(
        "only doubt is sent again",
        doubt.on_resend,
        "message.state is not MessageState.UNKNOWN",
        "False",
        life=a_message_that_is_sent_again,
    ),
    Fault("N5 an end waits for the launch", ending.end, "if session.launched:", "if True:"),
    Fault("P3 time passes without spinning", reducer.deadline, "if at > now", "if at >= now - 60", seed=1),
    Fault(
        "P7 an end that was asked for stands",
        lifecycle.on_end_vetoed,
        "session.ending.cause not in VETOABLE",
        "False",
        life=a_stop_while_it_falls_asleep,
    ),
    Fault(
        "N8 nothing is asked of the dead",
        operations.on_wake,
        "if session is not None and event.mode is WakeMode.FRESH:",
        "if event.mode is WakeMode.FRESH:",
        seed=5,
    ),
]


def _planted(fault: Fault) -> Callable[..., Any]:
    """The function with the fault in it."""
    source = textwrap.dedent(inspect.getsource(fault.function))
    assert source.count(fault.line) == 1, (
        f"{fault.line!r} is not one place of {fault.function.__qualname__} any more"
    )
    scope: dict[str, Any] = {}
    code = compile(source.replace(fault.line, fault.instead), f"<{fault.promise}>", "exec")
    exec(code, vars(sys.modules[fault.function.__module__]), scope)  # noqa: S102 -- our own source
    return scope[fault.function.__name__]


def _plant(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put it wherever the core holds the function: modules, classes, the table of handlers."""
    planted = _planted(fault)
    for name, module in list(sys.modules.items()):
        if name.startswith(("roost.core.", "tests.")):
            for key, value in list(vars(module).items()):
                if value is fault.function:
                    monkeypatch.setattr(module, key, planted)
    if fault.function.__qualname__.startswith("Step."):
        monkeypatch.setattr(step.Step, fault.function.__name__, planted)
    for event, handler in list(reducer._HANDLERS.items()):
        if handler is fault.function:
            monkeypatch.setitem(reducer._HANDLERS, event, planted)


def live(life: Callable[[Machine], None]) -> None:
    """Live one life by hand, to its fair end."""
    machine = Machine()
    life(machine)
    machine.teardown()


def search(start: int) -> None:
    """Live many lives by chance, from one seed after another."""
    for number in range(start, start + SEEDS):

        @seed(number)
        class Seeded(Machine):
            """Chance is the same each time."""

        run_state_machine_as_test(
            Seeded,
            settings=settings(
                max_examples=LIVES,
                stateful_step_count=20,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                print_blob=False,
                report_multiple_bugs=False,
                suppress_health_check=[
                    HealthCheck.too_slow,
                    HealthCheck.filter_too_much,
                    HealthCheck.data_too_large,
                ],
            ),
        )


@pytest.fixture(autouse=True)
def _chance_is_of_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hypothesis 6.170 also draws constants that it finds in the modules that happen to be loaded."""
    monkeypatch.setattr(providers, "_get_local_constants", Constants)
    providers.CONSTANTS_CACHE.cache.clear()
    yield
    providers.CONSTANTS_CACHE.cache.clear()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.promise)
def test_a_planted_fault_is_found(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """P2-P4, P6-P9, P11, N1, N2, N4, N5, N8, H3: the machine of test_core_machine can fail for each."""
    if fault.life is not None:
        live(fault.life)
    _plant(fault, monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        search(fault.seed) if fault.life is None else live(fault.life)
