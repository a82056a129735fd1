"""What is asked of a running session without ending it: interrupt its turn, compact its conversation."""

from msgspec.structs import replace

from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.phrases import only_run
from roost.core.vocabulary.session import ControlKind, ControlRequest, SessionState

BOUND = 600.0
"""Seconds that a compaction waits for the end of the running turn."""
_NOTHING = frozenset({SessionState.IDLE, SessionState.STOPPING})


def on_interrupt(step: Step, event: r.Interrupt) -> None:
    """End the running turn; where none runs there is nothing to do, and that is said."""
    name, session = step.peer.name, step.session
    if step.traits.mailbox:
        return step.refuse(f"'{name}' is a mailbox; it has no turns")
    if session is None:
        return step.emit(c.Advise(f"'{name}' has no session: there is nothing to interrupt"))
    if session.own_terminal:
        return step.refuse(_theirs(name))
    control = session.open_control
    if session.state is SessionState.STARTING:
        return step.refuse(f"'{name}' is starting; `roost stop {name}` ends it")
    if control is not None and control.kind is ControlKind.INTERRUPT:
        return None
    busy = bool(step.state.in_flight) or (control is not None and control.begun)
    if session.state in _NOTHING and not busy:
        return step.emit(c.Advise(f"'{name}' is {session.state}: there is nothing to interrupt"))
    asked = ControlRequest(ControlKind.INTERRUPT, event.by, step.now, begun=True)
    step.journal("interrupting", by=event.by)
    return step.emit(c.Perform(step.set_session(control=asked), asked))


def on_compact(step: Step, event: r.Compact) -> None:
    """Compact the conversation, at once or after the running turn; messages wait meanwhile."""
    name, session = step.peer.name, step.session
    if step.traits.mailbox:
        return step.refuse(f"'{name}' is a mailbox; it has no conversation")
    if not step.traits.compacts:
        runtime = step.peer.settings.runtime
        return step.refuse(
            f"no command is known that compacts a conversation of '{runtime}'; set compact in"
            f" [runtimes.{runtime}], or begin a new conversation with `roost restart {name}`",
        )
    if session is None or session.state is SessionState.STOPPING or session.ending is not None:
        if step.peer.settings.wake is WakePolicy.NEVER and not step.goes_on_here:
            return step.refuse(only_run(name))
        return step.refuse(f"'{name}' has no session to compact; wake it with `roost wake {name} --resume`")
    if session.own_terminal:
        return step.refuse(_theirs(name))
    control = session.open_control
    if control is not None:
        if control.kind is ControlKind.INTERRUPT:
            return step.refuse(f"'{name}' is being interrupted; try again in a moment")
        return None
    step.set_session(control=ControlRequest(ControlKind.COMPACT, event.by, step.now))
    return step.journal("compacting", by=event.by)


def on_performed(step: Step, event: f.Performed) -> None:
    """A control request is over, done or not."""
    session = step.live(event.session)
    if session is not None and session.open_control is not None and session.open_control.at == event.at:
        _finish(step, session.open_control, event.failed, event.note)


def go_on(step: Step) -> None:
    """Begin a compaction that waits for the end of a turn, or give it up."""
    session = step.session
    control = session.open_control if session is not None else None
    if session is None or control is None or control.begun or session.state is SessionState.STOPPING:
        return
    if session.state is SessionState.IDLE and session.ready and not step.state.in_flight:
        begun = replace(control, begun=True)
        step.emit(c.Perform(step.set_session(control=begun), begun))
    elif step.now >= given_up_at(control):
        waited = rough_duration(BOUND)
        _finish(step, control, f"it was not at its prompt for {waited} ({session.why})", "")


def given_up_at(control: ControlRequest) -> float:
    """When a control request that still waits for its beginning is given up (Unix seconds)."""
    return control.at + control.clock_moved + BOUND


def _finish(step: Step, control: ControlRequest, failed: str | None, note: str) -> None:
    step.set_session(
        control=replace(control, ended_at=step.now, failed=failed, note=note), active_at=step.now
    )
    done = "interrupted" if control.kind is ControlKind.INTERRUPT else "compacted"
    step.journal(done if failed is None else f"not-{done}", by=control.by, why=failed or note)


def _theirs(name: str) -> str:
    return f"'{name}' runs in a person's own terminal, where nothing is typed for them; do it there"
