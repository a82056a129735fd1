"""What a hook costs a session that has no mail: by HTTP, and as a command."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.home import Home, daemon
from benchmarks.result import Result, clocked, p50, p95, p99
from roost.host import hook

ASKED = 2000
ROUNDS = 40
HTTP_TARGET = 1.0
COMMAND_TARGET = 1.5
_CONVERSATION = "1f0e7a4e-0000-4000-8000-000000000001"
_PAYLOAD = json.dumps({"session_id": _CONVERSATION, "hook_event_name": "PostToolUse", "tool_name": "Bash"})
_PROGRAM = (
    "import subprocess, sys; input(); subprocess.run(sys.argv[1:], check=True); print(flush=True); input()"
)
"""Runs one command when it is told to, as a shell tool does, and stays."""


def by_http() -> Result:
    with daemon() as home, _joined(home) as (url, token):
        place = urlsplit(url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        took: list[float] = []
        alone: list[float] = []
        for number in range(ASKED + 50):
            floor = clocked(lambda: _ask(connection, "GET", "/health", None, {}))
            whole = clocked(lambda: _ask(connection, "POST", "/hooks/PostToolUse", _PAYLOAD, headers))
            if number >= 50:
                alone.append(floor)
                took.append(whole)
        connection.close()
    return Result(
        name="hook",
        what=f"a hook of a joined session without mail, over HTTP, {ASKED} times in turn with the floor",
        unit="ms",
        measured=p50(took),
        floor=p50(alone),
        floor_is="a request that the daemon answers without looking at anything",
        judged_as="value",
        judged=p50(took),
        target=HTTP_TARGET,
        details={"p95 ms": p95(took), "p99 ms": p99(took)},
    )


def by_command() -> Result:
    nothing = [sys.executable, "-S", "-E", "-I", "-c", "pass"]
    asks = [sys.executable, "-S", "-E", "-I", str(hook.__file__), "PostToolUse"]
    took: list[float] = []
    alone: list[float] = []
    with daemon() as home, _joined(home) as (url, token):
        environ = {**home.environment, "ROOST_URL": url, "ROOST_TOKEN": token}
        for number in range(ROUNDS + 2):
            floor = clocked(lambda: _run(nothing, environ))
            whole = clocked(lambda: _run(asks, environ))
            if number >= 2:
                alone.append(floor)
                took.append(whole)
    return Result(
        name="hook-command",
        what=f"a hook that is a command, without mail, {ROUNDS} whole processes in turn with the floor",
        unit="ms",
        measured=p50(took),
        floor=p50(alone),
        floor_is="`python -S -E -I -c pass`",
        judged_as="ratio",
        judged=p50(took) / p50(alone),
        target=COMMAND_TARGET,
        details={"p95 ms": p95(took), "floor p95 ms": p95(alone)},
    )


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: str | None, headers: dict[str, str]
) -> None:
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    if answer.read() not in (b"{}", b'{"ok":true}'):
        raise RuntimeError(f"{path} was answered {answer.status}")


def _run(command: list[str], environ: dict[str, str]) -> None:
    subprocess.run(command, env=environ, input=_PAYLOAD.encode(), stdout=subprocess.DEVNULL, check=True)


@contextmanager
def _joined(home: Home) -> Iterator[tuple[str, str]]:
    """A program that has joined as Claude Code does; where its hooks ask, and their token."""
    environ = {**home.environment, "CLAUDE_CODE_SESSION_ID": _CONVERSATION}
    join = [sys.executable, "-P", "-m", "roost", "join", "me"]
    command = [sys.executable, "-c", _PROGRAM, *join]
    pipe = subprocess.PIPE
    program = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environ, cwd=home.work)
    assert program.stdin is not None
    assert program.stdout is not None
    try:
        started = Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()[19]
        sessions = Path(environ["HOME"]) / ".claude/sessions"
        sessions.mkdir(parents=True)
        told = {"pid": program.pid, "procStart": started, "sessionId": _CONVERSATION, "status": "busy"}
        (sessions / f"{program.pid}.json").write_text(json.dumps({**told, "cwd": str(home.work)}))
        program.stdin.write(b"\n")
        program.stdin.flush()
        while program.stdout.readline().strip():
            pass
        settings = json.loads((home.work / ".claude/settings.local.json").read_text())
        asks = settings["hooks"]["PostToolUse"][0]["hooks"][0]
        yield str(home.ask("status")["url"]), asks["headers"]["Authorization"].removeprefix("Bearer ")
    finally:
        os.kill(program.pid, 9)
        program.wait()
