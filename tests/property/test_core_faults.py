"""The machine can fail: a fault is planted in the core against each promise, and the machine finds it.

A fault is one line of a function in other words. A line that is not there any more fails its test, so that no
fault goes stale unnoticed.
"""

import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from roost.core import death, delivery, doubt, ending, launch, lifecycle, pool, requests, step, turns
from roost.core import decide as reducer
from tests.property.test_core_machine import Machine


@dataclass(frozen=True)
class Fault:
    """What is promised, and the line of which function breaks it how."""

    promise: str
    function: Callable[..., Any]
    line: str
    instead: str


FAULTS = [
    Fault("N4 one message in flight", delivery.offer, " or step.state.in_flight is not None", ""),
    Fault("P2 offered at the prompt only", delivery.offer, "session.state is not SessionState.IDLE", "False"),
    Fault(
        "N4 doubt is never pasted again",
        delivery.on_examined,
        "step.set_message(message, state=MessageState.UNKNOWN, why=event.why)",
        "put_back(step, message, event.why)",
    ),
    Fault(
        "P2 order of a recipient",
        delivery.head,
        "in step.state.messages",
        "in step.state.messages[::-1]",
    ),
    Fault("P4 M3 one task for each session", delivery._fits, "session.task in (None, message.id)", "True"),
    Fault("P4 M2 a silent worker ends", ending.policy_end, "_task_end(state, session)", "None"),
    Fault("N2 nothing is dropped", step.Step.finish, "self.set_message(", "replace("),
    Fault(
        "N1 news is told once",
        step.Step.tell,
        '"notice", message.id, outcome',
        '"notice", message.id, outcome, self.now',
    ),
    Fault("N1 notices are not answered", step.Step.tell, "message.notice is not None or ", ""),
    Fault("P7 a parked peer is not woken", reducer._wake, "peer.stopped or ", ""),
    Fault(
        "P6 the guard holds",
        reducer.wake_blocked_until,
        "max(quarantine, state.peer.backoff_until or 0.0)",
        "0.0",
    ),
    Fault("P6 policy deaths do not count", death._named, "counted=cause in COUNTED", "counted=True"),
    Fault("B1 a session makes way", pool.make_way, "message.topic == session.topic", "True"),
    Fault("B1 a pool has N sessions", pool._endings, "len(staying) - state.peer.settings.pool", "0"),
    Fault(
        "B1 a spare only while its peer works",
        pool.on_spare,
        "if not wants_spare(step.state, step.now, step.policy):",
        "if False:",
    ),
    Fault("B1 one session for a conversation", pool.begin, "if kept is not None:", "if False:"),
    Fault(
        "B1 a pool ends with its peer",
        ending.end_all,
        "step.state.sessions",
        "[step.session] * bool(step.session)",
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
    ),
    Fault("N4 a turn is driven again once", turns.cut_off, "if message.redriven:", "if False:"),
    Fault("N5 only a live session ends", death.on_died, "step.live(event.death.session)", "step.session"),
    Fault(
        "P11 a removed peer leaves no message",
        reducer._purge,
        "for message in step.state.messages:",
        "for message in ():",
    ),
    Fault("P3 no wake for a notice alone", delivery.waking, "message.notice is None", "True"),
    Fault("what waits for an idle agent wakes none", delivery.waking, "timing is not Timing.IDLE", "size"),
    Fault("what is urgent goes first", delivery._urgency, "_URGENCY[message.timing]", "2"),
    Fault("what was begun goes on first", delivery._urgency, "0 if message.cut else ", ""),
    Fault("only doubt is sent again", doubt.on_resend, "message.state is not MessageState.UNKNOWN", "False"),
    Fault("N5 an end waits for the launch", ending.end, "if session.processes is not None:", "if True:"),
    Fault("P3 time passes without spinning", reducer.deadline, "if at > now", "if at >= now - 60"),
    Fault(
        "P7 an end that was asked for stands",
        lifecycle.on_end_vetoed,
        "session.ending.cause is not VETOABLE",
        "False",
    ),
    Fault(
        "N8 nothing is asked of the dead",
        requests.on_wake,
        "if session is not None and event.mode is WakeMode.FRESH:",
        "if event.mode is WakeMode.FRESH:",
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


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.promise)
def test_a_planted_fault_is_found(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """P2-P4, P6-P9, P11, N1, N2, N4, N5, N8, H3: the machine of test_core_machine can fail for each."""
    _plant(fault, monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=2000,
                stateful_step_count=20,
                deadline=None,
                derandomize=True,
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
