"""Streams of server-sent events: so many at a time; each event has a number that a browser goes on from."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from roost.web.gate import GateError
from roost.web.sign_in import Session

OPEN = 64
"""Streams at a time; a page that gets none tries again by itself."""
BEAT = 15.0
"""Seconds of silence after which a line is sent that says nothing: it shows that both ends are there."""
GRACE = 0.2
"""Seconds for the end of a stream to be taken."""
_HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


def event(kind: str, data: str, number: object = None) -> bytes:
    """One event; `number`: what a browser names when it comes back."""
    head = f"event: {kind}\n" + (f"id: {number}\n" if number is not None else "")
    return (head + "".join(f"data: {line}\n" for line in data.split("\n")) + "\n").encode()


class Streams:
    """Counts the streams that are open."""

    def __init__(
        self,
        always: Callable[[], AsyncGenerator[bytes]],
        ended: Callable[[Session], Coroutine[Any, Any, None]],
    ) -> None:
        """None is. `always`: what each tells beside its own; `ended` waits until a browser is signed out."""
        self._open = 0
        self.always = always
        self.ended = ended
        self.over = asyncio.Event()

    def end(self) -> None:
        """End them all: the page is going away."""
        self.over.set()

    def stream(self, events: AsyncGenerator[bytes, None]) -> "Stream":
        """An answer that goes on. Raises GateError where too many are open."""
        if self._open >= OPEN:
            raise GateError(f"{OPEN} pages are open already; close some of them", 503)
        return Stream(self, events)

    @contextlib.contextmanager
    def counted(self) -> Generator[None]:
        """One more while it is open."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1


class Stream:
    """An answer that goes on until either end has enough of it; to HEAD, whether there would be one."""

    def __init__(self, streams: Streams, events: AsyncGenerator[bytes, None]) -> None:
        """`events`: what is sent, as `event` makes it."""
        self._streams = streams
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the browser goes away or is signed out, or there is no more to tell."""
        with self._streams.counted():
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            await send(_piece(b": hello\n\n"))
            async with asyncio.TaskGroup() as group:
                doing = [group.create_task(each) for each in self._ends(scope["session"], receive, send)]
                await asyncio.wait(doing, return_when=asyncio.FIRST_COMPLETED)
                for each in doing:
                    each.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE):  # a browser may have stopped to take anything
                    await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _ends(
        self, session: Session, receive: Receive, send: Send
    ) -> tuple[Coroutine[Any, Any, object], ...]:
        """What goes on until one of it ends."""
        told = _send(send, self._events), _send(send, self._streams.always())
        over = self._streams.over.wait(), self._streams.ended(session)
        return *told, _beat(send), _gone(receive), *over


async def _send(send: Send, events: AsyncGenerator[bytes]) -> None:
    async with contextlib.aclosing(events):
        async for each in events:
            await send(_piece(each))


async def _beat(send: Send) -> None:
    while True:
        await asyncio.sleep(BEAT)
        await send(_piece(b": \n\n"))


def _piece(data: bytes) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": True}


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
