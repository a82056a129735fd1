"""The HTTP protocol of the loopback server with bounds on what a client sends before anybody reads it.

uvicorn 0.54 keeps a head of any length, and waits for the rest of a request for ever.
"""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = 64 * 1024
"""Bytes of a request's first line and headers at most."""
RECEIVING = 30.0
"""Seconds for a client to send a whole request, the first one from when it connected."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Whoever takes too long, or sends too long a head, is answered and hung up on."""

    _timer: asyncio.TimerHandle | None = None
    _head = 0
    _in_head = True
    _asked = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] -- as uvicorn does
        """Wait for the first request."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._received()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Wait for the rest of a request."""
        if self._timer is None:
            self._expect()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there; what follows is the body, which its reader bounds."""
        self._in_head, self._asked = False, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A whole request is there."""
        self._received()
        self._head, self._in_head = 0, True
        super().on_message_complete()

    def _expect(self) -> None:
        self._timer = self.loop.call_later(RECEIVING, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _received(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: HTTPStatus) -> None:
        self._received()
        if self.transport.is_closing():
            return
        if self._in_head and (not self._asked or self.cycle.response_complete):
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
            self.transport.write(head.encode())
        self.transport.close()
