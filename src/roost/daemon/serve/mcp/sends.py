"""What the tool `send_message` does: a message to one peer, or one to each of several."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from roost.daemon.serve.api.api import Api
from roost.daemon.serve.caller import Caller
from roost.daemon.serve.mcp.arguments import in_words_of_tools
from roost.daemon.serve.sending.draft import Draft
from roost.daemon.serve.sending.recipients import GROUP
from roost.daemon.serve.sending.several import SentTo
from roost.errors import NotFoundError, UsageError


class Sends:
    """Sends what an agent writes, and tells what became of it in words for a model."""

    def __init__(self, api: Api) -> None:
        """Send by these operations."""
        self._api = api

    async def send(self, caller: Caller, draft: Draft, quotes: Sequence[str]) -> dict[str, Any]:
        """The id and a note; for `a,b`, `@GROUP` or a thread those of each recipient. Raises RoostError."""
        if not draft.to and not draft.to_thread:
            raise UsageError("send_message needs to and body; to is missing")
        draft = await self._api.quotes.put_into(draft, caller, quotes)
        words = [await self._meant(word) for word in draft.to.split(",")] if draft.to else []
        if len(words) == 1 and not draft.to_thread and not words[0].startswith(GROUP):
            sent = await self._api.sender.send(caller, replace(draft, to=words[0]), _unheard)
            return {"id": sent.message.id, "note": _noted(sent.advice)}
        draft = replace(draft, key=draft.key or self._api.several.new_key())
        rows = await self._api.several.send(caller, draft, words, _unheard, many=False)
        told: dict[str, Any] = {"sent": [_row(each) for each in rows]}
        missing = [each.to for each in rows if each.id is None]
        if missing:
            told["missing"] = (
                f"{', '.join(missing)} did not get it; the same call with key {draft.key} sends only that"
            )
        return told

    async def _meant(self, word: str) -> str:
        """A recipient as it is meant: models write `@` before the name of a peer, too."""
        name = word.removeprefix(GROUP)
        if word == name or name in self._api.several.groups:
            return word
        try:
            return await self._api.sender.recipient(name)
        except NotFoundError:
            return word

    def groups_of(self, peer: str) -> dict[str, list[str]]:
        """The groups that a peer is in, as a part of its row; nothing where it is in none."""
        named = [f"{GROUP}{name}" for name, peers in self._api.several.groups.items() if peer in peers]
        return {"groups": named} if named else {}


def _unheard(_event: dict[str, Any]) -> None:
    """Nobody listens for what happens meanwhile."""


def _noted(advice: list[str]) -> str:
    return " ".join(map(in_words_of_tools, advice))


def _row(one: SentTo) -> dict[str, Any]:
    if one.error is not None:
        return {"to": one.to, "error": in_words_of_tools(one.error.message)}
    return {"to": one.to, "id": one.id, "note": _noted(one.sent.advice if one.sent is not None else [])}
