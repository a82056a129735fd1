"""The view of `roost top` by itself."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

import pytest
from textual.events import Key
from textual.widgets import Input, Label, TextArea

from roost.client.connection import Record
from roost.client.daemon import Daemon
from roost.client.registry import Registry
from roost.errors import RoostError
from roost.top.dialogs import Compose
from roost.top.view import View
from tests.support.screens.crew import Crew
from tests.support.screens.page import Stage
from tests.support.screens.top import following

LATER = "another one"
HOPS = 3
"""From the view to the table, and back through all that hold it: the way of a key."""


class Slow(Daemon):
    """A daemon that takes a message and answers once it is let; `refused`: by an error."""

    def __init__(self) -> None:
        super().__init__("/nowhere")
        self.answers = asyncio.Event()
        self.refused = False
        self.keys: list[str] = []
        self.done: list[tuple[str, str]] = []
        self.rows: list[Record] = []
        self.sent: list[str] = []

    async def ask(
        self,
        method: str,
        params: Record | None = None,
        *,
        patience: float | None = None,  # noqa: ARG002 -- as the daemon's
    ) -> tuple[Any, list[str]]:
        if params and method in {"wake", "sleep", "start", "stop", "interrupt"}:
            self.done.append((method, params["name"]))
        if params and method == "show":
            found = [row for row in self.rows if row["name"] == params["name"]]
            if not found:
                raise RoostError("no such peer")
            return found[0], []
        if method != "send" or params is None:
            return [], []
        self.keys.append(params["key"])
        self.sent.append(params["to"])
        await self.answers.wait()
        if self.refused:
            raise RoostError("no")
        return {}, []


async def heard(view: View) -> None:
    """All that came to the view by now has been heard, and what followed from it."""
    for _ in range(HOPS):
        for each in (view, view.screen_stack[0], view._table):
            done = asyncio.Event()
            each.call_later(done.set)
            await done.wait()


async def until(view: View, there: Callable[[], object]) -> None:
    """Wait for what comes of the keys."""
    while not there():
        await heard(view)


class Writer:
    """A person who writes to one peer."""

    def __init__(self, view: View, daemon: Slow) -> None:
        self._view, self._daemon = view, daemon

    def _presses(self, key: str) -> None:
        self._view.post_message(Key(key, key if len(key) == 1 else None))

    async def sees(self, *rows: Record) -> str:
        """These are the peers now; returns to whom the message is."""
        self._daemon.rows = [*rows]
        self._view._peers.rows = {str(row["name"]): row for row in rows}
        self._view.draw()
        await heard(self._view)
        heads = self._view.screen.query("#to").results(Label)
        return "".join(str(head.render()) for head in heads)

    async def tries(self) -> str:
        """Have it sent, which may be refused; returns what is said of it."""
        self._presses("ctrl+s")
        await until(self._view, lambda: str(self._view._said) not in ("", "..."))
        return str(self._view._said)

    async def tries_in_vain(self) -> None:
        """The dialog stays."""
        self._presses("ctrl+s")
        await heard(self._view)
        assert isinstance(self._view.screen, Compose)

    async def opens(self) -> str:
        """Begin to write; returns what is there already."""
        self._presses("m")
        await until(self._view, lambda: isinstance(self._view.screen, Compose) and self._view.focused)
        return self._view.screen.query_one("#text", TextArea).text

    async def types(self, text: str) -> None:
        self._view.screen.query_one("#text", TextArea).text = text

    async def leaves(self) -> None:
        self._presses("escape")
        await until(self._view, lambda: not isinstance(self._view.screen, Compose))

    async def sends(self) -> None:
        """Have it sent; returns when the daemon has it."""
        before = len(self._daemon.keys)
        self._presses("ctrl+s")
        await until(self._view, lambda: len(self._daemon.keys) > before)

    async def is_answered(self) -> None:
        """What was sent comes back."""
        self._daemon.answers.set()
        await until(self._view, lambda: str(self._view._said) != "...")
        self._daemon.answers.clear()


@asynccontextmanager
async def writing(daemon: Slow) -> AsyncGenerator[Writer]:
    """Somebody who has just sent a message, which is on its way."""
    [row, *_] = Stage(Crew()).call_or_read("list")
    daemon.rows = [row]
    async with looking(daemon) as writer:
        assert await writer.opens() == ""
        await writer.types("one")
        await writer.sends()
        yield writer


@asynccontextmanager
async def looking(daemon: Slow) -> AsyncGenerator[Writer]:
    """Somebody before the peers of this daemon."""
    view = View(daemon, [], None)
    with patch.object(Registry, "follow", following(daemon.rows)):
        async with view.run_test():
            await until(view, lambda: view.selected is not None)
            yield Writer(view, daemon)


ALPHA: Record = {**Stage(Crew()).call_or_read("list")[0], "name": "alpha"}
RENAMED: Record = {**ALPHA, "name": "beta", "former_names": ["alpha"]}
ANOTHER: Record = {**ALPHA, "created_at": "2026-06-15T11:59:00.000Z"}


async def test_a_message_goes_to_its_peer_whatever_that_is_called_by_then() -> None:
    daemon = Slow()
    daemon.rows = [ALPHA]
    daemon.answers.set()
    async with looking(daemon) as person:
        await person.opens()
        await person.types("one")
        assert await person.sees(RENAMED, ANOTHER) == "to beta"
        assert await person.tries() == "sent to beta"
        assert await person.sees(RENAMED, ANOTHER) == ""
    assert daemon.sent == ["beta"]


@pytest.mark.parametrize("shown", [False, True], ids=["at the daemon", "in the view"])
@pytest.mark.parametrize("others", [[], [ANOTHER]], ids=["gone", "another"])
async def test_a_message_whose_peer_is_gone_goes_to_nobody_and_is_kept(
    shown: bool, others: list[Record]
) -> None:
    """One of that name got what was written to the one before it; else the text was lost."""
    daemon = Slow()
    daemon.rows = [ALPHA]
    daemon.answers.set()
    async with looking(daemon) as person:
        await person.opens()
        await person.types("one")
        if shown:
            head = await person.sees(*others)
            assert ("is another peer now" in head, "is gone" in head) == (bool(others), not others)
        daemon.rows = others
        if shown:
            await person.tries_in_vain()
            await person.leaves()
        else:
            said = await person.tries()
            assert ("text is kept" in said, "no such peer" in said) == (bool(others), not others)
        assert await person.sees(ANOTHER) == ""
        assert await person.opens() == "one"
        assert "an earlier 'alpha'" in await person.sees(ANOTHER)
        await person.types(LATER)
        await person.leaves()
        assert await person.opens() == LATER
        assert await person.sees(ANOTHER) == "to alpha"
    assert not daemon.sent


async def test_what_is_said_while_a_dialog_is_on_its_way_is_drawn() -> None:
    daemon = Slow()
    daemon.rows = [ALPHA]
    async with looking(daemon) as person:
        view = person._view
        opened = view.push_screen(Compose(view._drafts.letter("alpha")))
        view.say("done")
        await opened
        assert await person.sees(ALPHA) == "to alpha"


async def test_a_draft_goes_with_its_peer() -> None:
    daemon = Slow()
    daemon.rows = [ALPHA]
    async with looking(daemon) as person:
        await person.opens()
        await person.types("one")
        await person.leaves()
        await person.sees(RENAMED)
        assert await person.opens() == "one"
        await person.leaves()
        await person.sees(ANOTHER)
        await person.sees(ANOTHER, {**RENAMED, "name": "zeta"})
        assert await person.opens() == ""


async def test_a_message_that_is_sent_again_while_it_is_on_its_way_is_one_message() -> None:
    daemon = Slow()
    async with writing(daemon) as person:
        assert await person.opens() == "one"
        await person.sends()
        await person.is_answered()
        assert await person.opens() == ""
    assert len(set(daemon.keys)) == 1


@pytest.mark.parametrize("refused", [False, True], ids=["sent", "refused"])
async def test_what_is_written_while_a_message_is_on_its_way_is_kept(refused: bool) -> None:
    daemon = Slow()
    async with writing(daemon) as person:
        await person.opens()
        await person.types(LATER)
        await person.leaves()
        daemon.refused = refused
        await person.is_answered()
        assert await person.opens() == LATER


async def test_a_message_that_was_sent_while_its_text_was_looked_at_is_no_draft_again() -> None:
    daemon = Slow()
    async with writing(daemon) as person:
        await person.opens()
        await person.is_answered()
        await person.leaves()
        assert await person.opens() == ""


async def test_a_message_that_comes_back_while_its_text_is_open_is_sent_again_as_the_same() -> None:
    daemon = Slow()
    async with writing(daemon) as person:
        await person.opens()
        await person.is_answered()
        await person.sends()
        await person.is_answered()
    assert len(set(daemon.keys)) == 1


@asynccontextmanager
async def in_one_go(daemon: Slow, *keys: str) -> AsyncGenerator[tuple[View, list[str]]]:
    """Somebody whose keys come in one go, as on a slow line; with two peers, the first of them selected."""
    rows = Stage(Crew()).call_or_read("list")[:2]
    view = View(daemon, [], None)
    with patch.object(Registry, "follow", following(rows)):
        async with view.run_test():
            await until(view, lambda: view.selected is not None)
            for key in keys:
                view.post_message(Key(key, key if len(key) == 1 else None))
            await heard(view)
            yield view, [str(row["name"]) for row in rows]


@pytest.mark.parametrize("opens", ["m", "enter", "question_mark", "f1", "a", "slash"])
async def test_what_is_typed_after_a_key_is_for_what_that_key_opens(opens: str) -> None:
    """`/zed` showed the peers with "ed", and put the selected one to sleep."""
    daemon = Slow()
    with patch.object(View, "join", return_value=None):
        async with in_one_go(daemon, opens, "z", "w", "t") as (view, _):
            if opens == "m":
                await until(view, lambda: view.screen.query_one("#text", TextArea).text == "zwt")
            elif opens == "slash":
                await until(view, lambda: view.screen.query_one("#filter", Input).value == "zwt")
            elif opens != "a":
                await until(view, lambda: len(view.screen_stack) == 2)
            await heard(view)
    assert not daemon.done


async def test_a_key_after_an_arrow_means_the_peer_that_it_leads_to() -> None:
    daemon = Slow()
    async with in_one_go(daemon, "down", "z", "up", "w") as (view, names):
        await until(view, lambda: len(daemon.done) == 2)
        assert daemon.done == [("sleep", names[1]), ("wake", names[0])]


@pytest.mark.parametrize(("answer", "stopped"), [("y", True), ("n", False)])
async def test_a_question_takes_one_answer(answer: str, stopped: bool) -> None:
    """Another key that was on its way by then ended the view with a traceback."""
    daemon = Slow()
    async with in_one_go(daemon, "x", answer, answer, "w") as (view, names):
        await until(view, lambda: len(view.screen_stack) == 1)
        await until(view, lambda: bool(daemon.done) == stopped)
        await heard(view)
        assert daemon.done == ([("stop", names[0])] if stopped else [])


async def test_words_that_were_on_their_way_when_the_box_is_left_hide_no_peer() -> None:
    async with in_one_go(Slow(), "slash", "z", "z", "z", "escape") as (view, names):
        await until(view, lambda: not view.screen.query_one("#filter", Input).display)
        await heard(view)
        assert view._table.row_count == len(names)


async def test_what_was_still_to_be_drawn_when_somebody_leaves_is_let_go() -> None:
    """A timer that fires while the view closes met no screen: `roost top` left with a traceback."""
    view = View(Daemon("/nowhere"), [], None)
    with patch.object(Registry, "follow", following([])):
        async with view.run_test():
            pass
    view._repaint()
    view.draw()
