"""OpenCode's API for one session (1.18.33, measured).

`prompt_async` takes the id of the message that it makes, and of its text; ours are made of the offer's key.
A repeated one changes what is there and adds nothing; while the first one runs it joins that turn. So a key
is one prompt. Its answer (204) may come before the prompt is stored: the prompt counts as taken when it is
found. A conversation can be given its id, too, and to make it again changes nothing.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from roost.runtimes import opencode_lines
from roost.runtimes.call import CallLostError, CallRefusedError, Heard
from roost.runtimes.context import Context
from roost.runtimes.opencode_events import Events, Restarted, is_beat, is_noise
from roost.runtimes.opencode_http import ANSWER, Door, Reply, ask, events
from roost.runtimes.opencode_lines import line

DOOR = "opencode-door.json"
"""The file of a session's folder that says where its server listens."""
PAGE = 50
PAGES = 10
"""Messages in one answer, and answers, in which what was missed is looked for."""
SETTLE = 5.0
"""Seconds until a prompt that was not found is looked for again.

A connection that broke may have left a request behind: it is in its program's hands, which may be starting.
"""
STORED = 20.0
"""Seconds for a prompt to be stored after it was accepted: a process that has just started takes some."""
SHOWS = 4
"""How often a terminal is brought to its fresh conversation: at once, and with the next heartbeats."""
BEGUN = 2.0
"""Seconds for the first answer: what comes in as its server has just begun to listen is never answered."""
LOOK = 0.01
JOIN = 0.25
"""Seconds between two looks for a prompt, and between two tries to hear its events."""
GONE = 2.0
"""Seconds without its API until that is told."""
COMPACT = 900.0
"""Seconds for a compaction: its answer comes when it is done."""
OK = 200
NOT_FOUND = 404


def conversation_id(conversation: str) -> str:
    """OpenCode's id of a conversation: the one that it has, or one made of the id that roost chose."""
    return conversation if conversation.startswith("ses") else f"ses_{conversation.replace('-', '')}"


def message_id(conversation: str, key: str) -> str:
    """The id of the message that an offer makes. Ids are unique in a user's store, not in a conversation."""
    return f"msg_{_digest(conversation, key)}"


def _digest(conversation: str, key: str) -> str:
    return hashlib.sha256(f"{conversation} {key}".encode()).hexdigest()[:26]


