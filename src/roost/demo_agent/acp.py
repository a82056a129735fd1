"""The demo agent with another face: it speaks ACP on its standard input and output, and has no terminal.

`python -m roost.demo_agent.acp [--state DIR] [--no-load] [--forgets]`: it cannot load conversations, or says
that it can and fails.
"""

import contextlib
import json
import os
import select
import signal
import sys
import time
from types import FrameType
from typing import Any, cast

from roost.demo_agent.conversation import Conversation, ConversationError
from roost.demo_agent.log import Log
from roost.demo_agent.turn import Leave, Outcome, Services, Turn

COMPACT = "/compact"
_PIECE = 1 << 18
_STOPS = {Outcome.DONE: "end_turn", Outcome.FAILED: "end_turn", Outcome.INTERRUPTED: "cancelled"}
_KINDS = {"< ": "agent_message_chunk", "  ": "agent_thought_chunk", "! ": "agent_thought_chunk"}
_OPTIONS = [
    {"optionId": "yes", "name": "Allow once", "kind": "allow_once"},
    {"optionId": "no", "name": "Reject", "kind": "reject_once"},
]
_BAD = -32602
_UNKNOWN = -32601


class RefusedError(Exception):
    """A request that is answered by an error."""

    def __init__(self, code: int, message: str) -> None:
        """Keep the code."""
        super().__init__(message)
        self.code = code


