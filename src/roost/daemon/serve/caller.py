"""Who asks, once that is known."""

from dataclasses import dataclass, field

from roost.daemon.state.claims import Claim


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the operator, or an agent, proven by its token or by the process that has connected.

    An agent without a `session` is a program of the operator's that speaks for a mailbox; `claim` holds the
    mail that it is shown.
    `pid`: the process that has connected, where that is known. `refused`: why it may not ask for anything.
    `untold`: why the system does not tell, just now, who asks: somebody who may look and change nothing.
    """

    peer: str | None = None
    session: str | None = None
    pid: int | None = None
    refused: str | None = None
    untold: str | None = None
    claim: Claim | None = field(default=None, compare=False)

    @property
    def is_agent(self) -> bool:
        """An agent may only use the agent's tools."""
        return self.peer is not None

    @property
    def named(self) -> str:
        """The agent in words."""
        if self.pid is None:
            return f"the agent '{self.peer}'"
        return f"the agent '{self.peer}' (process {self.pid} belongs to its session)"


OPERATOR = Caller()
