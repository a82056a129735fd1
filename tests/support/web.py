"""`roost web` as a person starts it, and a browser's requests without a browser."""

import http.client
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from tests.support.daemon import PATIENCE, Roost


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(slots=True)
class Web:
    """A running `roost web`; `address` signs in once."""

    process: subprocess.Popen[str]
    address: str
    cookie: str = ""
    csrf: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def port(self) -> int:
        port = urlsplit(self.address).port
        assert port is not None
        return port

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> Reply:
        """One request as the signed-in browser makes it; a header that is None is left out."""
        given = {"Host": f"127.0.0.1:{self.port}", "Cookie": self.cookie, **self.headers}
        if method == "POST":
            given |= {"Origin": self.origin, "Content-Type": "application/x-www-form-urlencoded"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}  # type: ignore[arg-type]
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None and not {"Content-Length", "Transfer-Encoding"} & given.keys():
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
            if body is not None:
                with suppress(BrokenPipeError, ConnectionResetError):
                    connection.send(body)
            answer = connection.getresponse()
            return Reply(
                answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
            )
        finally:
            connection.close()

    def get(self, path: str, **headers: str | None) -> Reply:
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, fields: Mapping[str, str] | None = None, **headers: str | None) -> Reply:
        """A form of the page."""
        body = urlencode({"csrf": self.csrf, **(fields or {})}).encode()
        return self.ask("POST", path, body, **headers)

    def sign_in(self) -> "Web":
        """Use the address; take cookie and form token as a browser does."""
        told = self.get(self.address.removeprefix(self.origin))
        assert told.status == 200, told
        self.cookie = told.headers["set-cookie"].partition(";")[0]
        found = re.search(r'"x-csrf-token": "([^"]+)"', self.get("/").text)
        assert found is not None
        self.csrf = found[1]
        return self

    def again(self) -> None:
        """Forget who is signed in."""
        self.cookie = self.csrf = ""


def start_web(roost: Roost, *options: str) -> Web:
    """Start it; returns once it has printed its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "roost", "web", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=roost.environ,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    if not address:
        raise AssertionError(process.communicate(timeout=PATIENCE)[1])
    return Web(process, address)


def end_web(web: Web) -> str:
    """Press Ctrl-C; returns what it said on stderr."""
    web.process.send_signal(signal.SIGINT)
    said = web.process.communicate(timeout=PATIENCE)[1]
    assert web.process.returncode == 0, said
    return said


@contextmanager
def web_of(roost: Roost, *options: str) -> Iterator[Web]:
    """A page of this roost; it ends by Ctrl-C, in order, and has met no defect."""
    web = start_web(roost, *options)
    try:
        yield web
    finally:
        said = end_web(web)
        assert "Traceback" not in said, said
