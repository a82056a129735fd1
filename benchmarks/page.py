"""The page of `roost web`: how soon a browser shows a commit, and an open page for other benchmarks."""

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

from benchmarks.home import PATIENCE, Home, daemon
from benchmarks.result import Result, p50, p95

PEERS = 300
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
ROUNDS = 60
SOON = 200.0
"""Milliseconds from the commit to the row."""
_WATCH = """(name) => { window.seen = 0; new MutationObserver((_, watcher) => {
  if (!document.getElementById(name)) return;
  window.seen = Date.now(); watcher.disconnect(); }).observe(
  document.querySelector("#fleet tbody"), { childList: true }); }"""


@dataclass(frozen=True, slots=True)
class Served:
    """A `roost web` and a browser's cookie for it."""

    process: subprocess.Popen[str]
    port: int
    cookie: str


@contextmanager
def served(home: Home) -> Generator[Served]:
    """The page of this home, signed in."""
    command = [sys.executable, "-P", "-m", "roost", "web"]
    process = subprocess.Popen(
        command, env=home.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        address = urlsplit(process.stdout.readline().strip())
        assert address.port is not None
        connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=PATIENCE)
        connection.request("GET", f"{address.path}?{address.query}")
        cookie = connection.getresponse().headers["set-cookie"].partition(";")[0]
        connection.close()
        yield Served(process, address.port, cookie)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


@contextmanager
def open_page(web: Served) -> Generator[None]:
    """What an open fleet page asks of us, without a browser: its stream, from the state that it shows."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=PATIENCE)
    connection.request("GET", "/", headers={"Cookie": web.cookie})
    found = re.search(r'data-mark="([^"]+)"', connection.getresponse().read().decode())
    connection.close()
    assert found is not None
    with socket.create_connection(("127.0.0.1", web.port)) as stream:
        head = f"GET /live/fleet?after={found[1]} HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n"
        stream.sendall(f"{head}Cookie: {web.cookie}\r\n\r\n".encode())
        reading = threading.Thread(target=_drain, args=(stream,), daemon=True)
        reading.start()
        yield
        with suppress(OSError):
            stream.shutdown(socket.SHUT_RDWR)
        reading.join(PATIENCE)


def _drain(stream: socket.socket) -> None:
    with suppress(OSError):
        while stream.recv(65536):
            pass


def run() -> Result:
    """From the time of a commit in the journal to the row in Chromium, one clock."""
    with daemon() as home:
        for number in range(PEERS):
            home.add(f"box{number}", "human", queue_limit="100000")
        with served(home) as web, sync_playwright() as playwright:
            path = next(filter(None, map(shutil.which, BROWSERS)))
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            try:
                context = browser.new_context(base_url=f"http://127.0.0.1:{web.port}")
                name, _, value = web.cookie.partition("=")
                context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{web.port}"}])
                page = context.new_page()
                page.goto("/")
                page.get_by_text("Live", exact=True).wait_for()
                took = [_shown(home, page, number) for number in range(ROUNDS + 1)][1:]
            finally:
                browser.close()
        floor = [_told(home, number) for number in range(ROUNDS + 1)][1:]
    return Result(
        name="page",
        what=f"from the commit of a message until Chromium shows its row among {PEERS}, {ROUNDS} times",
        unit="ms",
        measured=p50(took),
        floor=p50(floor),
        floor_is="until a program that follows `list` on the daemon's socket is told, without any page",
        judged_as="p95 ms",
        judged=p95(took),
        target=SOON,
        details={"floor p95 ms": p95(floor)},
    )


def _commit(home: Home, box: str) -> float:
    """Send; the time of its line in the journal, Unix milliseconds."""
    before = max((event["seq"] for event in home.events()), default=0)
    home.ask("send", to=box, body="x")
    queued = next(event for event in home.events(after=before) if event["kind"] == "queued")
    return datetime.fromisoformat(queued["ts"]).timestamp() * 1000


def _shown(home: Home, page: Page, number: int) -> float:
    box = f"box{number % PEERS}"
    page.evaluate(_WATCH, f"peer-{box}")
    at = _commit(home, box)
    page.wait_for_function("() => window.seen")
    return page.evaluate("window.seen") - at


def _told(home: Home, number: int) -> float:
    box = f"box{number % PEERS}"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(home.places.socket))
        connection.sendall(b'{"id": 1, "method": "list", "params": {"follow": true}}\n')
        lines = connection.makefile("rb")
        lines.readline()
        seen: list[float] = []

        def hear() -> None:
            while True:
                told = json.loads(lines.readline())
                if any(row["name"] == box for row in told["event"]["rows"]):
                    seen.append(time.time() * 1000)
                    return

        hearing = threading.Thread(target=hear)
        hearing.start()
        at = _commit(home, box)
        hearing.join(PATIENCE)
        return seen[0] - at
