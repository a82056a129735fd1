"""Programs that are called, for the contract of calls: the twin, a client with its agent, two stand-ins.

Each is followed from its start. `told` counts what its call passed on, `yes` is what allows something.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from websockets.asyncio.server import unix_serve

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, WakeCause
from roost.daemon.state.tasks import Tasks
from roost.runtimes.acp_call import AcpCall
from roost.runtimes.call import Call
from roost.runtimes.codex_server.connection import Connection
from roost.runtimes.codex_server.server import Wiring
from roost.runtimes.codex_server.servers import Servers
from roost.runtimes.codex_server.thread import JOINED, ThreadCall
from roost.runtimes.context import Context
from roost.runtimes.memory_call import Fault, MemoryCall
from roost.runtimes.opencode_api import DOOR
from roost.runtimes.opencode_call import OpencodeCall, message_id
from tests.support import app_server, fake_opencode
from tests.support.acp_session import AcpClient
from tests.support.app_server import AppServer
from tests.support.fake_opencode import FakeOpencode
from tests.support.home import Home
from tests.support.lines import json_lines
from tests.support.wait import eventually

PATIENCE = 30.0
Entry = dict[str, Any]
_CONVERSATION = "ses_1"
_STOPS = {"interrupted": "cancelled", "completed": "end_turn", "done": "end_turn"}


class Program(Protocol):
    """One program behind a call."""

    call: Call
    told: list[bytes]
    yes: str

    async def record(self) -> list[Entry]:
        """What happened to it: `prompt` (`key`, `text`), `turn_end` (`stop`), `resolved`, `compacted`."""
        ...

    async def stays(self, key: str) -> None:
        """A turn that goes on."""
        ...

    async def ends(self, key: str) -> None:
        """A turn that ends by itself, and its end."""
        ...

    async def asks(self, key: str) -> str:
        """A turn that asks for a permission; returns the request."""
        ...

    async def loses(self, key: str) -> None:
        """A prompt whose answer does not come."""
        ...

    async def breaks(self) -> bool:
        """Its connection breaks; False where it has none."""
        ...


class Heard:
    """What a call passed on; no lines mean that a record has grown."""

    def __init__(self) -> None:
        self.told: list[bytes] = []

    def __call__(self, lines: Sequence[bytes]) -> None:
        self.told += lines or [b""]

    def lines(self) -> list[Entry]:
        return [json.loads(line) for line in self.told if line]


class Memory:
    """The twin."""

    yes = "yes"

    def __init__(self, heard: Heard) -> None:
        self.twin = MemoryCall()
        self.call: Call = self.twin
        self.told = heard.told

    async def record(self) -> list[Entry]:
        return [json.loads(line) for line in self.twin.lines]

    async def stays(self, key: str) -> None:
        await self.call.submit(key, "stay", joins=False)

    async def ends(self, key: str) -> None:
        await self.call.submit(key, key, joins=False)
        self.twin.end()

    async def asks(self, key: str) -> str:
        await self.call.submit(key, "ask", joins=False)
        self.twin.ask("q1", "may I?")
        return "q1"

    async def loses(self, key: str) -> None:
        self.twin.fault = Fault.UNHEARD
        await self.call.submit(key, key, joins=False)

    async def breaks(self) -> bool:
        return False


class Acp:
    """The client with the demo agent."""

    yes = "yes"

    def __init__(self, client: AcpClient, heard: Heard) -> None:
        self.client = client
        self.call: Call = AcpCall(client.socket)
        self.told = heard.told

    async def record(self) -> list[Entry]:
        return self.client.record()

    async def stays(self, key: str) -> None:
        await self.call.submit(key, "@@delay 600@@", joins=False)

    async def ends(self, key: str) -> None:
        await self.call.submit(key, key, joins=False)
        await eventually(lambda: self.client.status().get("state") == "idle", timeout=PATIENCE, why="at rest")

    async def asks(self, key: str) -> str:
        await self.call.submit(key, "@@ask@@", joins=False)
        await eventually(lambda: self.client.record("permission"), timeout=PATIENCE, why="it asks")
        return self.client.record("permission")[-1]["id"]

    async def loses(self, key: str) -> None:
        self.client.process.send_signal(signal.SIGSTOP)
        try:
            await self.call.submit(key, key, joins=False)
        finally:
            self.client.process.send_signal(signal.SIGCONT)

    async def breaks(self) -> bool:
        self.client.caller()  # which takes its place
        return True


class Opencode:
    """OpenCode's server, which keeps what it was given under ids of its own."""

    yes = "once"

    def __init__(self, server: FakeOpencode, call: OpencodeCall, heard: Heard) -> None:
        self.server = server
        self.call: Call = call
        self.told = heard.told
        self._heard = heard

    async def record(self) -> list[Entry]:
        keys = {message_id(_CONVERSATION, key): key for key in ("k1", "k2")}
        found: list[Entry] = []
        for entry in self.server.record:
            made = {**entry, "type": entry["what"]}
            if entry["what"] == "prompt":
                made["key"] = keys[entry["id"]]
            elif entry["what"] == "turn_end":
                made["stop"] = _STOPS[entry["text"]]
            found.append(made)
        return found

    async def heard(self, fits: Callable[[Entry], bool], why: str) -> None:
        """Until that is the latest thing of its kind that its events told."""
        await eventually(lambda: any(map(fits, self._heard.lines()[-4:])), timeout=PATIENCE, why=why)

    async def stays(self, key: str) -> None:
        await self.call.submit(key, fake_opencode.HOLD, joins=False)
        await self.heard(lambda line: line.get("is") == "busy", "it works")

    async def ends(self, key: str) -> None:
        await self.call.submit(key, key, joins=False)
        await eventually(lambda: not self.server.status, timeout=PATIENCE, why="at rest")
        await self.heard(lambda line: line.get("is") == "idle", "it rests")

    async def asks(self, key: str) -> str:
        await self.call.submit(key, fake_opencode.ASK, joins=False)
        await self.heard(lambda line: bool(line.get("texts")), "it asks")
        return fake_opencode.REQUEST

    async def loses(self, key: str) -> None:
        self.server.faults["prompt_async"] = "cut"
        await self.call.submit(key, key, joins=False)

    async def breaks(self) -> bool:
        self.server.hang_up()
        return True


