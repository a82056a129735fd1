"""A stand-in for OpenCode's server, for faults that the real one does not make when it is asked to.

It keeps the messages that it is given and tells of them. `faults` strike once for a path: a status; "hang":
no answer; "cut": the request is done and the connection closed; "drop": closed with nothing done.

With `works` a prompt begins a turn, or joins the one that runs, as 1.18.33 does it: a message under an id
that is there begins nothing, a text with HOLD keeps the turn open, one with ASK asks for a permission first.
`python -m tests.support.fake_opencode --port PORT` is the program in a session's terminal: it appends what
truly happened to `$ROOST_DEMO_LOG`, as the demo agent does.
"""

import asyncio
import base64
import contextlib
import http.client
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.support.posting import LISTING, post_to

Body = dict[str, Any]
PASSWORD = "a-password"
HOLD, ASK = "@@hold@@", "@@ask@@"
REQUEST = "per_1"
"""The permission that is asked for."""
_IDLE = {"type": "idle"}


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class FakeOpencode:
    """One server. `asked`: the requests in order. `record`: what happened to it, where it works.

    `page`: how many messages go into one answer.
    """

    def __init__(self, port: int = 0, password: str = PASSWORD) -> None:
        self.port = port
        self._expected = base64.b64encode(f"opencode:{password}".encode()).decode()
        self.works = False
        self.record: list[dict[str, Any]] = []
        self.wrote: Callable[[dict[str, Any]], None] = self.record.append
        self.permissions: list[dict[str, Any]] = []
        self.page = 0
        self._query = ""
        self._cursor = ""
        self.sessions: set[str] = set()
        self.messages: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.faults: dict[str, int | str] = {}
        self.status: dict[str, Any] = {}
        self.late = 0.0
        self.ends_after: str | None = None
        self._streams: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As if its process were killed; its messages stay."""
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.close()
        self._streams.clear()

    def tell(self, kind: str, **properties: object) -> None:
        event = b"data: " + _compact({"type": kind, "properties": properties}) + b"\n\n"
        for writer in self._streams:
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *headers = head.split("\r\n")
            known = {name.lower(): value for name, _, value in (each.partition(": ") for each in headers)}
            body = await reader.readexactly(int(known.get("content-length", 0)))
            method, path, _ = first.split()
            path, _, self._query = path.partition("?")
            self.asked.append(f"{method} {path}")
            if known.get("authorization") != f"Basic {self._expected}":
                self._answer(writer, 401, None)
            else:
                await self._route(writer, method, path, json.loads(body) if body else {})
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _route(self, writer: asyncio.StreamWriter, method: str, path: str, body: Body) -> None:
        name = path.rsplit("/", 1)[-1]
        fault = self.faults.pop(name, None)
        if fault == "drop":
            writer.close()
            return
        if fault == "hang":
            return
        if isinstance(fault, int):
            self._answer(writer, fault, {"name": "Broken", "data": {"message": "made to"}})
            return
        status, value = await self._does(method, path, body, writer)
        if fault == "cut":
            writer.close()
        elif status:
            self._answer(writer, status, value)
        if name == self.ends_after:
            await self.stop()

    async def _does(
        self, method: str, path: str, body: Body, writer: asyncio.StreamWriter
    ) -> tuple[int, Any]:
        match method, path.strip("/").split("/"):
            case "GET", ["event"]:
                self._begin(writer)
                return 0, None
            case "POST", ["api", "session"]:
                self.sessions.add(body["id"])
                return 200, {"data": {"id": body["id"]}}
            case "GET", ["session", "status"]:
                return 200, self.status
            case _, ["session", session, *rest] if rest:
                return self._of_session(session, rest, body)
            case "GET", ["path"]:
                return 200, {"directory": "/w"}
            case "GET", ["session", session]:
                held = any(each["info"]["sessionID"] == session for each in self.messages.values())
                return 200, {"id": session, "model": {"providerID": "fake", "id": "m"} if held else None}
            case "GET", ["permission"]:
                return 200, self.permissions
            case "GET", ["question"]:
                return 200, []
            case "POST", ["permission" | "question" as kind, request, *_] if not request.endswith("_there"):
                return self._replied(kind, request, body)
            case _:
                return 200, True

    def _replied(self, kind: str, request: str, body: Body) -> tuple[int, Any]:
        found = [each for each in self.permissions if each["id"] == request]
        if kind != "permission" or not found:
            return 404, {"_tag": "NotFoundError", "message": f"not found: {request}"}
        if body.get("reply") not in ("once", "always", "reject"):
            return 400, {"name": "BadRequest", "data": {"message": "no such reply"}}
        self.permissions.remove(found[0])
        session = found[0]["sessionID"]
        self.wrote({"what": "resolved", "id": request, "option": body["reply"]})
        self.tell("permission.replied", sessionID=session, requestID=request)
        self.finish(session)
        return 200, True

    def _begin(self, writer: asyncio.StreamWriter) -> None:
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        self._streams.add(writer)
        self.tell("server.connected")

    def _of_session(self, session: str, rest: list[str], body: Body) -> tuple[int, Any]:
        if session not in self.sessions:
            return 404, {"name": "NotFoundError", "data": {"message": "Session not found"}}
        match rest:
            case ["message"]:
                return 200, self._page(session)
            case ["message", message]:
                found = self.messages.get(message)
                return (200, found) if found else (404, {"name": "NotFoundError"})
            case ["prompt_async"]:
                if self.late:
                    asyncio.get_running_loop().call_later(self.late, self.store, session, body)
                else:
                    asyncio.get_running_loop().call_soon(self.store, session, body)
                return 204, None
            case ["abort"]:
                self.finish(session, {"name": "MessageAbortedError", "data": {"message": "Aborted"}})
                return 200, True
            case ["summarize"] if self.works:
                self._step(session, "", summary=True)
                self.wrote({"what": "compacted"})
                self.finish(session)
                return 200, True
            case _:
                return 200, True

    def _page(self, session: str) -> list[dict[str, Any]]:
        """Its messages, with `page` the latest so many of them that are older than the cursor."""
        found = [each for each in self.messages.values() if each["info"]["sessionID"] == session]
        if not self.page:
            return found
        before = self._query.partition("before=")[2]
        end = int(before) if before else len(found)
        start = max(0, end - self.page)
        self._cursor = f"X-Next-Cursor: {start}\r\n" if start else ""
        return found[start:end]

    def store(self, session: str, body: Body) -> None:
        name, known = body["messageID"], body["messageID"] in self.messages
        info = {"id": name, "sessionID": session, "role": "user", "time": {"created": _now()}}
        self.messages[name] = {"info": info, "parts": body["parts"]}
        self.tell("message.updated", sessionID=session, info=info)
        for part in body["parts"]:
            self.tell("message.part.updated", sessionID=session, part={**part, "messageID": name})
        if self.works and known:
            self.wrote({"what": "again", "id": name})
        elif self.works:
            self._take(session, name, "".join(part["text"] for part in body["parts"]))

    def _take(self, session: str, name: str, text: str) -> None:
        """A prompt begins a turn or joins it; the next step is the first that answers it."""
        self.wrote({"what": "prompt", "id": name, "text": text})
        if session not in self.status:
            self.status[session] = {"type": "busy"}
            self.tell("session.status", sessionID=session, status=self.status[session])
        self._step(session, name)
        if ASK in text:
            asked = {"id": REQUEST, "sessionID": session, "permission": "bash", "patterns": ["id"]}
            self.permissions.append(asked)
            self.tell("permission.asked", **asked)
        elif HOLD not in text:
            asyncio.get_running_loop().call_soon(self.finish, session)

    def _step(self, session: str, parent: str, **more: object) -> None:
        name = f"msg_step{len(self.messages)}"
        info = {"id": name, "sessionID": session, "role": "assistant", "parentID": parent}
        self.messages[name] = {"info": {**info, "time": {"created": _now()}, **more}, "parts": []}
        self.tell("message.updated", sessionID=session, info=self.messages[name]["info"])

    def finish(self, session: str, error: Body | None = None) -> None:
        """The turn ends, well or by this error; what it asked for goes with it."""
        steps = [each["info"] for each in self.messages.values() if each["info"]["role"] == "assistant"]
        if not steps or "completed" in steps[-1]["time"]:
            return
        ended = steps[-1]
        ended["time"]["completed"] = _now()
        ended.update({"error": error} if error is not None else {"finish": "stop"})
        self.permissions = [each for each in self.permissions if each["sessionID"] != session]
        self.status.pop(session, None)
        if not ended.get("summary"):
            self.wrote({"what": "turn_end", "text": "interrupted" if error is not None else "done"})
        self.tell("message.updated", sessionID=session, info=ended)
        self.tell("session.status", sessionID=session, status=_IDLE)

    def end_events(self) -> None:
        """Its streams end, and the connections stay."""
        for writer in self._streams:
            writer.write(b"0\r\n\r\n")
        self._streams.clear()

    def hang_up(self) -> None:
        """Its streams of events break."""
        for writer in self._streams:
            writer.close()
        self._streams.clear()

    def _answer(self, writer: asyncio.StreamWriter, status: int, value: object) -> None:
        content = json.dumps(value).encode() if value is not None else b""
        head = f"HTTP/1.1 {status} X\r\n{self._cursor}Content-Length: {len(content)}\r\n\r\n"
        self._cursor = ""
        writer.write(head.encode() + content)
        writer.close()


def _now() -> int:
    """Milliseconds, as its messages have them."""
    return int(time.time() * 1000)


@asynccontextmanager
async def fake_opencode() -> AsyncIterator[FakeOpencode]:
    made = FakeOpencode()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def ask_for_tools() -> None:
    """As 1.18.33 does before anything else: once, and whatever comes of it."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        post_to(os.environ["ROOST_URL"], "/mcp", LISTING, Authorization=f"Bearer {os.environ['ROOST_TOKEN']}")


async def serve(port: int) -> None:
    """Be the program of one session until it is ended."""
    log, session = os.environ.get("ROOST_DEMO_LOG"), os.environ.get("ROOST_SESSION", "")

    def write(entry: dict[str, Any]) -> None:
        if log is not None:
            line = {"ts": time.time(), "pid": os.getpid(), "session": session, **entry}
            with open(log, "a") as file:  # noqa: PTH123 -- before it acts, as the demo agent
                file.write(json.dumps(line) + "\n")

    made = FakeOpencode(port, os.environ["OPENCODE_SERVER_PASSWORD"])
    made.works, made.wrote = True, write
    write({"what": "start"})
    ask_for_tools()
    await made.start()
    sys.stdout.write("a stand-in for OpenCode\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[sys.argv.index("--port") + 1])))
