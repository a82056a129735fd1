"""The socket on which the client is called: one JSON object a line, each request with an answer.

`{"id": 1, "method": "submit", "key": K, "text": T}` is answered by `{"id": 1, "result": {...}}` or
`{"id": 1, "error": {"code": C, "message": M}}`, where C is `refused` (for certain nothing was done), `lost`
(not known) or `unknown` (no such method, or wrong parameters). Methods: `submit` (`key`, `text`,
`traceparent` where known), `has` (`key`), `interrupt`, `compact`, `answer` (`request`, `option`), `follow`,
after which each new line of the record is told by `{"line": {...}}`.

One caller at a time. A new one replaces the last, whose requests that are not read yet are never read: so
what the new one is told of them is final.
"""

import contextlib
import json
import os
import socket
from collections.abc import Mapping
from typing import Any, Protocol, cast

from roost.acp.callers import refused
from roost.acp.loop import READ, Loop, Timer
from roost.acp.stream import Lines, Stream
from roost.acp.turns import Done

MOST_LINE = 4 << 20
"""Bytes of one request."""
MOST_UNREAD = 16 << 20
"""Bytes of answers and lines that a caller leaves unread until it is hung up on."""
ANSWER = 10.0
"""Seconds until a prompt that the agent does not read is answered as lost."""
_REFUSED = "refused"
_LOST = "lost"
_UNKNOWN = "unknown"


class Called(Protocol):
    """What can be called. `done` is called once, with None or why it was not done."""

    def submit(self, key: str, text: str, done: Done, traceparent: str | None) -> None:
        """Give the agent a prompt, once for each key, as part of that trace."""
        ...

    def has(self, key: str) -> bool:
        """Whether it was given the prompt of that key."""
        ...

    def interrupt(self) -> None:
        """End the turn; at rest do nothing."""
        ...

    def compact(self, done: Done) -> None:
        """Compact the conversation."""
        ...

    def answer(self, question: str, option: str) -> str | None:
        """Answer a question; returns why that cannot be."""
        ...


class WrongError(Exception):
    """A request that cannot be understood."""


class Caller:
    """One connection."""

    def __init__(self, loop: Loop, connection: socket.socket, called: Called) -> None:
        """Own the connection."""
        self._loop = loop
        self._called = called
        self._lines = Lines(MOST_LINE)
        descriptor = connection.detach()
        self.stream = Stream(loop, descriptor, descriptor, self._on_data)
        self.follows = False

    def tell(self, message: Mapping[str, object]) -> None:
        """Write one object; a caller that does not read is hung up on."""
        self.stream.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        if self.stream.pending > MOST_UNREAD:
            self.stream.close()

    def pass_on(self, line: bytes) -> None:
        """Tell a line of the record."""
        if self.follows:
            self.stream.write(b'{"line":' + line.rstrip(b"\n") + b"}\n")
            if self.stream.pending > MOST_UNREAD:
                self.stream.close()

    def _on_data(self, data: bytes) -> None:
        skipped = self._lines.skipped
        for line in self._lines.feed(data):
            if self.stream.closed:
                return
            self._on_line(line)
        if self._lines.skipped > skipped:
            self._refuse(None, _UNKNOWN, f"a request may have {MOST_LINE} bytes")

    def _on_line(self, line: bytes) -> None:
        identity: object = None
        try:
            request: object = json.loads(line)
            found = cast("dict[str, Any]", request) if isinstance(request, dict) else {}
            identity = found.get("id")
            self._do(identity, found)
        except (ValueError, RecursionError):
            self._refuse(None, _UNKNOWN, "a request is one line of JSON")
        except WrongError as error:
            self._refuse(identity, _UNKNOWN, str(error))

    def _do(self, identity: object, request: Mapping[str, Any]) -> None:
        match request.get("method"):
            case "submit":
                key, text = _text(request, "key"), _text(request, "text")
                traceparent = _text(request, "traceparent") if "traceparent" in request else None
                self._called.submit(key, text, self._later(identity), traceparent)
            case "has":
                self._answer(identity, {"has": self._called.has(_text(request, "key"))})
            case "interrupt":
                self._called.interrupt()
                self._answer(identity, {})
            case "compact":
                self._called.compact(self._later(identity))
            case "answer":
                why = self._called.answer(_text(request, "request"), _text(request, "option"))
                self._done(identity, why)
            case "follow":
                self.follows = True
                self._answer(identity, {})
            case method:
                raise WrongError(f"there is no method {method!r}")

    def _later(self, identity: object) -> Done:
        """Answers once, when it is done, and in any case within the bound."""
        timers: list[Timer] = []

        def lost() -> None:
            timers.clear()
            self._refuse(identity, _LOST, f"its agent has not read it within {ANSWER:g} s")

        def done(why: str | None) -> None:
            if timers:
                timers.pop().cancel()
                self._done(identity, why)

        timers.append(self._loop.after(ANSWER, lost))
        return done

    def _done(self, identity: object, why: str | None) -> None:
        if why is None:
            self._answer(identity, {})
        else:
            self._refuse(identity, _REFUSED, why)

    def _answer(self, identity: object, result: Mapping[str, object]) -> None:
        self.tell({"id": identity, "result": result})

    def _refuse(self, identity: object, code: str, message: str) -> None:
        self.tell({"id": identity, "error": {"code": code, "message": message}})


def _text(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str):
        raise WrongError(f"'{name}' is to be a text")
    return value


class Calls:
    """Listens, and serves the caller that came last."""

    def __init__(self, loop: Loop, path: str) -> None:
        """Nothing listens before `open`."""
        self._loop = loop
        self._path = path
        self._called: Called | None = None
        self._socket: socket.socket | None = None
        self._caller: Caller | None = None

    def open(self, called: Called) -> None:
        """Listen (0600) for whoever calls this. Raises OSError."""
        self._called = called
        self.remove()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listening.bind(self._path)
        finally:
            os.umask(mask)
        listening.listen(8)
        listening.settimeout(0)
        self._socket = listening
        self._loop.watch(listening.fileno(), READ, self._on_caller)

    def tell(self, line: bytes) -> None:
        """Tell a new line of the record to whoever follows."""
        if self._caller is not None and not self._caller.stream.closed:
            self._caller.pass_on(line)

    def close(self) -> None:
        """Listen no more, and hang up on whoever calls."""
        if self._socket is not None:
            self._loop.watch(self._socket.fileno(), 0, self._on_caller)
            self._socket.close()
            self._socket = None
        if self._caller is not None:
            self._caller.stream.close()
        self.remove()

    def remove(self) -> None:
        """Remove the socket's file."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)

    def _on_caller(self, _events: int) -> None:
        assert self._socket is not None and self._called is not None  # noqa: S101, PT018 -- it is open
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        if refused(connection):
            connection.close()
            return
        if self._caller is not None:
            self._caller.stream.close()
        self._caller = Caller(self._loop, connection, self._called)
        self._caller.stream.open()
