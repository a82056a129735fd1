"""`roost web`: serves the page in the foreground until Ctrl-C."""

import asyncio
import contextlib
import logging
import socket
import webbrowser

import uvicorn

from roost.cli.app import App
from roost.cli.output import warn
from roost.cli.stdout import flush, write
from roost.client.daemon import Daemon
from roost.client.feed import Feed
from roost.errors import DeniedError, HostError
from roost.web.app import application
from roost.web.asked import Asked
from roost.web.fleet import Fleet
from roost.web.gate import cookie_name
from roost.web.live import asked_events
from roost.web.pages import Pages
from roost.web.sign_in import TOKEN, SignIn
from roost.web.site import Site
from roost.web.streams import Streams

_BACKLOG = 256
_GRACE = 1
"""Seconds that answers under way have after Ctrl-C; streams never end by themselves."""


def run(app: App, port: int, *, opens: bool, read_only: bool) -> int:
    """Serve until Ctrl-C. Raises NoDaemonError, HostError for a port that is taken, DeniedError."""
    if app.token is not None:
        raise DeniedError("`roost web` is for operators, not for agents")
    app.call("metrics")  # the operator's: an agent whose environment was emptied is refused, too
    with listen(port) as listener:
        bound: int = listener.getsockname()[1]
        sign_in = SignIn(read_only=read_only)
        address = f"http://127.0.0.1:{bound}/sign-in?token={sign_in.invite()}"
        write(f"{address}\n")
        flush()
        only = "; it may only look" if read_only else ""
        warn(f"the address signs in one browser, once, within {TOKEN / 60:g} minutes{only}. Ctrl-C ends this")
        if opens and not webbrowser.open(address):
            warn("no browser could be started here; open the address yourself")
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(app, sign_in, listener, bound))
    return 0


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1. Raises HostError."""
    # Its protocol is named for asyncio, which sends the parts of an answer at once only then.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise HostError(
            f"port {port} of 127.0.0.1 cannot be had ({error.strerror}); name another with --port, or none"
        ) from error
    return listener


class _Server(uvicorn.Server):
    """Ends the open streams before it waits for answers under way."""

    def __init__(self, config: uvicorn.Config, streams: Streams) -> None:
        super().__init__(config)
        self._streams = streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called at Ctrl-C."""
        self._streams.end()
        await super().shutdown(sockets)


async def _serve(app: App, sign_in: SignIn, listener: socket.socket, port: int) -> None:
    daemon, pages = Daemon(app.socket), Pages()
    feed = Feed(daemon)
    fleet = Fleet(
        daemon,
        lambda peer: pages.draw("row.html", peer=peer),
        lambda hosts: pages.draw("hosts.html", hosts=hosts),
    )
    asked = Asked(daemon, feed)
    streams = Streams(lambda: asked_events(asked), sign_in.ended)
    site = Site(daemon, feed, fleet, asked, pages, streams, sign_in, cookie_name(port), app.sender)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        application(site, app, port),
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        ws="none",  # so all that comes is HTTP
        timeout_graceful_shutdown=_GRACE,
    )
    async with asyncio.TaskGroup() as group:
        reading = [group.create_task(each.run()) for each in (feed, fleet, asked)]
        await _Server(config, site.streams).serve([listener])
        for each in reading:
            each.cancel()
