"""A stand-in for OpenCode's server, for faults that the real one does not make when it is asked to.

It keeps the messages that it is given and tells of them. `faults` strike once for a path: a status; "hang":
no answer; "cut": the request is done and the connection closed; "drop": closed with nothing done.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

Body = dict[str, Any]
PASSWORD = "a-password"
_EXPECTED = base64.b64encode(f"opencode:{PASSWORD}".encode()).decode()


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class FakeOpencode:
    """One server. `asked`: the requests in order."""

    def __init__(self) -> None:
        self.port = 0
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
            path = path.partition("?")[0]
            self.asked.append(f"{method} {path}")
            if known.get("authorization") != f"Basic {_EXPECTED}":
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
            case "GET", ["permission" | "question"]:
                return 200, []
            case "POST", ["permission", request, "reply"] if request != "per_there":
                return 404, {"_tag": "PermissionNotFoundError", "message": f"not found: {request}"}
            case _:
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
                return 200, [each for each in self.messages.values() if each["info"]["sessionID"] == session]
            case ["message", message]:
                found = self.messages.get(message)
                return (200, found) if found else (404, {"name": "NotFoundError"})
            case ["prompt_async"]:
                asyncio.get_running_loop().call_later(self.late, self.store, session, body)
                return 204, None
            case _:
                return 200, True

    def store(self, session: str, body: Body) -> None:
        name = body["messageID"]
        info = {"id": name, "sessionID": session, "role": "user", "time": {"created": 1000}}
        self.messages[name] = {"info": info, "parts": body["parts"]}
        self.tell("message.updated", sessionID=session, info=info)
        for part in body["parts"]:
            self.tell("message.part.updated", sessionID=session, part={**part, "messageID": name})

    def _answer(self, writer: asyncio.StreamWriter, status: int, value: object) -> None:
        content = json.dumps(value).encode() if value is not None else b""
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(content), content))
        writer.close()


@asynccontextmanager
async def fake_opencode() -> AsyncIterator[FakeOpencode]:
    made = FakeOpencode()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
