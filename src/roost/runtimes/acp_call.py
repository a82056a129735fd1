"""Calling the client of an ACP agent (`roost.acp.calls`): one connection to the session's socket."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from roost.foreign import decode
from roost.runtimes.call import CallLostError, CallRefusedError, Heard

BOUND = 15.0
"""Seconds for an answer: the client gives its own within ten."""
AGAIN = 0.25
"""Seconds until a connection that broke is made again."""
MOST_LINE = 16 << 20
"""Bytes of one line of the client."""


class AcpCall:
    """One session's client. What is asked is done in its order, and a new connection replaces the last one.

    So what is told after a call without an answer is final.
    """

    def __init__(self, socket: Path) -> None:
        """Nothing is connected yet."""
        self._socket = socket
        self._line: _Line | None = None
        self._connecting = asyncio.Lock()
        self._heard: Heard | None = None
        self._closed = False

    async def submit(self, key: str, text: str, *, joins: bool, traceparent: str | None = None) -> None:
        """Give its agent a prompt, once for each key. ACP knows no prompt that joins a turn."""
        del joins
        trace = {} if traceparent is None else {"traceparent": traceparent}
        await self._ask("submit", key=key, text=text, **trace)

    async def has(self, key: str) -> bool:
        """Whether its agent was given the prompt of that key."""
        return bool((await self._ask("has", key=key)).get("has"))

    async def interrupt(self) -> None:
        """End the running turn."""
        await self._ask("interrupt")

    async def compact(self) -> None:
        """Give its agent the command for that, where it knows one."""
        await self._ask("compact")

    async def answer(self, request: str, option: str, text: str = "") -> None:
        """Answer a permission request. ACP knows no words along with an answer."""
        del text
        await self._ask("answer", request=request, option=option)

    async def follow(self, heard: Heard) -> None:
        """Tell of each new line of the record, and of a connection that was made anew."""
        self._heard = heard
        while not self._closed:
            with contextlib.suppress(CallRefusedError, CallLostError):
                line = await self._connected()
                await line.ask("follow", {})
                heard(())
                await line.gone.wait()
            await asyncio.sleep(AGAIN)

    async def close(self) -> None:
        """Let go of the connection."""
        self._closed = True
        if self._line is not None:
            self._line.drop()

    async def _ask(self, method: str, **parameters: object) -> dict[str, Any]:
        return await (await self._connected()).ask(method, parameters)

    async def _connected(self) -> "_Line":
        async with self._connecting:
            if self._closed:
                raise CallRefusedError("its session is let go of")
            if self._line is None or self._line.gone.is_set():
                try:
                    async with asyncio.timeout(BOUND):
                        _, self._line = await asyncio.get_running_loop().create_unix_connection(
                            lambda: _Line(self._tell), str(self._socket)
                        )
                except (OSError, TimeoutError) as error:
                    why = getattr(error, "strerror", None) or "it does not answer"
                    raise CallRefusedError(f"its client cannot be called: {why}") from error
            return self._line

    def _tell(self) -> None:
        """The record has grown; the driver reads it there."""
        if self._heard is not None:
            self._heard(())


class _Line(asyncio.Protocol):
    """One connection: lines in, lines out. `gone` is set when it has ended."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._open: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._count = 0
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.gone.set()
        for answer in self._open.values():
            if not answer.done():
                answer.set_exception(CallLostError("the connection to its client broke"))
        self._open.clear()

    def data_received(self, data: bytes) -> None:
        searched = len(self._buffer)
        self._buffer += data
        while (end := self._buffer.find(b"\n", searched)) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            searched = 0
            self._take(line)
        if len(self._buffer) > MOST_LINE:
            self.drop()

    def drop(self) -> None:
        """Let go of it: nothing more is asked on it."""
        self.gone.set()
        if self._transport is not None:
            self._transport.abort()

    async def ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Ask and wait for the answer. Raises CallRefusedError, CallLostError."""
        if self._transport is None or self.gone.is_set():
            raise CallRefusedError("its client cannot be called: the connection broke")
        self._count += 1
        identity, answer = self._count, asyncio.get_running_loop().create_future()
        self._open[identity] = answer
        request = {"id": identity, "method": method, **parameters}
        self._transport.write(json.dumps(request, separators=(",", ":")).encode() + b"\n")
        try:
            async with asyncio.timeout(BOUND):
                return await answer
        except TimeoutError as error:
            raise CallLostError(f"its client has not answered within {BOUND:g} s") from error
        finally:
            self._open.pop(identity, None)

    def _take(self, line: bytes) -> None:
        if line.startswith(b'{"line":'):
            self._tell()
            return
        try:
            found = decode(line)
        except ValueError:
            self.drop()
            return
        message = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        answer = self._open.get(message.get("id", 0))
        if answer is None or answer.done():
            return
        error = cast("dict[str, Any] | None", message.get("error"))
        if error is None:
            answer.set_result(cast("dict[str, Any]", message.get("result") or {}))
        elif error.get("code") == "lost":
            answer.set_exception(CallLostError(str(error.get("message"))))
        else:
            answer.set_exception(CallRefusedError(str(error.get("message"))))
