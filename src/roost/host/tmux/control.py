"""A control-mode connection to one tmux server: commands in, answers out, no process per command.

Measured with tmux 3.3a: a command over this connection takes 0.02-0.08 ms, as a subprocess 1.7 ms;
attaching takes 1.4 ms; the client process holds 0.43 MB.
"""

import asyncio
import contextlib
import os
import socket as sockets
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field

from roost.host.errors import SensorError, TmuxError, TmuxGone, TmuxMissing, TmuxTimeout
from roost.host.process import has_handles
from roost.host.tmux.protocol import Block, ControlParser, Notification

DEADLINE = 5.0
_REAP_DEADLINE = 2.0


class _Pending(Struct):
    """A line that was sent. It is answered by `blocks` blocks, or by fewer when one of them is an error."""

    future: asyncio.Future[list[str]]
    blocks: int
    lines: list[str] = field(default_factory=list[str])


def _ignore(_: Notification) -> None:
    pass


class ControlClient(asyncio.Protocol):
    """One `tmux -C attach`. Use `ControlClient.attach`.

    Commands may overlap: they are written at once and answered in order.
    """

    def __init__(self, socket: Path, on_notification: Callable[[Notification], None]) -> None:
        """Prepare for the tmux on `socket`; `attach` connects."""
        self.socket = socket
        self._on_notification = on_notification
        self._loop = asyncio.get_running_loop()
        self._parser = ControlParser()
        self._pending: deque[_Pending] = deque()
        self._attached: asyncio.Future[None] = self._loop.create_future()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._last_text = ""
        self._gone_callbacks: list[Callable[[], None]] = []
        self._leaving = False

    @classmethod
    async def attach(
        cls,
        socket: Path,
        on_notification: Callable[[Notification], None] = _ignore,
        *,
        tmux: str = "tmux",
        env: Mapping[str, str] | None = None,
        deadline: float = DEADLINE,
    ) -> "ControlClient":
        """Connect to the server on `socket`; never starts one.

        Raises TmuxGone when nobody answers there, TmuxTimeout when the server hangs (`deadline` seconds),
        TmuxMissing without tmux.
        """
        client = cls(socket, on_notification)
        ours, theirs = sockets.socketpair()
        with theirs:
            # -N: attach would start a server on a stale socket; -u: answers are UTF-8 whatever the locale.
            argv = [tmux, "-N", "-u", "-S", str(socket), "-C", "attach", "-f", "no-output,ignore-size"]
            try:
                client._process = subprocess.Popen(  # noqa: ASYNC220 vfork and exec: 1 ms, as asyncio's own
                    argv,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=theirs.fileno(),
                    env=dict(env) if env is not None else None,
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                ours.close()
                raise TmuxMissing(f"{tmux} was not found; install tmux 3.3 or later") from error
        ours.setblocking(False)  # noqa: FBT003 the standard library's signature
        await client._loop.create_connection(lambda: client, sock=ours)
        try:
            async with asyncio.timeout(deadline):
                await asyncio.shield(client._attached)
        except TimeoutError as error:
            await client.close()
            raise TmuxTimeout(f"tmux on {socket} did not answer within {deadline:g} s") from error
        except BaseException:
            await client.close()
            raise
        return client

    async def command(self, line: str, *, deadline: float = DEADLINE, blocks: int = 1) -> list[str]:
        """Run one command line and return its output lines.

        `blocks` is the number of commands that the line runs when all goes well (`a ; b` and a taken
        `if-shell` run two). Raises TmuxError with tmux's own words when it refuses, TmuxTimeout when no
        answer came within `deadline` seconds (it may still run), TmuxGone when the connection ended.
        """
        if "\n" in line:
            raise TmuxError("a control line cannot hold a newline; quote it")
        if self._transport is None or self._closed.done():
            raise self._gone()
        pending = _Pending(self._loop.create_future(), blocks)
        self._pending.append(pending)
        self._transport.write(line.encode("utf-8", "surrogateescape") + b"\n")
        try:
            async with asyncio.timeout(deadline):
                return await pending.future
        except TimeoutError as error:
            raise TmuxTimeout(f"tmux on {self.socket} did not answer within {deadline:g} s") from error

    @property
    def connected(self) -> bool:
        """Whether commands can be sent."""
        return self._transport is not None and not self._closed.done()

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Call back once when the connection ends without `close`; on the next turn if it already has."""
        if self._leaving:
            return
        if self._closed.done():
            self._loop.call_soon(callback)
        else:
            self._gone_callbacks.append(callback)

    async def close(self) -> None:
        """Detach and end our client process; the server goes on."""
        self._leaving = True
        if self._transport is not None:
            self._transport.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REAP_DEADLINE):
                    await asyncio.shield(self._closed)
        await self._reap()

    async def _reap(self) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        # The client is our own child and not yet waited for, so its pid cannot be another's.
        process.kill()
        await _ended(process)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 a stream socket has no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Parse and hand out."""
        for event in self._parser.feed(data):
            if isinstance(event, Notification):
                if not event.name:
                    self._last_text = event.text
                self._on_notification(event)
            else:
                self._block(event)

    def _block(self, block: Block) -> None:
        if not block.own or not self._pending:
            if not self._attached.done():
                if block.error:
                    self._attached.set_exception(self._gone(" ".join(block.lines)))
                else:
                    self._attached.set_result(None)
            return
        pending = self._pending[0]
        pending.blocks -= 1
        if block.error:
            pending.blocks = 0
            if not pending.future.done():
                pending.future.set_exception(TmuxError(f"tmux: {' '.join(block.lines)}"))
        else:
            pending.lines.extend(block.lines)
        if pending.blocks <= 0:
            self._pending.popleft()
            if not pending.future.done():
                pending.future.set_result(pending.lines)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail everything that waits, tell who asked, and reap the client process."""
        del exc
        if not self._closed.done():
            self._closed.set_result(None)
        if not self._attached.done():
            self._attached.set_exception(self._gone())
        if not self._attached.cancelled():
            # Nobody may be waiting for it any more; asking marks the error as seen.
            self._attached.exception()
        while self._pending:
            pending = self._pending.popleft()
            if not pending.future.done():
                pending.future.set_exception(self._gone())
        callbacks, self._gone_callbacks = self._gone_callbacks, []
        if not self._leaving:
            for callback in callbacks:
                self._loop.call_soon(callback)
            _reap_later(self._loop, self._process)

    def _gone(self, words: str = "") -> TmuxGone:
        why = words or self._last_text or "connection closed"
        return TmuxGone(f"no tmux server answers on {self.socket}: {why}")


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Return when our child has ended, and reap it."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    _when_ended(loop, process, lambda: done.done() or done.set_result(None))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_REAP_DEADLINE):
            await done


def _reap_later(loop: asyncio.AbstractEventLoop, process: subprocess.Popen[bytes] | None) -> None:
    """Reap our child when it ends, without anyone waiting."""
    if process is not None and process.poll() is None:
        _when_ended(loop, process, lambda: None)


def _when_ended(
    loop: asyncio.AbstractEventLoop, process: subprocess.Popen[bytes], then: Callable[[], object]
) -> None:
    if not (hasattr(os, "pidfd_open") and has_handles()):  # macOS has others
        future = loop.run_in_executor(None, process.wait)
        future.add_done_callback(lambda _: then())
        return
    try:
        pidfd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        # It ended and was reaped just now (Popen.kill polls first).
        process.poll()
        loop.call_soon(then)
        return
    except OSError as error:
        raise SensorError(f"cannot watch the tmux client: {error.strerror}") from error

    def ready() -> None:
        loop.remove_reader(pidfd)
        os.close(pidfd)
        process.poll()
        then()

    loop.add_reader(pidfd, ready)
