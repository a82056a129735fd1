"""A stand-in for a Codex app-server: the same frames, as many threads as wanted, and faults to order.

`python -m tests.support.app_server SOCKET TRUTH` serves until it is ended. TRUTH gets a line for each prompt
that was taken. Methods that begin with `test/` are orders: `test/fault` strikes the next `turn/start`
(`lost`: not taken, `unheard`: taken; the connection breaks), `test/tell` sends a notification to everybody,
`test/unload` takes a thread away without a word, `test/finish` ends a turn, `test/run` runs a command as the
shell tool of a thread does. The frames are those of 0.171.0 (tests/data/codex_server).
"""

import asyncio
import contextlib
import copy
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed

Frame = dict[str, Any]
HOLD = "@@hold@@"
"""A turn with this text goes on until `test/finish`; one with ASK asks for an approval first."""
ASK = "@@ask@@"


class Refused(Exception):
    """An error of the protocol."""


class Thread:
    """One thread: its turns, who follows it, what it asks."""

    def __init__(self, cwd: str, *, ephemeral: bool = False, ident: str | None = None) -> None:
        # As the real ones, it begins with the time.
        self.id = ident or str(uuid.UUID(int=time.time_ns() << 64))
        self.cwd = cwd
        self.ephemeral = ephemeral
        self.turns: list[Frame] = []
        self.followers: set[ServerConnection] = set()
        self.asks: Frame | None = None

    @property
    def running(self) -> Frame | None:
        """The turn that runs."""
        return next((turn for turn in self.turns if turn["status"] == "inProgress"), None)

    def status(self) -> Frame:
        """As `thread/status/changed` tells it."""
        flags = ["waitingOnApproval"] if self.asks is not None else []
        return {"type": "active", "activeFlags": flags} if self.running else {"type": "idle"}

    def about(self) -> Frame:
        """As the answers hold it."""
        whose = {"ephemeral": self.ephemeral, "parentThreadId": None, "threadSource": "user"}
        return {"id": self.id, "status": self.status(), "cwd": self.cwd, **whose}


