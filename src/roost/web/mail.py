"""The pages about messages: listed, one with its story, mailboxes, and a new one."""

import secrets

from starlette.requests import Request
from starlette.responses import Response

from roost.client.connection import Record
from roost.core.vocabulary.durations import parse_duration
from roost.core.vocabulary.message import MessageState, Timing
from roost.web.picture import picture
from roost.web.site import Site, number

LATEST = 100
"""Messages of a page."""


class MailPages:
    """Shows messages."""

    def __init__(self, site: Site) -> None:
        """Of this site."""
        self._site = site

    async def messages(self, request: Request) -> Response:
        """The latest, filtered as `roost messages` does."""
        given = {name: value for name, value in request.query_params.items() if value}
        known = ("name", "from", "state", "topic", "text")
        wanted: Record = {name: given[name] for name in known if name in given}
        wanted["limit"] = number(given.get("limit"), LATEST)
        ago = {"since": parse_duration(given["since"])} if "since" in given else {}
        found: list[Record] = await self._site.daemon.call("messages", wanted | ago)
        return self._site.page(
            request,
            "messages.html",
            messages=found[::-1],
            wanted={**wanted, "since": given.get("since", "")},
            states=[str(state) for state in MessageState],
        )

    async def message(self, request: Request) -> Response:
        """One message: its body, its story, a picture of its times."""
        asked = {"id": request.path_params["id"], "body": True}
        mark = await self._site.daemon.newest()
        message: Record = await self._site.daemon.call("message", asked)
        drawn = picture(message["story"])
        return self._site.page(request, "message.html", message=message, picture=drawn, mark=mark)

    async def inbox(self, request: Request) -> Response:
        """A mailbox: what is unread, or with `all` what was read, too."""
        name = request.query_params.get("name") or self._site.mailbox
        read = request.query_params.get("all") == "1"
        mark = await self._site.daemon.newest()
        mail: list[Record] = await self._site.daemon.call("inbox", {"name": name, "all": read})
        return self._site.page(
            request, "inbox.html", mail=mail[::-1], name=name, read=read, boxes=await self._boxes(), mark=mark
        )

    async def compose(self, request: Request) -> Response:
        """A new message; the address may say to whom, about what and in reply to which."""
        given = request.query_params
        peers: list[Record] = await self._site.daemon.call("list", {"all": True})
        return self._site.page(
            request,
            "compose.html",
            given={name: given.get(name, "") for name in ("to", "topic", "reply_to")},
            names=sorted(str(peer["name"]) for peer in peers),
            timings=[str(timing) for timing in Timing],
            sender=self._site.mailbox,
            key=new_key(),
        )

    async def _boxes(self) -> list[str]:
        peers: list[Record] = await self._site.daemon.call("list")
        others = (str(peer["name"]) for peer in peers if peer["kind"] == "mailbox")
        return sorted({"operator", self._site.mailbox, *others})


def new_key() -> str:
    """What makes a form that is sent twice one message."""
    return secrets.token_hex(16)
