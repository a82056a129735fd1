"""The pages about peers: all of them, and one with all that is known of it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from roost.client.connection import Record, RemoteError
from roost.client.daemon import NOW
from roost.errors import RefusedError
from roost.web.site import Site

EVENTS = 50
"""Lines of the journal that a peer's page shows."""


class PeerPages:
    """Shows peers."""

    def __init__(self, site: Site) -> None:
        """Of this site."""
        self._site = site

    async def fleet(self, request: Request) -> Response:
        """All peers."""
        fleet = self._site.fleet
        fleet.check()
        return self._site.page(
            request,
            "fleet.html",
            rows=fleet.html,
            counts=fleet.counts,
            hosts=fleet.hosts,
            mark=fleet.mark,
            total=len(fleet.peers),
        )

    async def peer(self, request: Request) -> Response:
        """One peer; to htmx the part that changes."""
        name: str = request.path_params["name"]
        # First the mark, then what is so: what happens between is told again, and not lost.
        mark = await self._site.daemon.newest()
        peer: Record = await self._site.daemon.call("show", {"name": name})
        here = "@" not in str(peer["name"])
        asked = {"name": name}
        deaths: list[Record] = await self._site.daemon.call("deaths", asked) if here else []
        events = await self._site.daemon.events({"before": NOW, "peer": peer["name"], "limit": EVENTS})
        await self._site.asked.look()
        return self._site.page(
            request,
            "peer.html",
            peer=peer,
            here=here,
            mark=mark,
            deaths=deaths[::-1],
            events=events[::-1],
            sessions=_sessions(peer),
            questions=self._site.asked.of(name),
            over=[],
            asked_mark=self._site.asked.mark,
        )

    async def screen(self, request: Request) -> Response:
        """What its terminal shows now, as text; it wakes nobody, and a sentence says where there is none."""
        name: str = request.path_params["name"]
        try:
            shown: Record = await self._site.daemon.call("screen", {"name": name})
        except RemoteError as error:
            if error.remote_code != RefusedError.code:
                raise
            return self._site.page(request, "screen.html", text=None, message=error.message)
        return self._site.page(request, "screen.html", text=str(shown["text"]).rstrip(), message="")


def _sessions(peer: Record) -> list[dict[str, Any]]:
    """Its active session and those of its pool, alike."""
    active = peer.get("session")
    first = [{**active, "state": peer["state"], "since": peer["since"], "topic": None}] if active else []
    return [*first, *peer.get("pool", [])]
