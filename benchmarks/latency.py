"""Accept latency: one caller on a warm connection, beside one bare durable commit."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from benchmarks.home import PATIENCE, Home, daemon, folder
from benchmarks.result import Result, clocked, p50, p99

BLOCKS = 20
EACH = 50
"""Sends in one block; as many bare commits follow, so that both see the same machine."""
TARGET = 3.0
_BODY = "x" * 200


def run() -> Result:
    sent: list[float] = []
    bare: list[float] = []
    with daemon() as home, folder() as root, caller(home) as send, _database(root / "db") as commit:
        for number in range(BLOCKS + 1):
            ours, theirs = _block(send), _block(commit)
            if number:  # The first block warms both up.
                sent.extend(ours)
                bare.extend(theirs)
    return Result(
        name="accept-latency",
        what=f"`send` that waits for `stored`, one caller on a warm connection, {len(sent)} messages",
        unit="ms",
        measured=p50(sent),
        floor=p50(bare),
        floor_is="apsw alone, WAL, synchronous=FULL: one row of the same size in a transaction of its own",
        judged_as="ratio",
        judged=p50(sent) / p50(bare),
        target=TARGET,
        details={
            "p99 ms": p99(sent),
            "floor p99 ms": p99(bare),
            "p99 ratio": p99(sent) / p99(bare),
        },
    )


def _block(act: Callable[[], None]) -> list[float]:
    return [clocked(act) for _ in range(EACH)]


@contextmanager
def caller(home: Home) -> Iterator[Callable[[], None]]:
    home.add("box", "human", queue_limit="100000")
    params = {"to": "box", "body": _BODY, "wait": "stored"}
    line = json.dumps({"id": 1, "method": "send", "params": params}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(home.places.socket))
        answers = connection.makefile("rb")

        def send() -> None:
            connection.sendall(line)
            answer = json.loads(answers.readline())
            if "error" in answer:
                raise RuntimeError(f"a message was refused: {answer['error']}")

        yield send


@contextmanager
def _database(path: Path) -> Iterator[Callable[[], None]]:
    connection = apsw.Connection(str(path))
    try:
        execute = connection.cursor().execute
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = FULL")
        execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT)")

        def commit() -> None:
            execute("INSERT INTO messages (body) VALUES (?)", (_BODY,))

        yield commit
    finally:
        connection.close()
