"""Driving the client of an ACP agent on a terminal of its own, and calling it on its socket."""

import json
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.lines import json_lines
from tests.support.pseudo_terminal import PseudoTerminal

DEMO = (sys.executable, "-m", "roost.demo_agent.acp")
STUB = (sys.executable, str(Path(__file__).with_name("acp_stub.py")))


class AcpClient(PseudoTerminal):
    """A client with its agent on a pseudo-terminal. `arguments` are the client's own."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *arguments: str,
        agent: tuple[str, ...] = DEMO,
        session: str = "s1",
    ) -> None:
        """Start it."""
        self.folder = folder / "acp"
        self.socket = folder / f"{session}.call"
        self.session = session
        self._callers: list[RawCaller] = []
        self._log = folder / "demo.log"
        own = {
            "ROOST_SESSION": session,
            "ROOST_DEMO_LOG": str(self._log),
            "ROOST_DEMO_STATE": str(folder / "state"),
        }
        command = [
            sys.executable,
            "-m",
            "roost.acp",
            "--folder",
            str(self.folder),
            "--socket",
            str(self.socket),
        ]
        super().__init__([*command, *arguments, "--", *agent], {**environment, **own})

    @staticmethod
    def demo() -> tuple[str, ...]:
        """The command of the demo agent."""
        return DEMO

    def status(self) -> dict[str, Any]:
        try:
            return json.loads((self.folder / "status" / f"{self.process.pid}.json").read_text())
        except FileNotFoundError:
            return {}

    def wait_state(self, state: str) -> "AcpClient":
        self.until(lambda: self.status().get("state") == state, f"state {state}")
        return self

    def wait_ready(self) -> "AcpClient":
        return self.wait_state("idle")

    def log(self, what: str = "") -> list[dict[str, Any]]:
        """What its demo agent has really done."""
        return [entry for entry in json_lines(self._log) if not what or entry["what"] == what]

    def record(self, kind: str = "") -> list[dict[str, Any]]:
        """The lines of its record."""
        paths = self.folder.glob(f"*/{self.session}.jsonl")
        return [line for path in paths for line in json_lines(path) if not kind or line["type"] == kind]

    def recorded(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for so many lines of a kind."""
        self.until(lambda: len(self.record(kind)) >= count, f"{count} lines {kind}")
        return self.record(kind)

    def caller(self) -> "RawCaller":
        """A new caller; its connection is closed at the end."""
        self._callers.append(RawCaller(self))
        return self._callers[-1]

    def end(self) -> None:
        for caller in self._callers:
            caller.close()
        super().end()

    def pid_of_agent(self) -> int:
        """The process of its agent."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(self.until(lambda: children.read_text().split(), "its agent")[0])


class RawCaller:
    """A connection to a client's socket, as bytes and as requests. `told` are the lines it was told of."""

    def __init__(self, client: AcpClient) -> None:
        """Connect."""
        self._client = client
        client.until(client.socket.exists, "its socket")
        self.connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.connection.connect(str(client.socket))
        self.connection.setblocking(False)
        self._buffer = b""
        self._count = 0
        self.answers: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self.gone = False

    def send(self, data: bytes) -> None:
        """Write bytes."""
        self.connection.setblocking(True)
        self.connection.sendall(data)
        self.connection.setblocking(False)

    def pump(self) -> None:
        """Take in what was said."""
        self._client.pump()
        while True:
            try:
                data = self.connection.recv(1 << 16)
            except BlockingIOError:
                break
            except ConnectionError:
                data = b""
            if not data:
                self.gone = True
                break
            self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in map(json.loads, lines):
            (self.told if "line" in line else self.answers).append(line.get("line", line))

    def until(self, predicate: Any, why: str) -> Any:  # noqa: ANN401
        def check() -> Any:  # noqa: ANN401
            self.pump()
            return predicate()

        return self._client.until(check, why)

    def begin(self, method: str, **parameters: object) -> int:
        """Send a request; returns its id."""
        self._count += 1
        self.send(json.dumps({"id": self._count, "method": method, **parameters}).encode() + b"\n")
        return self._count

    def answer(self, identity: object) -> Any:  # noqa: ANN401
        """Wait for the answer to a request."""
        return self.until(
            lambda: next((each for each in self.answers if each["id"] == identity), None),
            f"answer {identity}",
        )

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Ask and wait for the answer: its result, or its error."""
        answer = self.answer(self.begin(method, **parameters))
        return answer.get("result", answer.get("error"))

    def close(self) -> None:
        self.connection.close()