class Thread:
    """A thread of a Codex app-server."""

    yes = "accept"

    def __init__(self, server: AppServer, truth: Path, call: ThreadCall, heard: Heard) -> None:
        self.server = server
        self.truth = truth
        self.call: Call = call
        self.told = heard.told
        self._heard = heard

    async def record(self) -> list[Entry]:
        prompts = [{"type": "prompt", **line} for line in json_lines(self.truth)]
        answers = [
            {"type": "resolved", "id": str(each["id"]), "option": each["result"]["decision"]}
            for each in self.server.answers
        ]
        return [*prompts, *answers, *self._of_turns()]

    def _of_turns(self) -> list[Entry]:
        found: list[Entry] = []
        for turn in next(iter(self.server.threads.values())).turns:
            if any(item["type"] == "contextCompaction" for item in turn["items"]):
                found.append({"type": "compacted"})
            elif turn["status"] != "inProgress":
                found.append({"type": "turn_end", "stop": _STOPS[turn["status"]]})
        return found

    async def heard(self, *words: str) -> None:
        """Until its latest lines hold these words."""

        def there() -> bool:
            return any(all(word in line for word in words) for line in map(str, self._heard.lines()[-6:]))

        await eventually(there, timeout=PATIENCE, why=f"{words} are told")

    async def stays(self, key: str) -> None:
        await self.call.submit(key, app_server.HOLD, joins=False)
        await self.heard("item/completed", key)

    async def ends(self, key: str) -> None:
        before = len(self.told)
        await self.call.submit(key, key, joins=False)
        await eventually(
            lambda: any(b"turn/completed" in line for line in self.told[before:]),
            timeout=PATIENCE,
            why="its end is told",
        )

    async def asks(self, key: str) -> str:
        await self.call.submit(key, app_server.ASK, joins=False)
        await self.heard("requestApproval")
        return "0"

    async def loses(self, key: str) -> None:
        self.server.fault = "unheard"
        await self.call.submit(key, key, joins=False)

    async def breaks(self) -> bool:
        for each in list(self.server.connections):
            each.transport.abort()
        return True


class Senses:
    """The server's process is known and lives."""

    process = ProcessId("boot", 7, 1)

    async def behind(self, connection: Connection) -> ProcessId | None:
        del connection
        return self.process

    async def dead(self, process: ProcessId) -> bool:
        del process
        return False

    async def gone(self, process: ProcessId) -> None:
        del process
        await asyncio.get_running_loop().create_future()


@asynccontextmanager
async def _followed(call: Call, heard: Heard) -> AsyncIterator[None]:
    """What the call passes on is heard, from its first line on."""
    following = asyncio.ensure_future(call.follow(heard))
    try:
        if not isinstance(call, MemoryCall):
            await eventually(lambda: heard.told, timeout=PATIENCE, why="it is followed")
        else:
            await following
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


@asynccontextmanager
async def memory(_home: Home) -> AsyncIterator[Program]:
    heard = Heard()
    made = Memory(heard)
    async with _followed(made.call, heard):
        yield made


@asynccontextmanager
async def acp(home: Home) -> AsyncIterator[Program]:
    client, heard = AcpClient(home.work, dict(os.environ)), Heard()
    try:
        await asyncio.to_thread(client.wait_ready)
        made = Acp(client, heard)
        async with _followed(made.call, heard):
            yield made
    finally:
        await asyncio.to_thread(client.end)


@asynccontextmanager
async def opencode(home: Home) -> AsyncIterator[Program]:
    heard = Heard()
    async with fake_opencode.fake_opencode() as server:
        server.works = True
        door = {"port": server.port, "password": fake_opencode.PASSWORD}
        (home.work / DOOR).write_text(json.dumps(door))
        call = OpencodeCall(_context(home))
        async with _followed(call, heard):
            yield Opencode(server, call, heard)


@asynccontextmanager
async def thread(home: Home) -> AsyncIterator[Thread]:
    truth, path = home.work / "truth", home.work / "s"
    server, tasks, servers, heard = AppServer(truth), Tasks(), Servers(), Heard()
    servers.wire(Wiring(Senses(), tasks.start, lambda _ends: None))
    async with unix_serve(server.serve, str(path), max_size=None, compression=None):
        call = ThreadCall(servers.at(f"unix:{path}"), "session", None, 0.0)
        try:
            await call.join("/", {}, begins=True)
            async with _followed(call, heard):
                await eventually(lambda: JOINED in str(heard.told), timeout=PATIENCE, why="it is joined")
                yield Thread(server, truth, call, heard)
        finally:
            await servers.close()
            await tasks.close()


def _context(home: Home) -> Context:
    session = Session("s", "a", 1, "n", WakeCause.FIRST_WAKE, False, 0.0, 0.0, conversation=_CONVERSATION)
    settings = Settings(str(home.work), "opencode")
    return Context(session, settings, home.work, home.work, {}, "http://127.0.0.1:1", home.work / "call")


PROGRAMS: Mapping[str, Callable[[Home], AbstractAsyncContextManager[Program]]] = {
    "memory": memory,
    "acp": acp,
    "opencode": opencode,
    "codex-thread": thread,
}
"""What makes each, and ends it."""
