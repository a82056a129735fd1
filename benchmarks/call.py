"""Warm delivery by a call: from before the send over the socket until the prompt is at the agent."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.delivery import BODY, ROUNDS, through_roost
from benchmarks.home import daemon, folder, noted, until
from benchmarks.result import Result, p50, p95
from roost.host.environment import child_environment

TARGET = 5.0


def run() -> Result:
    with daemon() as home:
        home.add("agent", "demo-acp")
        home.client.call("wake", {"name": "agent"}, patience=None)
        took = through_roost(home, "agent")
    bare = _bare()
    return Result(
        name="delivery-call",
        what=f"send -> prompt at an ACP agent, warm and idle, {ROUNDS} messages",
        unit="ms",
        measured=p50(took),
        floor=p50(bare),
        floor_is="session/prompt by JSON-RPC on the stdio of the same agent program, same text",
        judged_as="p50",
        judged=p50(took),
        target=TARGET,
        details={"p95 ms": p95(took), "worst ms": max(took), "floor p95 ms": p95(bare)},
    )


def _bare() -> list[float]:
    """Milliseconds from before the request until the agent has noted its prompt."""
    text = "[roost message of about the usual length]\n" + BODY + "\n" + "x" * 150
    with folder() as root, _agent(root) as agent:
        took: list[float] = []
        for number in range(ROUNDS + 2):
            mark = f"{text} number {number} of them"
            before = time.time()
            agent.ask("session/prompt", prompt=[{"type": "text", "text": mark}])
            taken = until(lambda mark=mark: noted(root / "log", "prompt", mark), "the prompt")
            took.append((taken - before) * 1000)
            agent.answered()
        return took[2:]


class _Agent:
    """The agent program, spoken to without anything in between."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._count = 0
        self.session: dict[str, Any] = {}

    def ask(self, method: str, **parameters: object) -> None:
        self._count += 1
        request = {"jsonrpc": "2.0", "id": self._count, "method": method}
        assert self._process.stdin is not None
        line = json.dumps({**request, "params": {**self.session, **parameters}})
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def answered(self) -> dict[str, Any]:
        """The result of what was asked last."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer: dict[str, Any] = json.loads(line)
            if answer.get("id") == self._count and "method" not in answer:
                return answer["result"]
        raise RuntimeError("the agent has ended")


@contextmanager
def _agent(root: Path) -> Generator[_Agent]:
    environ = child_environment(os.environ, {"HOME": str(root), "ROOST_DEMO_LOG": str(root / "log")})
    words = [sys.executable, "-P", "-m", "roost.demo_agent.acp", "--state", str(root)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, cwd=root)
    try:
        agent = _Agent(process)
        agent.ask("initialize", protocolVersion=1, clientCapabilities={})
        agent.answered()
        agent.ask("session/new", cwd=str(root), mcpServers=[])
        agent.session = {"sessionId": agent.answered()["sessionId"]}
        yield agent
    finally:
        process.kill()
        process.wait()
