"""What the host's configuration and the runtimes' nature tell `decide`."""

from collections.abc import Mapping

from msgspec import Struct, field

from roost.core.vocabulary.question import AllowRule


class Traits(Struct, frozen=True):
    """The nature of a runtime.

    `mailbox`: it has no process, its messages wait to be read. `resumable`: it can continue a conversation.
    `remote`: it lives on another host, its messages are on their way there.
    `chooses_conversation`: the conversation's id can be set at launch; otherwise it becomes known later.
    `compacts`: a command is known that compacts its conversation. `steers`: what is typed into its running
    turn is taken into that turn, or else begins the next one, and its record tells when its model gets it.
    `hooks`: in a person's own terminal its hooks take mail during a turn and at its end; `piped`: it can
    be given a prompt at rest there, on which it waits at a pipe. `calls`: it takes prompts by an API of its
    own, there as anywhere. `asks_once`: it asks for our tools as it starts, and goes without them to its end
    where that fails. `reloads`: what was said can be gone on with, wherever it was kept; otherwise that shows
    when it is tried.
    """

    mailbox: bool = False
    remote: bool = False
    resumable: bool = True
    chooses_conversation: bool = True
    compacts: bool = True
    steers: bool = False
    hooks: bool = False
    piped: bool = False
    calls: bool = False
    asks_once: bool = False
    reloads: bool = True


_UNKNOWN = Traits()


class Policy(Struct, frozen=True):
    """Bounds that are the same for all peers. Durations are seconds.

    `stable`: how long a session has to be up until earlier failures count no more for the back-off.
    `offer_retry` doubles with each refused offer up to `offer_retry_most`, `backoff` with each failed
    session up to `backoff_most`. `turn_retry`: how long after a failed turn its message is driven again;
    while the model's service fails it triples with each offer up to `outage_retry_most`, for `outage_tries`
    offers in all.
    `healing`: how long a peer may fail to start before its agent's program has run until who waits is told.
    `expire`: how long a question may wait until it is denied; None: for ever. `allow`: what an operator
    allows without being asked.
    `waking`: False while the host is shutting down, when nothing may be launched.
    """

    traits: Mapping[str, Traits] = field(default_factory=dict[str, Traits])
    offer_retry: float = 0.5
    offer_retry_most: float = 30.0
    turn_retry: float = 5.0
    outage_retry_most: float = 300.0
    outage_tries: int = 300
    backoff: float = 1.0
    backoff_most: float = 60.0
    stable: float = 300.0
    healing: float = 5.0
    quarantine: float = 1800.0
    waking: bool = True
    expire: float | None = None
    allow: tuple[AllowRule, ...] = ()

    def of(self, runtime: str) -> Traits:
        """Traits of a runtime; the default ones when it is not known (any more)."""
        return self.traits.get(runtime, _UNKNOWN)
