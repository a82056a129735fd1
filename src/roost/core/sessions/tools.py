"""The tools of an agent whose program asks for them once, as it starts, and goes without them otherwise.

One that had not asked when its daemon was replaced may have asked nobody, and nothing tells of that. It gets
its mail once it has begun anew with its tools, or else answers by commands.
"""

from roost.core.messages.queue import next_offer
from roost.core.transition.ending import at_rest, end
from roost.core.transition.step import Step
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Timing
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.session import Cause, Session, Tools

_WHY = "the daemon was replaced before it had asked for its tools, so it may be without them"


def on_tools_given(step: Step, event: f.ToolsGiven) -> None:
    """Its program has our tools from now on."""
    if step.live(event.session):
        step.set_session(tools=Tools.GIVEN, toolless=())


def begin_anew(step: Step) -> None:
    """Mail waits for an idle session that may be without tools: it ends as for a sleep, and is woken by that.

    Not where a person would miss it, where nothing would wake it, or where it may not be able to go on with
    what was said. An end that was put off is not tried again for the same message.
    """
    session = step.session
    if session is None or session.tools is not Tools.DOUBTED or not _may_end(step, session):
        return
    message = next_offer(step)
    if message is None or message.notice is not None:
        return
    wakes = message.cut or message.timing is not Timing.IDLE
    if wakes and (step.traits.reloads or not session.used):
        end(step, Cause.TOOLS_MISSING, "roost", why=_WHY)


def _may_end(step: Step, session: Session) -> bool:
    """Whether it is at rest, nobody has plans for it, and it would be woken again."""
    wake = step.peer.settings.wake
    if wake is WakePolicy.NEVER or session.own_terminal or not step.policy.waking:
        return False
    if wake is WakePolicy.EPHEMERAL and session.task is not None:
        return False
    return at_rest(step.state, session) and session.ending is None and not session.vetoed
