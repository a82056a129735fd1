"""The call channel of one OpenCode session (1.18.33, measured).

`prompt_async` takes the id of the message that it makes, and of its text; ours are made of the offer's key.
A repeated one changes what is there and adds nothing; while the first one runs it joins that turn. So a key
is one prompt. Its answer (204) may come before the prompt is stored: the prompt counts as taken when it is
found. A conversation can be given its id, too, and to make it again changes nothing.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from roost.runtimes import opencode_lines
from roost.runtimes.call import CallLostError, CallRefusedError, Heard
from roost.runtimes.context import Context
from roost.runtimes.opencode_api import Api, NotThereError, table, tables
from roost.runtimes.opencode_stream import PAGE, Stream

SETTLE = 5.0
"""Seconds until a prompt that was not found is looked for again.

A connection that broke may have left a request behind: it is in its program's hands, which may be starting.
"""
STORED = 20.0
"""Seconds for a prompt to be stored after it was accepted: a process that has just started takes some."""
LOOK = 0.01
"""Seconds between two looks for it."""
COMPACT = 900.0
"""Seconds for a compaction: its answer comes when it is done."""


def message_id(conversation: str, key: str) -> str:
    """The id of the message that an offer makes. Ids are unique in a user's store, not in a conversation."""
    return f"msg_{_digest(conversation, key)}"


def _digest(conversation: str, key: str) -> str:
    return hashlib.sha256(f"{conversation} {key}".encode()).hexdigest()[:26]


class OpencodeCall:
    """The API of one live session. Nothing is connected until it is followed."""

    def __init__(self, context: Context) -> None:
        """Call the session of this context."""
        self._api = Api(context)
        self._stream = Stream(self._api, context.session.earliest)

    async def submit(self, key: str, text: str, *, joins: bool, traceparent: str | None = None) -> None:
        """Give it a prompt, unless it asks something, or is in a turn that this one may not join.

        OpenCode itself takes one at any time; one that comes in as another turn begins joins that.
        """
        del traceparent  # OpenCode 1.18.33: `prompt_async` has no place for it
        if await self._stored(key):
            return
        hindrance = self._stream.teller and self._stream.teller.hinders(joins=joins)
        if hindrance:
            raise CallRefusedError(hindrance)
        part = {"id": f"prt_{_digest(self._api.conversation, key)}", "type": "text", "text": text}
        prompt = {"messageID": message_id(self._api.conversation, key), "parts": [part]}
        await self._prompt(prompt)
        try:
            await self._until_stored(key)
        except CallRefusedError as error:
            raise CallLostError(f"it has accepted the prompt; then {error.message}") from error

    async def _prompt(self, prompt: Mapping[str, Any]) -> None:
        """Give it a prompt; a conversation that somebody deleted is made again."""
        path = self._api.path("/prompt_async")
        try:
            await self._api.post(path, prompt)
        except NotThereError:
            await self._api.begin()
            await self._api.post(path, prompt)

    async def _until_stored(self, key: str) -> None:
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
        """End the running turn. What it had not taken yet begins the next one, if it is asked to.

        What it asked is answered by no after that: the dialog of a turn that is aborted stays on its screen.
        """
        asks = [*tables(await self._api.get("/permission")), *tables(await self._api.get("/question"))]
        await self._api.post(self._api.path("/abort"))
        for ask in asks:
            with suppress(CallRefusedError):  # it is asked no more
                await self.answer(str(ask.get("id")), "reject")
        page = tables(await self._api.get(self._api.path(f"/message?limit={PAGE}")))
        waits = opencode_lines.left_over([(each["info"], each["parts"]) for each in page])
        if waits is not None:
            await self._prompt(waits)

    async def compact(self) -> None:
        """Compact by the model that answered last."""
        model: Mapping[str, Any] | None = table(await self._api.get(self._api.path())).get("model")
        if not model:
            raise CallRefusedError("its conversation has nothing to compact")
        body = {"providerID": model.get("providerID"), "modelID": model.get("id")}
        await self._api.post(self._api.path("/summarize"), body, COMPACT)

    async def answer(self, request: str, option: str, text: str = "") -> None:
        """Answer a permission (`once`, `always`, `reject`) or a question (an answer's label, `reject`).

        The words go along with a permission that is rejected. OpenCode answers 404 for what it does not ask.
        """
        name = quote(request, safe="")
        if request.startswith("per"):
            said = {"message": text} if text else {}
            await self._api.post(f"/permission/{name}/reply", {"reply": option, **said})
        elif option == "reject":
            await self._api.post(f"/question/{name}/reject", {})
        else:
            await self._api.post(f"/question/{name}/reply", {"answers": [[option]]})

    async def follow(self, heard: Heard) -> None:
        """Pass on all that it holds, then its events; again when they end, until it is closed."""
        await self._stream.follow(heard)

    async def close(self) -> None:
        """Follow it no more: its stream is let go of with the next event, or with its end."""
        self._stream.closed = True

    async def _stored(self, key: str) -> bool:
        return await self._api.holds(self._api.path(f"/message/{message_id(self._api.conversation, key)}"))
