"""A fuzz of the daemon's doors: each request is answered within a bound, and none meets a defect.

`python -m tests.support.doors --cases N --seed S`; run by `scripts/fuzz`.
"""

import argparse
import asyncio
import json
import secrets
import sys
import time
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from random import Random
from typing import Any

from tests.support.daemon import Roost, roost_in
from tests.support.doors_cases import Cases
from tests.support.home import make_home

BOUND = 30.0
"""Seconds within which a batch of requests must be answered."""
BATCH = 32
CALLERS = 4
WEB = 20
"""Of so many requests one goes to the tools and one to the hooks, and all others to the socket."""
WARM = 4000
"""Requests after which the daemon's memory counts as that at rest."""


class Doors:
    """Sends cases, and notes what is wrong in sentences."""

    def __init__(self, roost: Roost, seed: int) -> None:
        """`roost` has a daemon, an agent `a`, and mailboxes."""
        self._roost = roost
        self._random = Random(seed)  # noqa: S311 -- reproducible, not secret
        self.wrong: list[str] = []
        self.answers: Counter[str] = Counter()
        self._token = roost.token("a")
        self._port = int(roost.call("status")["url"].rpartition(":")[2])

    async def run(self, cases: int) -> None:
        """Send so many requests, several callers at a time."""
        callers = [Random(self._random.random()) for _ in range(CALLERS)]  # noqa: S311 -- as above
        await asyncio.gather(*(self._caller(cases // CALLERS, each) for each in callers))

    async def _caller(self, cases: int, random: Random) -> None:
        drawn = Cases(random)
        while cases > 0 and len(self.wrong) < 20:
            count = min(BATCH, cases)
            cases -= count
            web = sum(random.randrange(WEB) < 2 for _ in range(count))
            try:
                await self._bounded(self._socket(drawn, count - web))
                for _ in range(web):
                    await self._bounded(self._web(drawn))
            except OSError as error:
                self.wrong.append(f"a door is closed: {error!r}")

    async def _bounded(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(BOUND):
                await sending
        except TimeoutError:
            self.wrong.append(f"no answer within {BOUND:g} s")

    async def _socket(self, drawn: Cases, count: int) -> None:
        """Several requests on one connection: as many answers."""
        lines = [line for number in range(1, count + 1) if (line := drawn.line(number)).strip()]
        reader, writer = await asyncio.open_unix_connection(str(self._roost.places.socket), limit=2**26)
        try:
            writer.write(b"".join(line + b"\n" for line in lines))
            left = len(lines)
            while left and (answer := await reader.readline()):
                said = json.loads(answer)
                if "event" not in said:
                    left -= 1
                    self._judge(said.get("error"), lines)
            if left:
                self.wrong.append(f"hung up with {left} of {len(lines)} requests unanswered: {lines}")
        finally:
            writer.close()

    def _judge(self, error: dict[str, Any] | None, asked: object) -> None:
        self.answers["done" if error is None else str(error["code"])] += 1
        if error is not None and error["code"] == "defect":
            self.wrong.append(f"a defect: {error}; one of {asked}")

    async def _web(self, drawn: Cases) -> None:
        """One request to the tools or to the hooks, in a connection of its own."""
        if drawn.random.random() < 0.5:
            path, body = "/mcp", drawn.call()
        else:
            name, body = drawn.hook()
            path = f"/hooks/{name}"
        token = self._token if drawn.random.random() < 0.95 else "x"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(head.encode() + body)
            status = (await reader.readline()).decode()
            await reader.read()
        finally:
            writer.close()
        code = status.split(" ")[1] if " " in status else "none"
        self.answers[f"http {code}"] += 1
        if code == "none" or code.startswith("5"):
            self.wrong.append(f"{path} answered {status!r} to {body!r}")


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def fuzz(roost: Roost, cases: int, seed: int) -> tuple[list[str], Counter[str]]:
    """Run them against a roost in which nothing else happens; what was wrong, and what was answered."""
    roost.add("a")
    for name in ("me", "box"):
        roost.add(name, "human")
    roost.call("wake", name="a")
    doors = Doors(roost, seed)
    asyncio.run(doors.run(min(WARM, cases)))
    pid, idle = roost.daemon.pid, memory(roost.daemon.pid)
    if cases > WARM:
        asyncio.run(doors.run(cases - WARM))
    used = memory(pid)
    if used > 2 * idle:
        doors.wrong.append(f"the daemon's memory grew from {idle // 2**20} to {used // 2**20} MiB")
    if roost.daemon.poll() is not None or roost.call("status")["pid"] != pid:
        doors.wrong.append("the daemon is another one")
    doors.answers[f"memory {idle // 2**20} -> {used // 2**20} MiB"] += 1
    return doors.wrong, doors.answers


def main() -> int:
    """1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.doors")
    parser.add_argument("--cases", type=int, default=1_000_000, help="how many requests")
    parser.add_argument("--seed", type=int, default=None, help="a random one without it")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else secrets.randbelow(1_000_000)
    began = time.monotonic()
    with make_home() as home, roost_in(home) as roost:
        wrong, answers = fuzz(roost, asked.cases, seed)
    sys.stdout.write(
        f"seed {seed}: {asked.cases} requests in {time.monotonic() - began:.0f} s: {dict(answers)}\n"
    )
    sys.stdout.write("".join(f"{each}\n" for each in wrong) + f"{len(wrong)} wrong\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
