"""Somebody else at a Codex app-server: another client of the same threads."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect, unix_connect

PATIENCE = 240.0
Frame = dict[str, Any]


@dataclass(slots=True)
class CodexClient:
    """One connection, used step by step; `told` keeps what the server said by itself."""

    address: str
    told: list[Frame] = field(default_factory=list[Frame])
    _wire: ClientConnection | None = None
    _open: ExitStack = field(default_factory=ExitStack)
    _number: int = 0

    def __enter__(self) -> Self:
        if self.address.startswith("unix:"):
            opening = unix_connect(self.address.removeprefix("unix:"), "ws://localhost/", max_size=None)
        else:
            opening = connect(self.address, max_size=None)
        self._wire = self._open.enter_context(opening)
        about = {"name": "other", "title": "Other", "version": "1"}
        self.ask("initialize", clientInfo=about, capabilities={"experimentalApi": True})
        self.wire.send(json.dumps({"method": "initialized"}))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def wire(self) -> ClientConnection:
        """The open connection."""
        assert self._wire is not None
        return self._wire

    def ask(self, method: str, **params: Any) -> Any:  # noqa: ANN401 -- JSON
        """Ask and return the result."""
        return self.send(method, params)

    def send(self, method: str, params: Frame) -> Any:  # noqa: ANN401 -- JSON
        """As `ask`, whatever the parameters are called."""
        self._number += 1
        number = self._number
        self.wire.send(json.dumps({"id": number, "method": method, "params": params}))
        answer = self._until(lambda frame: frame.get("id") == number and "method" not in frame)
        assert "error" not in answer, answer
        return answer["result"]

    def reply(self, request: Frame, **result: Any) -> None:  # noqa: ANN401 -- JSON
        """Answer a request of the server."""
        self.wire.send(json.dumps({"id": request["id"], "result": result}))

    def until(self, method: str) -> Frame:
        """The next thing of this kind that the server says, or one that it has said."""
        for frame in self.told:
            if frame["method"] == method:
                self.told.remove(frame)
                return frame
        found = self._until(lambda frame: frame.get("method") == method)
        self.told.remove(found)
        return found

    def _until(self, fits: Callable[[Frame], bool]) -> Frame:
        while True:
            frame: Frame = json.loads(self.wire.recv(PATIENCE))
            if "method" in frame:
                self.told.append(frame)
            if fits(frame):
                return frame

    # threads

    def begin(self, directory: str) -> str:
        """A thread of its own."""
        started = self.ask(
            "thread/start", cwd=directory, approvalPolicy="on-request", sandbox="workspace-write"
        )
        return started["thread"]["id"]

    def turn(self, thread: str, text: str) -> str:
        """Begin a turn; returns its id."""
        given = [{"type": "text", "text": text, "text_elements": []}]
        return self.ask("turn/start", threadId=thread, input=given)["turn"]["id"]

    def resume(self, thread: str) -> None:
        """Follow a thread."""
        self.ask("thread/resume", threadId=thread, excludeTurns=True)

    def loaded(self) -> list[str]:
        """The threads that the server has loaded."""
        return self.ask("thread/loaded/list")["data"]
