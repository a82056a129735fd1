"""Durable accept: 64 callers, each with a connection of its own, one request in flight each."""

import asyncio
import json
import time
from pathlib import Path

import apsw
import psutil

from benchmarks.home import daemon, folder
from benchmarks.result import Result, p50, p95

CALLERS = 64
ROUNDS = 5
SECONDS = 0.5
TARGET = 10_000.0
_BODY = "x" * 200


class Caller(asyncio.Protocol):
    """Sends its line again as soon as it is answered, until time is up."""

    def __init__(self, line: bytes, until: float) -> None:
        self.line = line
        self.until = until
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.took: list[float] = []
        self.error: bytes | None = None
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        self._transport.write(self.line)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._data.endswith(b"\n"):
            return
        if b'"error"' in self._data:
            self.error = self._data
        now = time.perf_counter()
        self.took.append(now - self._sent)
        self._data = b""
        if now < self.until and self.error is None:
            self._send()
        elif not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the daemon hung up"))


async def drive(path: str, recipients: list[str]) -> tuple[float, list[float]]:
    """Messages per second, and seconds that each took."""
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    callers: list[Caller] = []
    for number in range(CALLERS):
        params = {"to": recipients[number % len(recipients)], "body": _BODY}
        line = json.dumps({"id": 1, "method": "send", "params": params}).encode() + b"\n"
        caller = Caller(line, begun + SECONDS)
        await loop.create_unix_connection(lambda caller=caller: caller, path)
        callers.append(caller)
    await asyncio.gather(*(caller.done for caller in callers))
    spent = time.perf_counter() - begun
    for caller in callers:
        caller.close()
    refused = next((caller.error for caller in callers if caller.error is not None), None)
    if refused is not None:
        raise RuntimeError(refused.decode())
    took = [each for caller in callers for each in caller.took]
    return len(took) / spent, took


def one() -> Result:
    """All to one mailbox, a new one in each round."""
    return _measure("accept-one", "64 callers, one mailbox", 1)


def many() -> Result:
    """Each caller to a mailbox of its own."""
    return _measure("accept-many", "64 callers, 64 mailboxes", CALLERS)


def _measure(name: str, what: str, mailboxes: int) -> Result:
    rates: list[float] = []
    bare: list[float] = []
    took: list[float] = []
    with daemon() as home, folder() as root:
        process = psutil.Process(home.ask("status")["pid"])
        spent = 0.0
        for number in range(ROUNDS):
            recipients = [f"box{number}-{index}" for index in range(mailboxes)]
            for recipient in recipients:
                home.add(recipient, "human", queue_limit="100000")
            bare.append(_bare(root / f"{number}.db"))
            before = _cpu(process)
            rate, each = asyncio.run(drive(str(home.places.socket), recipients))
            spent += _cpu(process) - before
            rates.append(rate)
            took.extend(each)
    return Result(
        name=name,
        what=f"durable accept over the socket, {what}, {ROUNDS} times {SECONDS:g} s in turn with the floor",
        unit="/s",
        measured=p50(rates),
        floor=p50(bare),
        floor_is=f"apsw alone, WAL, synchronous=FULL, {CALLERS} rows of the same size in each transaction",
        judged_as="p50",
        judged=p50(rates),
        target=TARGET,
        more_is_better=True,
        details={
            "best round": max(rates),
            "messages": len(took),
            "daemon's CPU us a message": spent / len(took) * 1e6,
            "p50 ms": p50(took) * 1000,
            "p95 ms": p95(took) * 1000,
        },
    )


def _cpu(process: psutil.Process) -> float:
    """Seconds of processor time so far."""
    times = process.cpu_times()
    return times.user + times.system


def _bare(path: Path) -> float:
    connection = apsw.Connection(str(path))
    try:
        execute = connection.cursor().execute
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = FULL")
        execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, body TEXT)")
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < SECONDS / 5:
            execute("BEGIN IMMEDIATE")
            for _ in range(CALLERS):
                execute("INSERT INTO messages (body) VALUES (?)", (_BODY,))
            execute("COMMIT")
            count += CALLERS
        return count / (time.perf_counter() - begun)
    finally:
        connection.close()
