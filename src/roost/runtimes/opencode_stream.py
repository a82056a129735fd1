"""What one OpenCode session tells: all that its API holds, then its events (1.18.33)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast
from urllib.parse import quote

from roost.foreign import decode
from roost.runtimes.call import CallLostError, CallRefusedError, Heard
from roost.runtimes.opencode_api import BEGUN, Api, table, tables
from roost.runtimes.opencode_events import Events, Restarted, is_beat, is_noise
from roost.runtimes.opencode_lines import line

PAGE = 50
PAGES = 10
"""Messages in one answer, and answers, in which what was missed is looked for."""
SHOWS = 4
"""How often a terminal is brought to its fresh conversation: at once, and with the next heartbeats."""
SETTLED = 1.0
"""Seconds after all was read in which an end of a turn is asked for: it may be that of an earlier one."""
JOIN = 0.25
"""Seconds between two tries to hear its events."""
GONE = 2.0
"""Seconds without its API until that is told."""


class Stream:
    """What one session tells, for as long as it is followed."""

    def __init__(self, api: Api, began: float) -> None:
        """Read what is not older than the session, which began then (Unix seconds)."""
        self._api = api
        self._began = began
        self._shows = 0
        self._joined = False
        self.teller: Events | None = None
        """Knows what the session does, while it is heard."""
        self.closed = False

    async def follow(self, heard: Heard) -> None:
        """Tell all that its API holds, then its events; again when they end, until it is closed."""
        clock = asyncio.get_running_loop()
        told, silent = False, clock.time()
        while not self.closed:
            try:
                await self._hear(heard)
            except (Restarted, CallRefusedError, CallLostError) as error:
                self.teller = None
                if self._joined:
                    self._joined, told, silent = False, False, clock.time()
                if not told and clock.time() - silent >= GONE:
                    told = True
                    heard([line("lost", why=str(error))])
            await asyncio.sleep(JOIN)

    async def _hear(self, heard: Heard) -> None:
        await self._api.get("/global/health", BEGUN)
        async with self._api.events() as stream:
            teller = Events(self._api.conversation)
            heard(await self._snapshot(teller))
            self._joined, self.teller = True, teller
            await self._pass_on(stream, teller, heard)

    async def _pass_on(self, stream: AsyncIterator[bytes], teller: Events, heard: Heard) -> None:
        """Pass on events. The first ones may be older than what was read just before."""
        clock = asyncio.get_running_loop()
        settled = clock.time() + SETTLED
        async for event in stream:
            if self.closed:
                return
            if is_beat(event):
                await self._show(teller)
            if is_noise(event):
                continue
            known = _object(event)
            if clock.time() < settled and teller.ends(known) and await self._works():
                continue
            if lines := teller.lines(known):
                heard(lines)

    async def _works(self) -> bool:
        """Whether a turn runs now."""
        status = table(await self._api.get("/session/status")).get(self._api.conversation)
        return status is not None and status.get("type") != "idle"

    async def _snapshot(self, teller: Events) -> list[bytes]:
        """All that its API holds of the conversation, made if it is not there yet."""
        await self._api.begin()
        messages = await self._messages()
        self._shows = 0 if messages else SHOWS
        await self._show(teller)
        status = table(await self._api.get("/session/status"))
        permissions = tables(await self._api.get("/permission"))
        questions = tables(await self._api.get("/question"))
        return teller.snapshot(messages, status, permissions, questions)

    async def _show(self, teller: Events) -> None:
        """Bring the terminal of a fresh conversation to it, as long as nobody is at another one.

        A terminal that is not drawn yet misses it, so it is asked for again; a draft there stays.
        """
        if self._shows and not teller.elsewhere:
            self._shows -= 1
            with contextlib.suppress(CallRefusedError, CallLostError):
                await self._api.post("/tui/select-session", {"sessionID": self._api.conversation}, BEGUN)

    async def _messages(self) -> list[Mapping[str, Any]]:
        """The messages since the session began, the oldest first, as far as they are few enough."""
        found: list[Mapping[str, Any]] = []
        cursor, began = "", self._began * 1000
        for _ in range(PAGES):
            query = f"?limit={PAGE}" + (f"&before={quote(cursor)}" if cursor else "")
            reply = await self._api.get(self._api.path(f"/message{query}"))
            page = tables(reply)
            found = [*page, *found]
            cursor = (reply.head or {}).get("x-next-cursor", "")
            if not cursor or not page or page[0]["info"]["time"]["created"] < began:
                break
        return found


def _object(event: bytes) -> Mapping[str, Any]:
    try:
        known: object = decode(event)
    except ValueError:
        return {}
    return cast("dict[str, Any]", known) if isinstance(known, dict) else {}
