"""A playbook: one peer and the pure core; each event is answered with its commands in short words."""

from typing import Any

from msgspec.structs import replace

from roost.core.decide import decide
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Examination, Message
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Cause, Death, Processes, Session, SessionState
from roost.faults import Fault

POLICY = Policy({"human": Traits(mailbox=True), "plain": Traits(resumable=False)})
PROCESS = ProcessId("boot", 1, 2)
RUNNING = Processes(PROCESS, PROCESS, PROCESS, "/s")


class Play:
    """One peer; `tell` applies an event and returns the commands in short words."""

    def __init__(self, name: str = "p", **settings: Any) -> None:  # noqa: ANN401 -- fields of a row
        chosen = replace(Settings("/", "demo", idle=30.0, quiet=2.0, silence=9.0), **settings)
        self.state = PeerState(Peer(name, "5eed", chosen, 1.0))
        self.now = 100.0
        self.commands: tuple[c.Command, ...] = ()
        self.policy = POLICY
        self.gone = False

    def tell(self, *events: Event, after: float = 0.0) -> list[str]:
        self.now += after
        made: list[c.Command] = []
        for event in events:
            state, commands = decide(self.state, event, self.now, self.policy)
            self.gone, self.state = state is None, state or self.state
            made += commands
        self.commands = tuple(made)
        return [word for word in map(_word, made) if word]

    @property
    def session(self) -> Session:
        assert self.state.session is not None
        return self.state.session

    def message(self, number: int = 1) -> Message:
        found = self.state.message(f"{number:032x}")
        assert found is not None
        return found

    def submit(self, number: int = 1, **fields: Any) -> list[str]:  # noqa: ANN401 -- fields of a row
        return self.tell(r.Submit(mail(number, self.now, **fields)))

    def ready(self) -> list[str]:
        launched = f.Launched(self.session.id, RUNNING)
        return self.tell(launched, self.seen(SessionState.IDLE))

    def seen(self, state: SessionState) -> f.Observed:
        return f.Observed(self.session.id, state, str(state))

    def taken(self, number: int = 1) -> list[str]:
        return self.tell(f.Taken(self.session.id, f"{number:032x}", "record"))

    def ended(self, failed: str | None = None, *, fault: Fault = Fault.REQUEST) -> list[str]:
        return self.tell(f.TurnEnded(self.session.id, "record", failed, fault=fault))

    def died(self, cause: Cause = Cause.CRASHED, *, kept: bool = True) -> list[str]:
        session = self.session
        return self.tell(f.Died(Death(session.id, "p", session.generation, self.now, cause, 1), kept))

    def examined(self, verdict: Examination, number: int = 1) -> list[str]:
        return self.tell(f.Examined(f"{number:032x}", verdict, "looked"))

    def busy(self, number: int = 1) -> None:
        """A session with an accepted message."""
        self.submit(number)
        if not self.session.ready:
            self.ready()
        self.taken(number)


def mail(number: int = 1, now: float = 100.0, **fields: Any) -> Message:  # noqa: ANN401 -- fields of a row
    return replace(Message(f"{number:032x}", "asker", "p", now, 4, "d"), **fields)


def _word(command: c.Command) -> str | None:
    match command:
        case c.Journal(kind=kind, cause=cause):
            return f"{kind}({cause})" if cause else kind
        case c.Offer(redrive=redrive, message=message):
            return f"{'Redrive' if redrive else 'Offer'} {int(message.id, 16)}"
        case c.End(cause=cause, guarded=guarded):
            return f"End {cause}{' guarded' if guarded else ''}"
        case c.Notify(notice=notice):
            return f"Notify {notice.outcome}"
        case c.Refuse(error=error):
            return f"Refuse {type(error).__name__}"
        case c.Launch() | c.Examine() | c.Advise() | c.Purge():
            return type(command).__name__
        case _:
            return None
