"""The pages about what has been and what is wrong: journal and doctor."""

import asyncio
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from roost.cli.app import App
from roost.cli.commands.doctor import examined
from roost.client.daemon import NOW
from roost.web.site import Site, number

LINES = 200
"""Lines of the journal on a page."""


class RecordPages:
    """Shows records."""

    def __init__(self, site: Site, app: App) -> None:
        """Of this site; `app` says where the looks of `doctor` look."""
        self._site = site
        self._app = app

    async def journal(self, request: Request) -> Response:
        """The newest lines, or those before a number; of one peer where it is named."""
        before = number(request.query_params.get("before"), NOW)
        peer = request.query_params.get("peer") or None
        mark = await self._site.daemon.newest()
        events = await self._site.daemon.events({"before": before, "peer": peer, "limit": LINES})
        return self._site.page(
            request,
            "journal.html",
            events=events[::-1],
            peer=peer,
            mark=mark,
            live=before == NOW,
            more=events[0]["seq"] if len(events) == LINES else None,
        )

    async def doctor(self, request: Request) -> Response:
        """What `roost doctor` finds, looked for now."""
        # A second or two of looking, on a thread: the streams go on meanwhile.
        looks = partial(examined, self._app)
        findings = await asyncio.get_running_loop().run_in_executor(None, looks)
        return self._site.page(request, "doctor.html", findings=findings)