class AppServer:
    """All threads and connections."""

    def __init__(self, truth: Path) -> None:
        self.threads: dict[str, Thread] = {}
        self.connections: set[ServerConnection] = set()
        self.fault = ""
        self.answers: list[Frame] = []
        self.meanwhile: list[Callable[[Thread], Awaitable[object]]] = []
        self._truth = truth

    async def serve(self, connection: ServerConnection) -> None:
        """Answer one client until it leaves."""
        self.connections.add(connection)
        try:
            async for line in connection:
                await self._take(connection, json.loads(line))
        finally:
            self.connections.discard(connection)
            for thread in self.threads.values():
                thread.followers.discard(connection)

    async def _take(self, connection: ServerConnection, frame: Frame) -> None:
        if "method" not in frame:
            await self._resolved(frame)
            return
        if "id" not in frame:
            return
        try:
            answer: Frame = {
                "result": await self._answer(connection, frame["method"], frame.get("params") or {})
            }
        except Refused as refused:
            answer = {"error": {"code": -32600, "message": str(refused)}}
        await _send(connection, json.dumps({**answer, "id": frame["id"]}))

    async def _answer(self, connection: ServerConnection, method: str, params: Frame) -> Frame:
        match method:
            case "initialize":
                return {"userAgent": "stand-in"}
            case "test/fault":
                self.fault = params["fault"]
                return {}
            case "test/tell":
                await self._everybody(params["method"], **params["params"])
                return {}
            case "thread/start":
                about = {"ephemeral": params.get("ephemeral", False), "ident": params.get("test/id")}
                thread = Thread(params.get("cwd") or "/", **about)
                self.threads[thread.id] = thread
                thread.followers.add(connection)
                await self._everybody("thread/started", thread=thread.about())
                return {"thread": thread.about()}
            case "thread/loaded/list":
                return {"data": list(self.threads), "nextCursor": None}
            case _:
                return await self._of_thread(connection, method, params)

    async def _of_thread(self, connection: ServerConnection, method: str, params: Frame) -> Frame:
        thread = self.threads.get(params["threadId"])
        if thread is None or (method == "thread/resume" and not thread.turns):
            raise Refused(f"no rollout found for thread id {params['threadId']}")
        match method:
            case "thread/resume":
                thread.followers.add(connection)
                if thread.asks is not None:
                    await _send(connection, json.dumps(thread.asks))
                return {"thread": thread.about()}
            case "thread/read":
                return {"thread": thread.about()}
            case "thread/unsubscribe":
                thread.followers.discard(connection)
                return {"status": "unsubscribed"}
            case "thread/turns/list":
                return await self._page(thread, int(params.get("cursor") or 0), params.get("limit", 10))
            case "test/unload":
                del self.threads[thread.id]
                return {}
            case "test/run":
                return await _shell(thread, params)
            case _:
                return await self._of_turn(connection, thread, method, params)

    async def _page(self, thread: Thread, begin: int, limit: int) -> Frame:
        """Turns, the latest first; `meanwhile` comes between the first page and the next one."""
        meanwhile = self.meanwhile if begin else []
        while meanwhile:
            await meanwhile.pop(0)(thread)
        end = begin + limit
        data = copy.deepcopy(thread.turns[::-1][begin:end])
        return {"data": data, "nextCursor": str(end) if end < len(thread.turns) else None}

    async def _of_turn(
        self, connection: ServerConnection, thread: Thread, method: str, params: Frame
    ) -> Frame:
        match method:
            case "turn/start":
                return await self._begin(connection, thread, params)
            case "turn/steer":
                turn = thread.running
                if turn is None or turn["id"] != params["expectedTurnId"]:
                    raise Refused("no active turn to steer")
                await self._prompt(thread, turn, params)
                return {"turnId": turn["id"]}
            case "thread/compact/start":
                turn = {
                    "id": str(uuid.uuid4()),
                    "items": [],
                    "status": "inProgress",
                    "startedAt": int(time.time()),
                }
                thread.turns.append(turn)
                item = {
                    "type": "contextCompaction",
                    "id": str(uuid.uuid4()),
                    "completedAtMs": int(time.time() * 1000),
                }
                turn["items"].append(item)
                await self._followers(thread, "item/completed", item=item, turnId=turn["id"])
                self._later(thread)
                return {}
            case "turn/interrupt" | "test/finish":
                await self.end(thread, "interrupted" if method == "turn/interrupt" else "completed")
                return {}
            case _:
                raise Refused(f"unknown method {method}")

    async def _begin(self, connection: ServerConnection, thread: Thread, params: Frame) -> Frame:
        fault, self.fault = self.fault, ""
        if fault == "lost":
            connection.transport.abort()
            return {}
        turn = thread.running or await self.begin(thread)
        text = await self._prompt(thread, turn, params)
        if fault == "unheard":
            connection.transport.abort()
        if ASK in text:
            await self._ask(thread, turn)
        elif HOLD not in text:
            asyncio.get_running_loop().call_soon(self._later, thread)
        return {"turn": {"id": turn["id"], "items": [], "status": "inProgress"}}

    async def begin(self, thread: Thread) -> Frame:
        """Begin a turn."""
        turn: Frame = {
            "id": str(uuid.uuid4()),
            "items": [],
            "status": "inProgress",
            "startedAt": int(time.time()),
        }
        thread.turns.append(turn)
        await self._everybody("thread/status/changed", threadId=thread.id, status=thread.status())
        await self._followers(thread, "turn/started", turn={"id": turn["id"]})
        return turn

    def _later(self, thread: Thread) -> None:
        self._ending = asyncio.ensure_future(self.end(thread, "completed"))

    async def _prompt(self, thread: Thread, turn: Frame, params: Frame) -> str:
        text = params["input"][0]["text"]
        item = {
            "type": "userMessage",
            "id": str(uuid.uuid4()),
            "clientId": params.get("clientUserMessageId"),
            "content": [{"type": "text", "text": text}],
        }
        turn["items"].append(item)
        with self._truth.open("a") as file:
            file.write(json.dumps({"thread": thread.id, "key": item["clientId"], "text": text}) + "\n")
        await self._followers(thread, "item/completed", item=item, turnId=turn["id"])
        return text

    async def _ask(self, thread: Thread, turn: Frame) -> None:
        about = {
            "threadId": thread.id,
            "turnId": turn["id"],
            "command": "/bin/bash -lc id",
            "reason": "it has to",
        }
        thread.asks = {"method": "item/commandExecution/requestApproval", "id": 0, "params": about}
        await self._everybody("thread/status/changed", threadId=thread.id, status=thread.status())
        for follower in list(thread.followers):
            await _send(follower, json.dumps(thread.asks))

    async def _resolved(self, answer: Frame) -> None:
        """Somebody has answered what a thread asks: the first answer counts."""
        for thread in self.threads.values():
            if thread.asks is not None and thread.asks["id"] == answer["id"]:
                thread.asks = None
                self.answers.append(answer)
                await self._followers(thread, "serverRequest/resolved", requestId=answer["id"])
                await self.end(thread, "completed")

    async def end(self, thread: Thread, status: str) -> None:
        """End the turn that runs."""
        turn = thread.running
        if turn is None:
            return
        turn["status"], thread.asks = status, None
        item = {"type": "agentMessage", "id": str(uuid.uuid4()), "text": "done"}
        turn["items"].append(item)
        await self._followers(thread, "item/completed", item=item, turnId=turn["id"])
        await self._everybody("thread/status/changed", threadId=thread.id, status=thread.status())
        await self._followers(
            thread, "turn/completed", turn={"id": turn["id"], "status": status, "error": None}
        )

    async def _followers(self, thread: Thread, method: str, **params: object) -> None:
        frame = json.dumps({"method": method, "params": {"threadId": thread.id, **params}})
        for follower in list(thread.followers):
            await _send(follower, frame)

    async def _everybody(self, method: str, **params: object) -> None:
        for connection in list(self.connections):
            await _send(connection, json.dumps({"method": method, "params": params}))


async def _shell(thread: Thread, params: Frame) -> Frame:
    """Run a command below this process, which holds the thread's lock and tells the command which it is."""
    locks = Path(os.environ["HOME"]) / ".codex/thread-writer-locks"
    locks.mkdir(parents=True, exist_ok=True)
    environ = {**params["env"], "CODEX_THREAD_ID": thread.id}
    pipe = subprocess.PIPE
    with (locks / f"{thread.id}.lock").open("w"):
        process = await asyncio.create_subprocess_exec(
            *params["argv"], env=environ, cwd=thread.cwd, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
        out, error = await process.communicate()
    return {"code": process.returncode, "out": out.decode(), "error": error.decode()}


async def _send(connection: ServerConnection, frame: str) -> None:
    """Send to somebody who may have left."""
    with contextlib.suppress(ConnectionClosed):
        await connection.send(frame)


async def main(socket: str, truth: str) -> None:
    """Serve until ended."""
    async with unix_serve(AppServer(Path(truth)).serve, socket, max_size=None, compression=None):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    Path(sys.argv[1]).unlink(missing_ok=True)
    asyncio.run(main(sys.argv[1], sys.argv[2]))
