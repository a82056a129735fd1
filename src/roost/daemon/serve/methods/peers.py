"""The methods about peers: made, set, listed, shown, renamed, removed, waited for."""

import msgspec

from roost.daemon.health.alarms import Alarms
from roost.daemon.serve.api.api import Api
from roost.daemon.serve.methods.method import BY, Answer, Away, Call, Method, Params, Stream, Table
from roost.daemon.serve.methods.parameters import NAME, Named
from roost.errors import DeniedError


class Add(Params):
    """A new peer and its settings, as texts."""

    name: str
    settings: dict[str, str]


class Set(Params):
    """Settings of a peer, as texts."""

    name: str
    pairs: list[tuple[str, str]]


class Listing(Params):
    """`mail`: tell who asks of their unread mail, too; whose it is otherwise, by default the operator's.

    `follow`: tell of what changes, too; see `Changes`. `all`: peers of other hosts, too.
    """

    all: bool = False
    mail: bool = False
    follow: bool = False
    sender: str | None = msgspec.field(default=None, name="from")


class Rename(Params):
    """A peer and its new name; `force`: its session ends first."""

    old: str
    new: str
    force: bool = False


class Remove(Params):
    """A peer; `force`: its session ends first."""

    name: str
    force: bool = False


class Move(Params):
    """A peer, the host that it goes to, and its folder there ("": the same path); see `Rename` for `force`.

    Without a host: it is called back.
    """

    name: str
    host: str | None = None
    dir: str = ""
    force: bool = False


class Wait(Params):
    """A peer, the state that is waited for, and for how many seconds at most."""

    name: str
    state: str
    timeout: float | None = None


class PeerMethods:
    """Answers what is asked about peers."""

    def __init__(self, api: Api, alarms: Alarms) -> None:
        """`alarms` go with the list."""
        self._api = api
        self._alarms = alarms

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "add": Method(Add, self._add),
            "set": Method(Set, self._set, names=NAME),
            "list": Method(Listing, self._list, agents=True, looks=True),
            "show": Method(Named, self._show, looks=True, names=NAME, away=Away.HERE),
            "rename": Method(Rename, self._rename, waits=True, names=("old",)),
            "move": Method(Move, self._move, waits=True, names=NAME),
            "remove": Method(Remove, self._remove, waits=True, names=NAME),
            "wait": Method(Wait, self._wait, looks=True, waits=True, names=NAME),
        }

    async def _add(self, call: Call[Add]) -> Answer:
        notes = await self._api.peers.add(call.params.name, call.params.settings)
        return Answer({"name": call.params.name}, notes)

    async def _set(self, call: Call[Set]) -> Answer:
        settings, notes = await self._api.peers.set(call.params.name, call.params.pairs)
        return Answer({"name": call.params.name, "settings": settings}, notes)

    async def _list(self, call: Call[Listing]) -> Answer | Stream:
        asked, mail = call.params, self._api.mail
        if asked.follow and call.caller.is_agent:
            raise DeniedError("only an operator follows the list")
        if asked.follow:
            return Stream(self._api.changes.follow(everywhere=asked.all))
        news = mail.news(mail.mailbox_of(call.caller, asked.sender)) if asked.mail else []
        rows = self._api.peers.everywhere() if asked.all else self._api.peers.rows()
        silent = self._api.peers.views.news() if asked.all else []
        return Answer(rows, [*self._alarms.of_registry(), *silent, *news])

    async def _show(self, call: Call[Named]) -> Answer:
        return Answer(await self._api.peers.show(call.params.name))

    async def _rename(self, call: Call[Rename]) -> Answer:
        asked = call.params
        return Answer(await self._api.peers.rename(asked.old, asked.new, BY, force=asked.force))

    async def _move(self, call: Call[Move]) -> Answer:
        asked, moving = call.params, self._api.moving
        if asked.host is None:
            return Answer(await moving.stay(asked.name, BY))
        return Answer(
            await moving.move(asked.name, asked.host, asked.dir, BY, call.progress, force=asked.force)
        )

    async def _remove(self, call: Call[Remove]) -> Answer:
        notes = self._api.peers.let_go_of([call.params.name])
        folder, given_up = await self._api.peers.remove(call.params.name, BY, force=call.params.force)
        return Answer({"name": call.params.name, "dir": folder, "unfinished": given_up}, notes)

    async def _wait(self, call: Call[Wait]) -> Answer:
        asked = call.params
        return Answer(await self._api.waiting.until(asked.name, asked.state, asked.timeout, call.progress))
