"""Quotes: turns of a peer's conversation in the body of a message, marked so that its reader knows them."""

import re
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from msgspec.structs import replace

from roost.core.messages.envelope import clean_line, clean_text, unwrapped
from roost.core.vocabulary.limits import QUOTE_BYTES
from roost.daemon.serve.api.transcripts import Transcripts
from roost.daemon.serve.caller import Caller
from roost.daemon.serve.sending.draft import Draft
from roost.errors import DeniedError, NotFoundError, UsageError

_QUOTE = re.compile(r"(?P<peer>[^:]+):(?P<first>[1-9]\d{0,8})(?:-(?P<last>[1-9]\d{0,8}))?")


class Quotes:
    """Reads what is quoted from the records of agent programs."""

    def __init__(self, transcripts: Transcripts) -> None:
        """Read it there."""
        self._transcripts = transcripts

    async def put_into(self, draft: Draft, caller: Caller, quotes: Sequence[str]) -> Draft:
        """The draft with what is quoted after its own words; each quote is `PEER:N` or `PEER:N-M`.

        Raises UsageError, DeniedError for what an agent may not see, NotFoundError for turns that are not
        there, and what reading a conversation raises.
        """
        if not quotes:
            return draft
        room = QUOTE_BYTES
        parts = [draft.body]
        for quote in quotes:
            text = await self._text(caller, quote, room)
            room -= len(text.encode("utf-8", "replace"))
            parts.append(text)
        return replace(draft, body="\n\n".join(part for part in parts if part))

    async def _text(self, caller: Caller, quote: str, room: int) -> str:
        found = _QUOTE.fullmatch(quote.strip())
        if found is None:
            raise UsageError(
                f"'{quote}' quotes no turns; write PEER:7 or PEER:7-9, as `roost transcript` counts"
            )
        peer, first = found["peer"], int(found["first"])
        last = int(found["last"] or first)
        if caller.is_agent and caller.peer != peer:
            raise DeniedError(
                f"an agent quotes its own conversation only; '{peer}' can be asked for its words"
            )
        lines: list[str] = []
        count = 0
        async with aclosing(self._transcripts.read(peer, first, last)) as items:
            async for item in items:
                if item["kind"] != "turn":
                    continue
                count += 1
                turn = _lines(item)
                lines += turn
                room -= len("\n".join(turn).encode("utf-8", "replace"))
                if room < 0:
                    raise UsageError(
                        f"what is quoted is longer than {QUOTE_BYTES // 1024} KiB; quote fewer turns"
                    )
        if count != last - first + 1:
            raise NotFoundError(
                f"'{peer}' has no such turns, {_range(first, last)}; see `roost transcript {peer}`"
            )
        return "\n".join([f"[quote of {peer}, {_range(first, last)}]", *lines, f"[end of quote of {peer}]"])


def _range(first: int, last: int) -> str:
    return f"turn {first}" if first == last else f"turns {first} to {last}"


def _lines(turn: dict[str, Any]) -> list[str]:
    """Who spoke, when, and each line of it behind a mark that nothing in it can leave out."""
    at = f" at {clean_line(turn['at'])}" if turn["at"] else ""
    said = [f"> {line}" for line in clean_text(unwrapped(turn["text"])).split("\n")] if turn["text"] else []
    tools = [f"> (tool {clean_line(tool['name'])}: {clean_line(tool['input'])})" for tool in turn["tools"]]
    return [f"{turn['number']} {turn['role']}{at}:", *said, *tools]
