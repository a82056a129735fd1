"""Warm delivery: from before the send over the socket until the text is in the agent."""

import asyncio
import os
import sys
import time
from pathlib import Path

from benchmarks.home import PATIENCE, Home, daemon, folder, until
from benchmarks.result import Result, clocked, p50, p95
from roost.host.environment import child_environment
from roost.host.process import SystemProcesses
from roost.host.tmux.server import TmuxTerminals

ROUNDS = 40
TARGET = 5.0
BODY = "@@silent@@"
# A program that does nothing but note when a pasted text has been submitted.
_READER = """
import os, sys, termios, time, tty
tty.setraw(0)
os.write(1, b"\\x1b[?2004hready")
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
data = b""
while True:
    data += os.read(0, 65536)
    if data.endswith(b"\\r"):
        os.write(log, b"%r\\n" % time.time())
        data = b""
"""


def run() -> Result:
    with daemon() as home:
        home.add("agent", "demo")
        home.client.call("wake", {"name": "agent"}, patience=None)
        took, rpc = through_roost(home, "agent"), _calls(home)
    bare = asyncio.run(_bare())
    return Result(
        name="delivery",
        what=f"send -> text in the demo agent, warm and idle, {ROUNDS} messages",
        unit="ms",
        measured=p50(took),
        floor=p50(bare),
        floor_is="set-buffer, paste and Enter over a control connection to a raw reader, same text",
        judged_as="p50",
        judged=p50(took),
        target=TARGET,
        details={
            "p95 ms": p95(took),
            "worst ms": max(took),
            "floor p95 ms": p95(bare),
            "status call p50 ms": rpc,
        },
    )


def through_roost(home: Home, name: str) -> list[float]:
    """Milliseconds from before the send until this awake agent has the text, one message after the other."""
    took: list[float] = []
    for number in range(ROUNDS + 2):
        until(lambda: _at_rest(home, name), "idle")
        before = time.time()
        identity: str = home.ask("send", to=name, body=BODY)["id"]
        taken = until(lambda identity=identity: home.happened("prompt", identity), "the prompt")
        until(lambda identity=identity: home.ask("message", id=identity)["state"] == "done", "the turn's end")
        if number >= 2:  # The first ones warm the daemon's imports up.
            took.append((taken - before) * 1000)
    return took


def _at_rest(home: Home, name: str) -> bool:
    row = home.ask("show", name=name)
    return row["state"] == "idle" and row["queued"] == 0


def _calls(home: Home) -> float:
    """Milliseconds of a call that only reads, the median."""
    return p50([clocked(lambda: home.ask("status")) for _ in range(ROUNDS)])


async def _bare() -> list[float]:
    with folder() as root:
        log = root / "log"
        terminals = TmuxTerminals(root / "tmux.conf", SystemProcesses())
        argv = [sys.executable, "-S", "-E", "-c", _READER, str(log)]
        text = ("[roost message of about the usual length]\n" + BODY + "\n" + "x" * 150).encode()
        terminal = await terminals.start(root / "s", argv, child_environment(os.environ, {}), Path("/"))
        try:
            ready = time.monotonic() + PATIENCE
            while "ready" not in await terminal.capture() and time.monotonic() < ready:
                pass
            took: list[float] = []
            for number in range(ROUNDS + 2):
                before = time.time()
                await terminal.paste(text)
                await terminal.keys("Enter")
                line = await asyncio.to_thread(until, lambda number=number: _line(log, number), "the text")
                took.append((float(line) - before) * 1000)
            return took[2:]
        finally:
            await terminal.kill()


def _line(log: Path, number: int) -> str | None:
    """The line of this number, once it is whole."""
    lines = log.read_text("utf-8").splitlines(keepends=True) if log.exists() else []
    return lines[number] if len(lines) > number and lines[number].endswith("\n") else None
