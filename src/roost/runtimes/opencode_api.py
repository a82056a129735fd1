"""The requests to the server of one OpenCode session (1.18.33), and what their answers mean."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

from roost.runtimes.call import CallLostError, CallRefusedError
from roost.runtimes.context import Context
from roost.runtimes.opencode_http import ANSWER, Door, Reply, ask, events

DOOR = "opencode-door.json"
"""The file of a session's folder that says where its server listens."""
BEGUN = 2.0
"""Seconds for the first answer: what comes in as its server has just begun to listen is never answered."""
REFUSED = 400
UNAUTHORIZED = 401
NOT_FOUND = 404
BROKEN = 500


def conversation_id(conversation: str) -> str:
    """OpenCode's id of a conversation: the one that it has, or one made of the id that roost chose."""
    return conversation if conversation.startswith("ses") else f"ses_{conversation.replace('-', '')}"


class NotThereError(CallRefusedError):
    """What was asked for is not there."""


class Api:
    """The server of one session. `conversation`: OpenCode's id of the one that is roost's.

    Each request raises CallRefusedError when for certain nothing was done, else CallLostError.
    """

    def __init__(self, context: Context) -> None:
        """Nothing is connected, nor read, yet."""
        self.conversation = conversation_id(context.session.conversation or context.session.id)
        self._context = context
        self._known: Door | None = None

    async def get(self, path: str, bound: float = 0.0) -> Reply:
        """Read, within `bound` seconds or as long as an answer may take."""
        return _accepted(await ask(self._door(), "GET", path, None, bound or ANSWER))

    async def holds(self, path: str) -> bool:
        """Whether something is there."""
        try:
            await self.get(path)
        except NotThereError:
            return False
        return True

    async def post(self, path: str, body: Mapping[str, Any] | None = None, bound: float = 0.0) -> Reply:
        """Have something done, as long as `get`."""
        return _accepted(await ask(self._door(), "POST", path, body, bound or ANSWER))

    def events(self) -> AbstractAsyncContextManager[AsyncGenerator[bytes]]:
        """The events of the process."""
        return events(self._door(), "/event")

    def path(self, rest: str = "") -> str:
        """A path of the conversation."""
        return f"/session/{self.conversation}{rest}"

    async def begin(self) -> None:
        """Make the conversation where the program works; one that is there stays as it is."""
        place = table(await self.get("/path"))
        location = {"directory": place.get("directory") or str(self._context.directory)}
        await self.post("/api/session", {"id": self.conversation, "location": location})

    def _door(self) -> Door:
        """Where its server listens, as it was written down before it was started."""
        if self._known is None:
            self._known = _read_door(self._context.home / DOOR)
        return self._known


def table(reply: Reply) -> Mapping[str, Any]:
    """The JSON object of an answer; empty where it holds none."""
    return _table(reply.value())


def tables(reply: Reply) -> list[Mapping[str, Any]]:
    """The JSON objects in the list of an answer."""
    value: object = reply.value()
    return [_table(each) for each in cast("list[object]", value)] if isinstance(value, list) else []


def _table(value: object) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _read_door(path: Path) -> Door:
    """A small file on the disk of our store. Raises CallRefusedError."""
    try:
        known = json.loads(path.read_bytes())
        return Door(int(known["port"]), str(known["password"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CallRefusedError(f"where its API is cannot be read in {path}") from error


def _accepted(reply: Reply) -> Reply:
    """The answer, unless it is a refusal; an error of the server's own leaves open what it has done."""
    if reply.status < REFUSED:
        return reply
    if reply.status >= BROKEN:
        raise CallLostError(f"its API failed ({reply.status}): {_reason(reply)}")
    if reply.status == NOT_FOUND:
        raise NotThereError(f"its API does not know it: {_reason(reply)}")
    if reply.status == UNAUTHORIZED:
        raise CallRefusedError("its port is taken by another program: `roost restart` gives it another one")
    raise CallRefusedError(f"its API refuses it ({reply.status}): {_reason(reply)}")


def _reason(reply: Reply) -> str:
    """What an answer says of its refusal, in one line."""
    known = table(reply)
    about = _table(known.get("data"))
    words = known.get("message") or about.get("message") or known.get("_tag") or known.get("name") or ""
    return " ".join(str(words).split())[:200] or "without a reason"
