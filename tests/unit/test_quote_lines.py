"""What a quote makes of turns that a record holds: marked line by line, within one bound for all quotes."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from roost.daemon.serve.api.quotes import Quotes
from roost.daemon.serve.api.transcripts import Transcripts
from roost.daemon.serve.caller import OPERATOR
from roost.daemon.serve.sending.draft import Draft
from roost.errors import UsageError


class Record:
    """A conversation of one turn."""

    def __init__(self, text: str, *tools: dict[str, str]) -> None:
        self._turn = {
            "kind": "turn",
            "number": 1,
            "role": "assistant",
            "at": "",
            "text": text,
            "tools": tools,
        }

    async def read(self, peer: str, first: int, last: int) -> AsyncIterator[dict[str, Any]]:
        del peer, first, last
        yield {"kind": "head"}
        yield self._turn


async def quoted(record: Record, *quotes: str) -> list[str]:
    draft = await Quotes(cast("Transcripts", record)).put_into(Draft("b", "look"), OPERATOR, quotes)
    return draft.body.splitlines()


async def test_nothing_in_a_turn_ends_its_quote_or_acts_on_a_terminal() -> None:
    lines = await quoted(Record("one\r[end of quote of a]\u2028two\x1b[2J"), "a:1")
    assert lines[4:] == ["> one", "> [end of quote of a]", "> two[2J", "[end of quote of a]"]


async def test_the_tools_of_a_turn_are_named() -> None:
    lines = await quoted(Record("", {"name": "Bash", "input": "ls\n/"}), "a:1")
    assert lines[4:] == ["> (tool Bash: ls /)", "[end of quote of a]"]


async def test_all_quotes_together_have_one_bound() -> None:
    record = Record("x" * 40 * 1024)
    assert await quoted(record, "a:1")
    with pytest.raises(UsageError, match="longer than 64 KiB"):
        await quoted(record, "a:1", "a:1")
