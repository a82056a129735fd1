"""A daemon's socket without a daemon: a thread that answers requests as the test says."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Record = dict[str, Any]
Handler = Callable[[Record], Iterator[Record]]
"""From a request to the lines that answer it (without their `id`)."""
PATIENCE = 30.0


def result(value: object, *, events: list[Record] | None = None, notes: list[str] | None = None) -> Handler:
    """Answer with events, then this result."""

    def handle(_request: Record) -> Iterator[Record]:
        for event in events or []:
            yield {"event": event}
        yield {"result": value, "notes": notes or []}

    return handle


def error(code: str, message: str, exit_code: int = 1, *, events: list[Record] | None = None) -> Handler:
    """Answer with events, then this error."""

    def handle(_request: Record) -> Iterator[Record]:
        for event in events or []:
            yield {"event": event}
        yield {"error": {"code": code, "message": message, "exit_code": exit_code}}

    return handle


def hang_up(*, events: list[Record] | None = None) -> Handler:
    """End the connection without an answer."""

    def handle(_request: Record) -> Iterator[Record]:
        for event in events or []:
            yield {"event": event}

    return handle


def hold(event: Record, reached: threading.Event, release: threading.Event) -> Handler:
    """Send one event, then keep the caller waiting until the test releases it."""

    def handle(_request: Record) -> Iterator[Record]:
        yield {"event": event}
        reached.set()
        release.wait(PATIENCE)

    return handle


class RpcServer:
    """Answers each method by its handler and remembers all requests."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.requests: list[Record] = []
        self.handlers: dict[str, Handler] = {}
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, name="rpc-server", daemon=True)
        self._thread.start()

    def on(self, method: str, handler: Handler) -> None:
        self.handlers[method] = handler

    @property
    def last(self) -> Record:
        """The latest request's parameters."""
        params: Record = self.requests[-1]["params"]
        return params

    def close(self) -> None:
        # Closing alone does not wake a thread that waits in accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                connection.settimeout(PATIENCE)
                self._answer(connection, lines.readline())

    def _answer(self, connection: socket.socket, line: bytes) -> None:
        if not line:
            return
        request: Record = json.loads(line)
        self.requests.append(request)
        handler = self.handlers.get(request["method"], error("unknown-method", "no such method"))
        try:
            for answer in handler(request):
                connection.sendall(json.dumps({"id": request["id"], **answer}).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            return


@contextmanager
def serve(path: Path) -> Iterator[RpcServer]:
    """A server on this socket path for the time of the block."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = RpcServer(path)
    try:
        yield server
    finally:
        server.close()
        path.unlink(missing_ok=True)