class OpencodeCall:
    """The API of one live session. Nothing is connected until it is followed."""

    def __init__(self, context: Context) -> None:
        """Call the session of this context."""
        self._context = context
        self._conversation = conversation_id(context.session.conversation or context.session.id)
        self._known: Door | None = None
        self._shows = 0
        self._closed = False

    async def submit(self, key: str, text: str, *, joins: bool) -> None:
        """Give it a prompt; it takes one at any time, and into the turn that runs."""
        del joins
        if await self._stored(key):
            return
        prompt = {
            "messageID": message_id(self._conversation, key),
            "parts": [{"id": f"prt_{_digest(self._conversation, key)}", "type": "text", "text": text}],
        }
        reply = await self._ask("POST", self._path("/prompt_async"), prompt)
        if reply.status == NOT_FOUND:
            await self._begin()
            reply = await self._ask("POST", self._path("/prompt_async"), prompt)
        _accepted(reply)
        clock = asyncio.get_running_loop()
        deadline = clock.time() + STORED
        while not await self._stored(key):
            if clock.time() >= deadline:
                raise CallLostError("it has accepted the prompt and not stored it")
            await asyncio.sleep(LOOK)

    async def has(self, key: str) -> bool:
        """Whether its conversation holds the prompt, or will."""
        if await self._stored(key):
            return True
        await asyncio.sleep(SETTLE)
        return await self._stored(key)

    async def interrupt(self) -> None:
        """End the running turn. What it had not taken yet begins the next one, if it is asked to."""
        _accepted(await self._ask("POST", self._path("/abort")))
        page = _tables(_accepted(await self._ask("GET", self._path(f"/message?limit={PAGE}"))).value())
        waits = opencode_lines.left_over([(each["info"], each["parts"]) for each in page])
        if waits is not None:
            _accepted(await self._ask("POST", self._path("/prompt_async"), waits))

    async def compact(self) -> None:
        """Compact by the model that answered last."""
        model = _table(_table(_accepted(await self._ask("GET", self._path(""))).value()).get("model"))
        if not model:
            raise CallRefusedError("its conversation has nothing to compact")
        body = {"providerID": model.get("providerID"), "modelID": model.get("id")}
        _accepted(await self._ask("POST", self._path("/summarize"), body, COMPACT))

    async def answer(self, request: str, option: str) -> None:
        """Answer a permission (`once`, `always`, `reject`) or a question (an answer's label, `reject`)."""
        name = quote(request, safe="")
        if request.startswith("per"):
            path, body = f"/permission/{name}/reply", {"reply": option}
        elif option == "reject":
            path, body = f"/question/{name}/reject", {}
        else:
            path, body = f"/question/{name}/reply", {"answers": [[option]]}
        _accepted(await self._ask("POST", path, body))

    async def follow(self, heard: Heard) -> None:
        """Read what its API holds, then pass on its events; again when they end, until it is closed."""
        clock = asyncio.get_running_loop()
        told = joined = False
        silent = clock.time()
        while not self._closed:
            try:
                _accepted(await self._ask("GET", "/global/health", bound=BEGUN))
                async with events(self._door(), "/event") as stream:
                    teller = Events(self._conversation)
                    heard(await self._snapshot(teller))
                    told, joined = False, True
                    async for event in stream:
                        if self._closed:
                            return
                        self._tell(teller, event, heard)
                        if is_beat(event):
                            await self._show(teller)
            except Restarted:
                joined, silent = False, clock.time()
                continue
            except (CallRefusedError, CallLostError) as error:
                if joined:
                    joined, silent = False, clock.time()
                if not told and clock.time() - silent >= GONE:
                    told = True
                    heard([line("lost", why=error.message)])
            await asyncio.sleep(JOIN)

    def _tell(self, teller: Events, event: bytes, heard: Heard) -> None:
        if is_noise(event):
            return
        try:
            lines = teller.lines(_table(json.loads(event)))
        except ValueError:
            return
        if lines:
            heard(lines)

    async def close(self) -> None:
        """Follow it no more: its stream is let go of with the next event, or with its end."""
        self._closed = True

    async def _snapshot(self, teller: Events) -> list[bytes]:
        """All that its API holds of the conversation, made if it is not there yet."""
        await self._begin()
        messages = await self._messages()
        self._shows = 0 if messages else SHOWS
        await self._show(teller)
        status = _table(_accepted(await self._ask("GET", "/session/status")).value())
        permissions = _tables(_accepted(await self._ask("GET", "/permission")).value())
        questions = _tables(_accepted(await self._ask("GET", "/question")).value())
        return teller.snapshot(messages, status, permissions, questions)

    async def _begin(self) -> None:
        """Make the conversation where the program works, unless it is there."""
        place = _table(_accepted(await self._ask("GET", "/path")).value())
        location = {"directory": place.get("directory") or str(self._context.directory)}
        body = {"id": self._conversation, "location": location}
        _accepted(await self._ask("POST", "/api/session", body))

    async def _show(self, teller: Events) -> None:
        """Bring the terminal of a fresh conversation to it, as long as nobody is at another one.

        A terminal that is not drawn yet misses it, so it is asked for again; a draft there stays.
        """
        if self._shows and not teller.elsewhere:
            self._shows -= 1
            with contextlib.suppress(CallRefusedError, CallLostError):
                await self._ask("POST", "/tui/select-session", {"sessionID": self._conversation}, BEGUN)

    async def _messages(self) -> list[Mapping[str, Any]]:
        """The messages since the session began, the oldest first, as far as they are few enough."""
        found: list[Mapping[str, Any]] = []
        cursor, began = "", self._context.session.started_at * 1000
        for _ in range(PAGES):
            query = f"?limit={PAGE}" + (f"&before={quote(cursor)}" if cursor else "")
            reply = _accepted(await self._ask("GET", self._path(f"/message{query}")))
            page = _tables(reply.value())
            found = [*page, *found]
            cursor = (reply.head or {}).get("x-next-cursor", "")
            if not cursor or not page or page[0]["info"]["time"]["created"] < began:
                break
        return found

    async def _stored(self, key: str) -> bool:
        reply = await self._ask("GET", self._path(f"/message/{message_id(self._conversation, key)}"))
        return reply.status != NOT_FOUND and bool(_accepted(reply))

    def _path(self, rest: str) -> str:
        return f"/session/{self._conversation}{rest}"

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, bound: float | None = None
    ) -> Reply:
        return await ask(self._door(), method, path, body, bound or ANSWER)

    def _door(self) -> Door:
        """Where its server listens, as it was written down before it was started."""
        if self._known is None:
            path = self._context.home / DOOR
            self._known = read_door(path)
        return self._known


def read_door(path: Path) -> Door:
    """Where a session's server listens: a small file on the disk of our store. Raises CallRefusedError."""
    try:
        known = json.loads(path.read_bytes())
        return Door(int(known["port"]), str(known["password"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CallRefusedError(f"where its API is cannot be read in {path}") from error


def _table(value: object) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _tables(value: object) -> list[Mapping[str, Any]]:
    return [_table(each) for each in cast("list[object]", value)] if isinstance(value, list) else []


def _accepted(reply: Reply) -> Reply:
    """The answer, unless it is a refusal; an error of the server's own leaves open what it has done."""
    if reply.status < 300:  # noqa: PLR2004 -- OK
        return reply
    if reply.status >= 500:  # noqa: PLR2004 -- its own error
        raise CallLostError(f"its API failed ({reply.status}): {_reason(reply)}")
    if reply.status == 401:  # noqa: PLR2004 -- the password
        raise CallRefusedError("its port is taken by another program: `roost restart` gives it another one")
    raise CallRefusedError(f"its API refuses it ({reply.status}): {_reason(reply)}")


def _reason(reply: Reply) -> str:
    """What an answer says of its refusal, in one line."""
    known = _table(reply.value())
    about = _table(known.get("data"))
    words = known.get("message") or about.get("message") or known.get("_tag") or known.get("name") or ""
    return " ".join(str(words).split())[:200] or "without a reason"
