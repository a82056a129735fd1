"""The streams: the fleet as it changes, the journal as it grows."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import asdict

from starlette.requests import Request
from starlette.types import ASGIApp

from roost.client.feed import RETRY, BehindError
from roost.errors import RoostError
from roost.web.site import Site, number
from roost.web.streams import event


class Live:
    """Answers what open pages listen to. `after` in the address is the number of the last that they have."""

    def __init__(self, site: Site) -> None:
        """Tell of this site."""
        self._site = site

    async def fleet(self, request: Request) -> ASGIApp:
        """The rows of the fleet that change."""
        return self._site.streams.stream(self._fleet(_after(request)))

    async def journal(self, request: Request) -> ASGIApp:
        """The lines of the journal that come, of one peer where `peer` is in the address."""
        after, peer = number(_after(request), 0), request.query_params.get("peer")
        return self._site.streams.stream(self._journal(after, peer))

    async def _fleet(self, mark: str) -> AsyncGenerator[bytes, None]:
        fleet = self._site.fleet
        change = fleet.changes(mark)
        while True:
            yield event("fleet", json.dumps(asdict(change)), change.mark)
            change = await fleet.next(change.mark, change.trouble)

    async def _journal(self, after: int, peer: str | None) -> AsyncGenerator[bytes, None]:
        feed = self._site.feed
        while True:
            try:
                async with contextlib.aclosing(feed.since(after, peer)) as found:
                    async for line in found:
                        if line["kind"] == "link":
                            yield event("link", json.dumps(feed.trouble))
                        else:
                            after = int(line["seq"])
                            yield event("line", self._site.pages.draw("line.html", event=line), after)
            except BehindError:
                yield event("reload", "too much was missed to be told line by line")
                return
            except RoostError as error:
                yield event("link", json.dumps(error.message))
                await asyncio.sleep(RETRY)


def _after(request: Request) -> str:
    return request.headers.get("last-event-id") or request.query_params.get("after") or ""
