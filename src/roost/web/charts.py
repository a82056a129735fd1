"""Charts of what the journal tells: queues, wakes, deliveries, deaths; and what live sessions take now."""

import asyncio
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from roost.client.connection import Record
from roost.client.daemon import NOW
from roost.web.load import Loads
from roost.web.pages import unix
from roost.web.site import Site

LINES = 5000
"""Lines of the journal that the charts are drawn of: the newest ones."""
PAGE = 1000
"""Lines that the daemon gives at a time."""
_IN = frozenset({"queued", "notice"})
_OUT = frozenset({"accepted", "expired", "refused", "dead-letter"})


class ChartPages:
    """Shows charts."""

    def __init__(self, site: Site) -> None:
        """Of this site."""
        self._site = site
        self._loads = Loads()
        self._looking = asyncio.Lock()

    async def charts(self, request: Request) -> Response:
        """The charts, and the same numbers as tables."""
        events = await self._newest()
        return self._site.page(
            request,
            "charts.html",
            drawn=series(events),
            lines=len(events),
            usages=await self._site.daemon.call("usage"),
            **await self._load(),
        )

    async def load(self, _request: Request) -> Response:
        """What live sessions take of the machine now."""
        return HTMLResponse(self._site.pages.draw("load.html", **await self._load()))

    async def data(self, _request: Request) -> Response:
        """The numbers that are drawn."""
        return JSONResponse(series(await self._newest()))

    async def _load(self) -> dict[str, Any]:
        peers = self._site.fleet.peers
        async with self._looking:
            loads = await asyncio.get_running_loop().run_in_executor(None, self._loads.look, peers)
        return {"loads": loads, "most": max((load.resident for load in loads), default=0) or 1}

    async def _newest(self) -> list[Record]:
        found: list[Record] = []
        before = NOW
        while len(found) < LINES:
            page = await self._site.daemon.events({"before": before, "limit": PAGE})
            found[:0] = page
            if len(page) < PAGE:
                break
            before = int(page[0]["seq"])
        return found


def series(events: list[Record]) -> dict[str, Any]:
    """Each chart: times in Unix seconds and values.

    `queue`: how many messages wait more than at the first line; `wakes`: seconds from launch to prompt;
    `deliveries`: seconds from stored to accepted; `deaths`: how many by cause, most first.
    """
    queue: list[tuple[float, int]] = []
    wakes: list[tuple[float, float]] = []
    deliveries: list[tuple[float, float]] = []
    deaths: Counter[str] = Counter()
    stored: dict[str, float] = {}
    for event in events:
        at, kind, message = unix(event["ts"]), str(event["kind"]), event.get("message")
        if message and kind in _IN:
            stored[message] = at
            queue.append((at, len(stored)))
        elif message and kind in _OUT and message in stored:
            since = stored.pop(message)
            queue.append((at, len(stored)))
            if kind == "accepted":
                deliveries.append((at, round(at - since, 3)))
        elif kind == "ready" and "took" in event["data"]:
            wakes.append((at, float(event["data"]["took"])))
        elif kind == "stopped" and event.get("cause"):
            deaths[str(event["cause"])] += 1
    return {
        "queue": _columns(queue),
        "wakes": _columns(wakes),
        "deliveries": _columns(deliveries),
        "deaths": deaths.most_common(),
    }


def _columns(points: list[tuple[float, float]] | list[tuple[float, int]]) -> list[list[float]]:
    return [[at for at, _ in points], [value for _, value in points]]
