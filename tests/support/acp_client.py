"""A client of the Agent Client Protocol (version 1) for tests: raw JSON-RPC on an agent's pipes."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE = 240.0
Message = dict[str, Any]


class AcpAgent:
    """An agent with pipes, in a process group of its own. A context manager: at its end the group is gone.

    `messages` grows by everything that the agent sends. What it asks (permissions) waits for `answer`.
    """

    def __init__(self, argv: Sequence[str], *, environ: Mapping[str, str], directory: Path) -> None:
        """Start `argv` in `directory`."""
        self.messages: list[Message] = []
        self.stderr: list[str] = []
        self._directory = directory
        self._number = 0
        self._answered: set[int | str] = set()
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            argv,
            env=environ,
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=read, name=f"acp-{read.__name__}", daemon=True)
            for read in (self._read_messages, self._read_stderr)
        ]

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, method: str, params: Message) -> int:
        """Ask for something without waiting; returns the request's id."""
        self._number += 1
        self._write({"id": self._number, "method": method, "params": params})
        return self._number

    def notify(self, method: str, params: Message) -> None:
        """Say something that has no answer."""
        self._write({"method": method, "params": params})

    def result(self, number: int, timeout: float = PATIENCE) -> Message:
        """The result of the request with this id. Raises AssertionError for an error, TimeoutError."""
        found = self.wait_for(lambda message: _answers(message, number), timeout)
        assert "error" not in found, (found["error"], self.stderr[-20:])
        return found["result"]

    def call(self, method: str, params: Message, timeout: float = PATIENCE) -> Message:
        """Ask and wait for the result, as `result` does."""
        return self.result(self.send(method, params), timeout)

    def initialize(self) -> Message:
        """Say which protocol is spoken; returns what the agent can do."""
        can = {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
        return self.call("initialize", {"protocolVersion": 1, "clientCapabilities": can})

    def new_session(self, servers: Sequence[Message] = ()) -> str:
        """Begin a conversation in the agent's folder with these MCP servers; returns its id."""
        given = {"cwd": str(self._directory), "mcpServers": list(servers)}
        return self.call("session/new", given)["sessionId"]

    def load_session(self, session: str, servers: Sequence[Message] = ()) -> Message:
        """Take up a conversation that an earlier agent had."""
        given = {"sessionId": session, "cwd": str(self._directory), "mcpServers": list(servers)}
        return self.call("session/load", given)

    def prompt(self, session: str, text: str) -> int:
        """Give the agent a text; `result` of the id returned is the end of the turn."""
        return self.send("session/prompt", {"sessionId": session, "prompt": [{"type": "text", "text": text}]})

    def turn(self, session: str, text: str, decision: str = "allow_once") -> tuple[Message, list[Message]]:
        """A whole turn: its end, and the permissions asked in it; the option of this kind answers each."""
        number = self.prompt(session, text)
        asked: list[Message] = []
        while True:
            found = self.wait_for(lambda message: self._open(message) or _answers(message, number))
            if "method" not in found:
                return self.result(number), asked
            options = found["params"]["options"]
            chosen = next(option["optionId"] for option in options if option["kind"] == decision)
            self.answer(found, {"outcome": {"outcome": "selected", "optionId": chosen}})
            asked.append(found)

    def asked(self, timeout: float = PATIENCE) -> Message:
        """The agent's first request that has no answer yet."""
        return self.wait_for(self._open, timeout)

    def answer(self, request: Message, result: Message) -> None:
        """Answer a request of the agent."""
        self._answered.add(request["id"])
        self._write({"id": request["id"], "result": result})

    def said(self, session: str) -> str:
        """What the model has said in this conversation, as the agent showed it."""
        with self._changed:
            updates = [
                message["params"]["update"]
                for message in self.messages
                if message.get("method") == "session/update" and message["params"]["sessionId"] == session
            ]
        chunks = [each for each in updates if each["sessionUpdate"] == "agent_message_chunk"]
        return "".join(chunk["content"].get("text", "") for chunk in chunks)

    def wait_for(self, wanted: Callable[[Message], bool], timeout: float = PATIENCE) -> Message:
        """The first message of the agent that is wanted. Raises TimeoutError, also when it has ended."""
        deadline = time.monotonic() + timeout
        seen = 0
        with self._changed:
            while True:
                for message in self.messages[seen:]:
                    if wanted(message):
                        return message
                seen = len(self.messages)
                left = deadline - time.monotonic()
                if left <= 0 or not self._readers[0].is_alive():
                    what = f"no such message within {timeout:g} s (status {self._process.poll()})"
                    msg = f"{what}: {self.messages[-10:]} {self.stderr[-20:]}"
                    raise TimeoutError(msg)
                _ = self._changed.wait(min(left, 1.0))

    def close(self) -> int:
        """End the agent's input; returns its exit code, negative for a signal. Raises TimeoutExpired."""
        assert self._process.stdin
        self._process.stdin.close()
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        """SIGKILL the agent and all of its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def __enter__(self) -> Self:
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        for reader in self._readers:
            reader.join(PATIENCE)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()

    def _open(self, message: Message) -> bool:
        return "method" in message and "id" in message and message["id"] not in self._answered

    def _write(self, message: Message) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self._process.stdin.flush()

    def _read_messages(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            try:
                message = json.loads(line)
            except ValueError:  # Gemini CLI 0.61.0 may print a warning there
                message = {"not_json": line.decode(errors="replace")}
            with self._changed:
                self.messages.append(message)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _read_stderr(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self.stderr.append(line.decode(errors="replace"))


def _answers(message: Message, number: int) -> bool:
    return message.get("id") == number and "method" not in message
