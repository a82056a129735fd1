"""500 threads of one app-server that is killed: how soon each row is closed, counted from the break itself.

The server is the tests' stand-in; what is measured is the daemon's part.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from benchmarks.deaths import Follower
from benchmarks.home import Home, daemon, folder, until
from benchmarks.result import Result, p50, p99

THREADS = 500
TARGET = 50.0


def run() -> Result:
    """All rows of a server that is gone."""
    with daemon("") as home, _server(home) as (address, process):
        for number in range(THREADS):
            home.add(f"thread{number}", "codex-thread", server=address)
        rows = until(lambda: _at_rest(home), "all threads are followed")
        follower = Follower(home)
        with socket.socket(socket.AF_UNIX) as beside:
            beside.connect(address.removeprefix("unix:"))
            os.kill(process.pid, signal.SIGKILL)
            select.select([beside], [], [], 10)
            broke = time.monotonic()
        until(lambda: len(follower.stopped) >= THREADS, "all rows are closed")
    took = [(follower.stopped[row["session"]["id"]] - broke) * 1000 for row in rows]
    floor = _bare()
    return Result(
        name="threads",
        what=f"an app-server killed -> the rows of its {THREADS} threads closed and committed, as a follower"
        " of the journal hears it, from the break of another connection to that server",
        unit="ms",
        measured=p99(took),
        floor=floor,
        floor_is=f"{THREADS} rows in one durable apsw commit",
        judged_as="p99",
        judged=p99(took),
        target=TARGET,
        details={"p50 ms": p50(took), "last ms": max(took)},
    )


def _at_rest(home: Home) -> list[dict[str, Any]] | None:
    rows = home.ask("list")
    return rows if len(rows) == THREADS and all(row["state"] == "idle" for row in rows) else None


@contextmanager
def _server(home: Home) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    path = home.places.home / "server.sock"
    command = [sys.executable, "-m", "tests.support.app_server", str(path), os.devnull]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1])
    try:
        until(path.exists, "the server listens")
        yield f"unix:{path}", process
    finally:
        process.kill()
        process.wait()


def _bare() -> float:
    """Milliseconds of one durable commit of as many rows."""
    with folder() as root:
        connection = apsw.Connection(str(root / "db"))
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("CREATE TABLE sessions (id INTEGER PRIMARY KEY, state TEXT)")
            begun = time.monotonic()
            with connection:
                rows = ((number, "stopped") for number in range(THREADS))
                cursor.executemany("INSERT INTO sessions VALUES (?, ?)", rows)
            return (time.monotonic() - begun) * 1000
        finally:
            connection.close()
