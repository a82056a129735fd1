"""A forwarding proxy that delays, stalls, breaks and strands the connections that go through it.

In a test it is a `Way` on its event loop; between network namespaces a process of its own (`Forwarder`),
which takes orders as lines of JSON: the name of a way, what is asked of it, and with what.
"""

import asyncio
import json
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

_CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no seconds: a connection that is closed is reset."""


class Way:
    """Connections to one target. `delay`: seconds that each piece waits."""

    def __init__(self, host: str, port: int) -> None:
        """Forward to this address."""
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._forward, self._back = asyncio.Event(), asyncio.Event()
        self._pairs: set[_Pair] = set()
        self.delay = 0.0
        self.flow()

    async def open(self, address: str = "127.0.0.1", listening: int | None = None) -> int:
        """Listen at an address, or at a socket that listens; the port."""
        given: dict[str, Any] = {"host": address, "port": 0}
        if listening is not None:
            given = {"sock": socket.socket(fileno=listening)}
        self._server = await asyncio.start_server(self._serve, **given)
        return int(self._server.sockets[0].getsockname()[1])

    def flow(self) -> None:
        """All that is alive passes again, at once."""
        self.delay = 0.0
        self._forward.set()
        self._back.set()

    def slow(self, delay: float) -> None:
        """Each piece waits for so many seconds."""
        self.delay = delay

    def stall(self, side: str) -> None:
        """Nothing passes on one side ("forward", "back") or on "both", until it flows; nobody is told."""
        if side != "back":
            self._forward.clear()
        if side != "forward":
            self._back.clear()

    def reset(self) -> None:
        """Break all connections; both ends are told."""
        for pair in list(self._pairs):
            pair.reset()

    def strand(self) -> None:
        """Half-open: the target is told that all connections have ended, and their other ends never are."""
        for pair in list(self._pairs):
            pair.stranded = True
            _abort(pair.there)

    def say(self, text: str) -> None:
        """Say something to whoever is connected, as if the target did."""
        for pair in list(self._pairs):
            pair.here.write(text.encode())

    async def close(self) -> None:
        """End."""
        if self._server is not None:
            self._server.close()
        self.flow()
        self.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, there = await asyncio.open_connection(*self._target)
        except OSError:
            _abort(writer)
            return
        pair = _Pair(writer, there)
        self._pairs.add(pair)
        try:
            await asyncio.gather(
                self._pump(pair, reader, there, self._forward), self._pump(pair, back, writer, self._back)
            )
        finally:
            self._pairs.discard(pair)
            pair.reset()

    async def _pump(
        self, pair: "_Pair", reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await gate.wait()
                if not pair.stranded:
                    writer.write(data)
                    await writer.drain()
        if not pair.stranded:
            pair.reset()


class _Pair:
    """A connection here and the one that goes on to the target."""

    def __init__(self, here: asyncio.StreamWriter, there: asyncio.StreamWriter) -> None:
        self.here = here
        self.there = there
        self.stranded = False

    def reset(self) -> None:
        for writer in (self.here, self.there):
            _abort(writer)


def _abort(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


class Forwarder:
    """The proxy as a process. `ports`, on 127.0.0.1 of whoever made it, lead to `fronts`."""

    def __init__(self, inside: Sequence[str], fronts: Sequence[tuple[str, int]]) -> None:
        """`inside` begins the command: where it runs and connects from."""
        with ExitStack() as stack:
            listening = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in fronts]
            self.ports = [int(each.getsockname()[1]) for each in listening]
            self._process = subprocess.Popen(
                [*inside, sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[each.fileno() for each in listening],
                text=True,
            )
            for number, (front, each) in enumerate(zip(fronts, listening, strict=True)):
                self.ask(f"front {number}", "open", *front, "", each.fileno())

    def ask(self, way: str, what: str, *given: object) -> int:
        """Have something done; for `open` (target, port, where to listen) the port that it listens on."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([way, what, *given]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate()


async def _obey() -> None:
    ways: dict[str, Way] = {}
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        name, what, *given = json.loads(line)
        port = 0
        if what == "open":
            target, number, *where = given
            ways[name] = Way(target, number)
            port = await ways[name].open(*where)
        else:
            getattr(ways[name], what)(*given)
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_obey())
