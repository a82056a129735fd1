"""What the methods of the socket take, as it is checked."""

from typing import Annotated

import msgspec

from roost.core.vocabulary.message import Timing
from roost.core.vocabulary.peer import WakeMode

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""What the store can count to."""


class Params(msgspec.Struct, forbid_unknown_fields=True):
    """What a method takes; anything else is refused."""


class Listing(Params):
    """`mail`: tell who asks of their unread mail, too; whose it is otherwise, by default the operator's."""

    mail: bool = False
    sender: str | None = msgspec.field(default=None, name="from")


class Named(Params):
    """A peer."""

    name: str


class Attach(Params):
    """A peer whose terminal is joined; `read_only`: without keys."""

    name: str
    read_only: bool = False


class Add(Params):
    """A new peer and its settings, as texts."""

    name: str
    settings: dict[str, str]


class Set(Params):
    """Settings of a peer, as texts."""

    name: str
    pairs: list[tuple[str, str]]


class Send(Params):
    """A message. `ttl` and `timeout`: seconds. `words`: of a body that was written as several of them."""

    to: str
    body: str
    sender: str | None = msgspec.field(default=None, name="from")
    topic: str | None = None
    reply_to: str | None = None
    attach: list[str] = []
    ttl: float | None = None
    when: Timing = Timing.NEXT
    words: list[str] = []
    key: str | None = None
    wait: str | None = None
    timeout: float | None = None


class Messages(Params):
    """Which messages. `since`: seconds ago."""

    name: str | None = None
    state: str | None = None
    limit: Count | None = None
    sender: str | None = msgspec.field(default=None, name="from")
    topic: str | None = None
    since: float | None = None
    text: str | None = None


class Id(Params):
    """A message, by a prefix of its id that is clear."""

    id: str


class Message(Params):
    """A message; `body`: with all of its body."""

    id: str
    body: bool = False


class Inbox(Params):
    """Whose mail, by default the asker's; `all`: what was read, too. `since`: seconds ago."""

    name: str | None = None
    follow: bool = False
    all: bool = False
    since: float | None = None


class Acknowledge(Params):
    """Mail that was seen."""

    ids: list[str]
    name: str | None = None


class Wake(Params):
    """A peer, and how it is woken."""

    name: str
    mode: WakeMode = WakeMode.NATURAL


class Restart(Params):
    """A peer; `resume`: its next session goes on in its conversation."""

    name: str
    resume: bool = False


class Wait(Params):
    """A peer, the state that is waited for, and for how many seconds at most."""

    name: str
    state: str
    timeout: float | None = None


class Some(Params):
    """One peer, or all."""

    name: str | None = None
    all: bool = False


class Remove(Params):
    """A peer; `force`: its session ends first."""

    name: str
    force: bool = False


class Rename(Params):
    """A peer and its new name; `force`: its session ends first."""

    old: str
    new: str
    force: bool = False


class Events(Params):
    """Which lines of the journal."""

    after: Count | None = None
    peer: str | None = None
    follow: bool = False
    limit: Count | None = None


class Deaths(Params):
    """Whose, by default everybody's."""

    name: str | None = None


class Done(Params):
    """What an agent says of its work."""

    summary: str | None = None


class Backup(Params):
    """Where the copy goes."""

    path: str


class Gc(Params):
    """Sessions to be ended."""

    end: list[str] = []


class Adopt(Params):
    """Which session, or all of them, or the store."""

    session: str | None = None
    all: bool = False
    store: bool = False


class Down(Params):
    """`agents`: they end, too."""

    agents: bool = False


class Environ(Params):
    """An environment that agents are to be given of."""

    environ: dict[str, str]


class Compare(Params):
    """Some variables of an asker, and the folder of its program."""

    environ: dict[str, str] = {}
    program: str | None = None


class Nothing(Params):
    """Nothing."""
