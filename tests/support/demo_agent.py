"""Driving the demo agent in a real terminal of its own, and a small MCP server for it to talk to."""

import json
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.lines import json_lines
from tests.support.pseudo_terminal import PATIENCE, PseudoTerminal


def enveloped(
    body: str, identity: str = "1" * 32, sender: str = "alice", *, reply_to: str = "", notice: bool = False
) -> str:
    """A message as the fabric pastes it."""
    notes = f", in reply to {reply_to}" if reply_to else ""
    wish = "no answer is needed" if notice else f"answer with send_message reply_to={identity}"
    return (
        f"[roost message {identity} from {sender} topic - at 2026-01-02T03:04:05Z"
        f" boundary 0123456789abcdef]\n{body}\n"
        f"[end of roost message {identity}{notes}: {wish}]"
    )


def gone_on_with(identity: str = "1" * 32) -> str:
    """The note that the fabric pastes for a message whose turn was cut off."""
    note = f"Your turn on message {identity} was cut off. The message is above in this conversation;"
    return enveloped(f"{note} go on with message {identity} from where you were.", identity)


class DemoAgent(PseudoTerminal):
    """A demo agent on a pseudo-terminal; `log`, `state` and `conversation` are what it leaves behind."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], *arguments: str, conversation: str = "c"
    ) -> None:
        """Start it; `wait_ready` waits for its prompt."""
        self.state = folder / "state"
        self._log = folder / "demo.log"
        self.conversation = self.state / f"{conversation}.jsonl"
        command = [
            sys.executable,
            "-m",
            "roost.demo_agent",
            "--state",
            str(self.state),
            "--conversation",
            conversation,
        ]
        environment = {"ROOST_SESSION": "s1", "ROOST_DEMO_LOG": str(self._log), **environment}
        super().__init__([*command, *arguments], environment)

    def wait_ready(self) -> "DemoAgent":
        self.until(lambda: self.status().get("status") == "idle", "ready")
        return self

    def log(self, what: str = "") -> list[dict[str, Any]]:
        return [entry for entry in json_lines(self._log) if not what or entry["what"] == what]

    def said(self) -> list[dict[str, Any]]:
        return json_lines(self.conversation)

    def turn_ends(self, count: int) -> list[str]:
        """Wait for that many turns to have ended; return how."""
        self.until(lambda: len(self.log("turn_end")) >= count, f"{count} turns ended")
        self.until(lambda: sum(line["type"] == "turn_end" for line in self.said()) >= count, "recorded")
        return [entry["text"] for entry in self.log("turn_end")]

    def status_file(self) -> Path:
        return self.state / "status" / f"{self.process.pid}.json"

    def status(self) -> dict[str, Any]:
        try:
            return json.loads(self.status_file().read_text())
        except FileNotFoundError:
            return {}

    def wait_status(self, status: str) -> None:
        self.until(lambda: self.status().get("status") == status, f"status {status}")


class Fabric:
    """An MCP server that does as it is told: `script` holds what to do with the next calls; then all succeed.

    Words: `json`, `sse` (success), `drop` (no answer), `refuse` (401), `error` (the tool fails), `initialize`
    (refused until the client has initialised), `hold` (answered after `release` is set), `starting` (503).
    """

    def __init__(self, *script: str, port: int = 0) -> None:
        """Listen on 127.0.0.1."""
        self.script = list(script)
        self.calls: list[dict[str, Any]] = []
        self.methods: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.release = threading.Event()
        self._initialised = False
        fabric = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                fabric._serve(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        message = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.methods.append(message["method"])
        self.headers.append(dict(handler.headers.items()))
        if message["method"] == "notifications/initialized":
            self._initialised = True
            handler.send_response(202)
            handler.end_headers()
            return
        if message["method"] == "initialize":
            self._answer(handler, message, {"protocolVersion": message["params"]["protocolVersion"]})
            return
        word = self.script[0] if self.script else "json"
        if word == "initialize" and not self._initialised:
            handler.send_error(400, "Bad Request: Missing session ID")
            return
        self.script = self.script[1:]
        self.calls.append(message["params"])
        if word == "drop":
            handler.close_connection = True
            return
        if word in {"refuse", "starting"}:
            handler.send_error(401 if word == "refuse" else 503)
            return
        if word == "hold":
            self.release.wait(PATIENCE)
        result = {"content": [{"type": "text", "text": "no such peer" if word == "error" else "ok"}]}
        self._answer(handler, message, {**result, "isError": word == "error"}, stream=word == "sse")

    def _answer(
        self,
        handler: BaseHTTPRequestHandler,
        message: dict[str, Any],
        result: dict[str, Any],
        *,
        stream: bool = False,
    ) -> None:
        text = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result})
        payload = (f"event: message\r\ndata: {text}\r\n\r\n" if stream else text).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream" if stream else "application/json")
        handler.send_header("Content-Length", str(len(payload)))
        if message["method"] == "initialize":
            handler.send_header("Mcp-Session-Id", "session-1")
        handler.end_headers()
        handler.wfile.write(payload)

    def end(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()
