"""A receiver of webhooks on loopback, which answers as a test wants, and checks signatures by itself."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import subprocess
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.wait import wait_until

PATIENCE = 60.0
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True, slots=True)
class Received:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        return json.loads(self.body)


class WrongSignatureError(Exception):
    """It was not signed with the secret, or not now."""


def verify(secret: str, received: Received, now: float | None = None) -> None:
    """As Standard Webhooks 1.0 tells a receiver to. Raises WrongSignatureError."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = received.headers["webhook-timestamp"]
    if abs((now or time.time()) - int(stamp)) > 300:
        raise WrongSignatureError("too old or too new")
    content = b".".join([received.id.encode(), stamp.encode(), received.body])
    wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    given = [part.partition(",") for part in received.headers["webhook-signature"].split(" ")]
    if not any(version == "v1" and hmac.compare_digest(each, wanted) for version, _, each in given):
        raise WrongSignatureError("another signature")


class Receiver:
    """Listens on `port`. Each path has answers of its own, used in turn; without one it is 204."""

    def __init__(self) -> None:
        self._bound = socket.socket()
        self._bound.bind(("127.0.0.1", 0))
        self.port: int = self._bound.getsockname()[1]
        self.received: list[Received] = []
        self.answers: dict[str, deque[Answer]] = defaultdict(deque)
        self.over = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._lock = threading.Lock()

    def listen(self, certificate: Path | None = None) -> None:
        """Answer from now on; until then connections are refused. `certificate`: over TLS, with its key."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with receiver._lock:
                    receiver.received.append(
                        Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                    )
                    answers = receiver.answers[self.path]
                    answer = answers.popleft() if answers else says(204)
                try:
                    answer(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as above
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler, bind_and_activate=False)
        self._server.daemon_threads = True
        self._server.socket.close()
        self._server.socket = self._bound
        self._bound.listen(64)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._bound, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def at(self, path: str) -> list[Received]:
        with self._lock:
            return [each for each in self.received if each.path == path]

    def until(self, path: str, count: int = 1) -> list[Received]:
        """Wait for so many requests to a path."""
        wait_until(
            lambda: len(self.at(path)) >= count,
            timeout=PATIENCE,
            why=f"{count} requests to {path}",
            describe=lambda: [each.path for each in self.received],
        )
        return self.at(path)

    def close(self) -> None:
        self.over.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.socket.close()
        self._bound.close()


@contextmanager
def receiver(*, listening: bool = True) -> Iterator[Receiver]:
    made = Receiver()
    try:
        if listening:
            made.listen()
        yield made
    finally:
        made.close()


def make_certificate(path: Path) -> Path:
    """A certificate for 127.0.0.1 that only itself vouches for, and its key, in one file."""
    key, certificate = path.with_suffix(".key"), path.with_suffix(".crt")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={path.stem}", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *kind, *names, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    path.write_text(key.read_text() + certificate.read_text())
    return path


def says(status: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hangs(receiver: Receiver) -> Answer:
    """Takes the request and says nothing."""
    return lambda _handler: void(receiver.over.wait(PATIENCE))


def drips(receiver: Receiver) -> Answer:
    """Sends headers for ever, a few bytes at a time: each read has something, the answer never ends."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not receiver.over.wait(0.05):
            handler.wfile.write(b"x: y\r\n")

    return answer


def void(_: object) -> None:
    pass