class AcpAgent:
    """The agent between its client and one conversation."""

    def __init__(self, state: str, *, loads: bool, forgets: bool) -> None:
        """Keep conversations in `state`. Raises OSError."""
        self._state = state
        self._loads = loads
        self._forgets = forgets
        self._log = Log(os.environ.get("ROOST_DEMO_LOG", ""), os.environ.get("ROOST_SESSION", ""))
        self._conversation: Conversation | None = None
        self._services: Services | None = None
        self._turn: Turn | None = None
        self._prompt: object = None
        self._asked: int | None = None
        self._count = 0
        self._buffer = b""
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)

    def run(self) -> int:
        """Serve until the client hangs up; return the exit code."""
        try:
            signal.signal(signal.SIGTERM, _leave)
            while True:
                self._step()
        except Leave as leave:
            self._log.write("exit", leave.reason)
            return leave.code

    def _step(self) -> None:
        wait = max(self._turn.until - time.monotonic(), 0) if self._turn and self._turn.until else None
        ready, _, _ = select.select([0, self._woken], [], [], wait)
        if self._woken in ready:
            os.read(self._woken, 4096)
        if 0 in ready:
            data = os.read(0, _PIECE)
            if not data:
                raise Leave(0, "its client has gone")
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            for line in lines:
                self._take(json.loads(line))
        self._advance()

    def _take(self, message: dict[str, Any]) -> None:
        method, identity = message.get("method"), message.get("id")
        if method is None:
            if identity == self._asked and self._turn is not None and self._turn.dialog:
                self._asked = None
                self._turn.answer(allowed=message["result"]["outcome"].get("optionId") == "yes")
            return
        try:
            result = self._do(str(method), identity, cast("dict[str, Any]", message.get("params") or {}))
        except RefusedError as error:
            self._send({"id": identity, "error": {"code": error.code, "message": str(error)}})
            return
        if identity is not None and result is not None:
            self._send({"id": identity, "result": result})

    def _do(self, method: str, identity: object, params: dict[str, Any]) -> dict[str, Any] | None:
        """Return the result; None: it comes later, or nobody waits for it."""
        match method:
            case "initialize":
                can = {"loadSession": self._loads, "mcpCapabilities": {"http": True, "sse": False}}
                info = {"name": "roost-demo-acp", "version": "1"}
                return {"protocolVersion": 1, "agentCapabilities": can, "agentInfo": info, "authMethods": []}
            case "session/new":
                return self._open("", params)
            case "session/load":
                if self._forgets or not self._loads:
                    raise RefusedError(_BAD, "No previous sessions found for this project.")
                return self._open(str(params["sessionId"]), params)
            case "session/prompt":
                self._begin(identity, params)
            case "session/cancel":
                if self._turn is not None:
                    self._turn.interrupt()
            case _:
                raise RefusedError(_UNKNOWN, f"there is no method {method}")
        return None

    def _open(self, identity: str, params: dict[str, Any]) -> dict[str, Any]:
        # Only a fresh conversation pays for this import.
        import uuid  # noqa: PLC0415

        url, token = _server(params)
        try:
            conversation = Conversation(self._state, identity or str(uuid.uuid4()), resume=bool(identity))
        except ConversationError as error:
            raise RefusedError(_BAD, str(error)) from error
        self._conversation = conversation
        self._log.write("start", conversation.id)
        self._services = Services(
            conversation=conversation,
            log=self._log,
            session=os.environ.get("ROOST_SESSION", ""),
            url=url,
            token=token,
            say=self._say,
            wake=self._wake,
            show=lambda: None,
            drop_enters=_nothing,
        )
        for who, text in conversation.history() if identity else ():
            self._update("user_message_chunk" if who == "user" else "agent_message_chunk", text)
        commands = [{"name": "compact", "description": "forget what was said"}]
        update = {"sessionUpdate": "available_commands_update", "availableCommands": commands}
        self._notify(update)
        return {"sessionId": conversation.id} if not identity else {}

    def _begin(self, identity: object, params: dict[str, Any]) -> None:
        if self._turn is not None or self._services is None or self._conversation is None:
            raise RefusedError(_BAD, "a turn runs, or no session is open")
        text = str(params["prompt"][-1]["text"])
        self._prompt = identity
        if text.strip() == COMPACT:
            self._log.write("compact", str(self._conversation.count()))
            self._conversation.compact()
            self._send({"id": identity, "result": {"stopReason": "end_turn"}})
            return
        meta = cast("dict[str, Any]", params.get("_meta") or {})
        self._turn = Turn(text, self._services._replace(traceparent=str(meta.get("traceparent", ""))))

    def _advance(self) -> None:
        turn = self._turn
        if turn is None:
            return
        turn.advance()
        if turn.outcome is not None:
            self._turn, self._asked = None, None
            self._send({"id": self._prompt, "result": {"stopReason": _STOPS[turn.outcome]}})
        elif turn.dialog and self._asked is None:
            self._count += 1
            self._asked = self._count
            call = {
                "toolCallId": f"call-{self._count}",
                "title": "Do something that needs permission",
                "kind": "other",
            }
            params = {"sessionId": self._id, "toolCall": call, "options": _OPTIONS}
            self._send({"id": self._asked, "method": "session/request_permission", "params": params})

    @property
    def _id(self) -> str:
        return self._conversation.id if self._conversation is not None else ""

    def _say(self, text: str, mark: str) -> None:
        if mark in _KINDS:
            self._update(_KINDS[mark], text)
            return
        self._count += 1
        call = {"toolCallId": f"call-{self._count}", "title": text[:200], "status": "completed"}
        self._notify({"sessionUpdate": "tool_call", **call})

    def _update(self, kind: str, text: str) -> None:
        self._notify({"sessionUpdate": kind, "content": {"type": "text", "text": text}})

    def _notify(self, update: dict[str, Any]) -> None:
        self._send({"method": "session/update", "params": {"sessionId": self._id, "update": update}})

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode() + b"\n"
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(1, data) :]

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._waker, b"\0")


def _nothing(_count: int) -> None:
    """There is no Enter to drop."""


def _leave(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise Leave(128 + number, signal.Signals(number).name)


def _server(params: dict[str, Any]) -> tuple[str, str]:
    """Return URL and token of the message service, "" where the client gave none."""
    for server in params.get("mcpServers") or ():
        if server.get("type") == "http":
            headers = {each["name"]: each["value"] for each in server.get("headers") or ()}
            return str(server["url"]).removesuffix("/mcp"), headers.get("Authorization", "").removeprefix(
                "Bearer "
            )
    return "", ""


def main(arguments: list[str]) -> int:
    """Run the agent; return its exit code (1: it cannot start)."""
    state = os.environ.get("ROOST_DEMO_STATE") or os.path.expanduser("~/.roost-demo")
    if "--state" in arguments[:-1]:
        state = arguments[arguments.index("--state") + 1]
    try:
        agent = AcpAgent(
            os.path.abspath(state), loads="--no-load" not in arguments, forgets="--forgets" in arguments
        )
    except OSError as error:
        sys.stderr.write(f"Cannot start: {error}\n")
        return 1
    return agent.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
