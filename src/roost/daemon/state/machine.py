"""Everything outside that the daemon uses, in one bundle: real parts or their twins."""

from collections.abc import MutableMapping

from msgspec import Struct, field

from roost.daemon.state.threads import Work
from roost.host.inheritance import Inheritance
from roost.host.interfaces.clock import Clock
from roost.host.interfaces.ids import Ids
from roost.host.interfaces.processes import Processes
from roost.host.interfaces.terminals import Terminals
from roost.host.notify import Notifier
from roost.host.scope import Scopes
from roost.local.config import Config
from roost.local.membership import Membership
from roost.local.paths import Places
from roost.runtimes.registry import Runtimes
from roost.store.interfaces import Store


class Machine(Struct, frozen=True):
    """The injected world. `inherited`: what the daemon took from its starter.

    `environ`: what agents are given the passed names of; `env refresh` replaces it. `store_id`: its store's
    own id. `member`: which host of a fleet this is; None: it is alone. `code`: which code the daemon began
    with.
    """

    places: Places
    config: Config
    store: Store
    clock: Clock
    ids: Ids
    processes: Processes
    terminals: Terminals
    runtimes: Runtimes
    environ: MutableMapping[str, str]
    member: Membership | None = None
    inherited: Inheritance = field(default_factory=Inheritance)
    notifier: Notifier = field(default_factory=Notifier)
    scopes: Scopes = field(default_factory=Scopes)
    store_id: str = ""
    code: str | None = None
    work: Work = field(default_factory=Work)
