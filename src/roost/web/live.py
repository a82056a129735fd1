"""The streams: the fleet as it changes, the journal as it grows, and in each how many questions are open."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator

from msgspec.structs import asdict
from starlette.requests import Request
from starlette.types import ASGIApp

from roost.client.daemon import Mark
from roost.client.feed import RETRY, BehindError
from roost.errors import RoostError
from roost.web.asked import Asked
from roost.web.site import Site, number
from roost.web.streams import event


class Live:
    """Answers what open pages listen to. `after` in the address names the last that they have."""

    def __init__(self, site: Site) -> None:
        """Tell of this site."""
        self._site = site

    async def fleet(self, request: Request) -> ASGIApp:
        """The rows of the fleet that change."""
        return self._site.streams.stream(self._fleet(_after(request)))

    async def journal(self, request: Request) -> ASGIApp:
        """The lines of the journal that come, of one peer where `peer` is in the address."""
        seq, _, ts = _after(request).partition("@")
        after, peer = Mark(number(seq, 0), ts), request.query_params.get("peer")
        return self._site.streams.stream(self._journal(after, peer))

    async def questions(self, _request: Request) -> ASGIApp:
        """What every stream tells, for pages on which nothing else is live."""
        return self._site.streams.stream(_nothing())

    async def _fleet(self, mark: str) -> AsyncGenerator[bytes, None]:
        fleet = self._site.fleet
        change = fleet.changes(mark)
        while True:
            yield event("fleet", json.dumps(asdict(change)), change.mark)
            change = await fleet.next(change.mark, change.trouble)

    async def _journal(self, after: Mark, peer: str | None) -> AsyncGenerator[bytes, None]:
        feed = self._site.feed
        while True:
            try:
                async with contextlib.aclosing(feed.since(after, peer)) as found:
                    async for line in found:
                        if line["kind"] == "link":
                            yield event("link", json.dumps(feed.trouble))
                        else:
                            after = Mark.of(line)
                            yield event("line", self._site.pages.draw("line.html", event=line), after)
            except BehindError:
                yield event("reload", "what was missed cannot be told line by line")
                return
            except RoostError as error:
                yield event("link", json.dumps(error.message))
                await asyncio.sleep(RETRY)


async def asked_events(asked: Asked) -> AsyncGenerator[bytes]:
    """How many questions are open, at first and whenever something has changed about one."""
    async with contextlib.aclosing(asked.marks()) as marks:
        async for mark, count in marks:
            yield event("asked", json.dumps({"mark": mark, "count": count}))


async def _nothing() -> AsyncGenerator[bytes]:
    await asyncio.Event().wait()
    yield b""


def _after(request: Request) -> str:
    return request.headers.get("last-event-id") or request.query_params.get("after") or ""
