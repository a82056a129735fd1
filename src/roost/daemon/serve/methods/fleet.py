"""The methods about the fleet of hosts: who is in it, who else may join it, who may no more."""

from typing import TYPE_CHECKING

from roost.core.vocabulary.view import iso
from roost.daemon.registrar.office import Office
from roost.daemon.serve.methods.method import Answer, Call, Method, Params, Table
from roost.daemon.serve.methods.parameters import Nothing
from roost.errors import RefusedError, UsageError

if TYPE_CHECKING:  # only members of a fleet load what it takes
    from roost.daemon.hosts.hosts import Hosts

LONGEST = 30 * 86400.0
"""Seconds for which a token is good at most: it is a secret that people hand on."""


class Token(Params):
    """How long it is good (seconds), and for how many hosts."""

    ttl: float = 3600.0
    uses: int = 1


class Host(Params):
    """Which host."""

    host: str


class FleetMethods:
    """Answers what the operator asks about other hosts."""

    def __init__(self, hosts: "Hosts | None", servers: tuple[str, ...], office: Office | None) -> None:
        """`hosts`: None, this host is in no fleet; `office`: None, its hub is elsewhere, at `servers`."""
        self._servers = servers
        self._hosts = hosts
        self._office = office

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "fleet": Method(Nothing, self._fleet, looks=True),
            "fleet_token": Method(Token, self._token, waits=True),
            "fleet_revoke": Method(Host, self._revoke, waits=True),
        }

    async def _fleet(self, _call: Call[Nothing]) -> Answer:
        if self._hosts is None:
            return Answer(None)
        from roost.daemon.hosts.members import as_json  # noqa: PLC0415 -- as above

        members, office = self._hosts.members, self._office
        trouble = members.trouble or (office.trouble if office is not None else "")
        hosts = [as_json(host, members) for host in members.hosts()]
        for told in hosts:
            told["silent_since"] = iso(told["silent_since"]) if told["silent_since"] else None
            told["trouble"] = self._hosts.trouble(told["host"])
        tokens = [
            {"id": each.id, "expires_at": iso(each.expires_at), "left": each.left}
            for each in (office.tokens() if office is not None else ())
        ]
        return Answer(
            {
                "host": members.name,
                "servers": self._servers,
                "is_hub": office is not None,
                "trouble": trouble,
                "hosts": hosts,
                "tokens": tokens,
            }
        )

    async def _token(self, call: Call[Token]) -> Answer:
        if not 0 < call.params.ttl <= LONGEST:
            raise UsageError("a token is good for 30 days at most")
        if call.params.uses < 1:
            raise UsageError("a token lets one host in at least")
        made = await self._registrar().token(call.params.ttl, call.params.uses)
        return Answer(
            {
                "token": made.text,
                "id": made.id,
                "expires_at": iso(made.expires_at),
                "uses": call.params.uses,
            }
        )

    async def _revoke(self, call: Call[Host]) -> Answer:
        later = await self._registrar().revoke(call.params.host)
        return Answer({"host": call.params.host, "cut_off": not later, "why": later})

    def _registrar(self) -> Office:
        if self._office is not None:
            return self._office
        if self._hosts is None:
            raise RefusedError("this host is in no fleet; `roost fleet init` makes it the hub of a new one")
        raise RefusedError("this host has not the hub of its fleet; do that on the host that has it")
