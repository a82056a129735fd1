"""What a hook costs a session that has no mail: by HTTP, and as a command."""

import http.client
import json
import subprocess
import sys
from urllib.parse import urlsplit

from benchmarks.guest import Guest, joined
from benchmarks.home import daemon
from benchmarks.result import Result, clocked, p50, p95, p99
from roost.host import hook

ASKED = 2000
ROUNDS = 40
HTTP_TARGET = 1.0
COMMAND_TARGET = 1.5


def by_http() -> Result:
    with daemon() as home, joined(home, "me") as guest:
        place, payload = urlsplit(str(home.ask("status")["url"])), _payload(guest)
        connection = http.client.HTTPConnection(place.hostname or "", place.port)
        headers = {**guest.asks("PostToolUse")["headers"], "Content-Type": "application/json"}
        took: list[float] = []
        alone: list[float] = []
        for number in range(ASKED + 50):
            floor = clocked(lambda: _ask(connection, "GET", "/health", None, {}))
            whole = clocked(lambda: _ask(connection, "POST", "/hooks/PostToolUse", payload, headers))
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
    with daemon() as home, joined(home, "me") as guest:
        url, payload = str(home.ask("status")["url"]), _payload(guest)
        token = guest.asks("PostToolUse")["headers"]["Authorization"].removeprefix("Bearer ")
        environ = {**home.environment, "ROOST_URL": url, "ROOST_TOKEN": token}
        for number in range(ROUNDS + 2):
            floor = clocked(lambda: _run(nothing, environ, payload))
            whole = clocked(lambda: _run(asks, environ, payload))
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


def _payload(guest: Guest) -> str:
    hook = {"session_id": guest.conversation, "hook_event_name": "PostToolUse", "tool_name": "Bash"}
    return json.dumps(hook)


def _run(command: list[str], environ: dict[str, str], payload: str) -> None:
    subprocess.run(command, env=environ, input=payload.encode(), stdout=subprocess.DEVNULL, check=True)
