"""The view: a table of all peers that changes as they do, a line about the selected one, and keys."""

import contextlib
import secrets
import time
from collections.abc import Iterable
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Footer, Input, Static

from roost.cli.output import local, one_line
from roost.cli.registry import reason
from roost.client.connection import Record
from roost.client.daemon import NOW, Daemon
from roost.client.registry import Registry
from roost.errors import RoostError
from roost.top.aside import Aside
from roost.top.detail import LATEST, lines
from roost.top.dialogs import Compose, Confirm, Page, Questions
from roost.top.rows import ORDERS, arranged
from roost.top.table import FleetTable

W = TypeVar("W", Input, Static)
AGES = 5.0
"""Seconds after which SINCE is drawn anew; all else is drawn when it changes."""
SETTLED = 0.5
"""Seconds after which a terminal has taken its new size."""
TOGETHER = 0.2
"""Seconds in which changes are drawn together."""
_KEYS = """\
arrows, j, k   go to another peer          m   write to it
Enter          all that is known of it     w   wake it
/              show only what has words    z   put it to sleep
Esc            show all again              x   stop it, after a question
s              another order               t   start it: it may be woken again
?              what agents ask             i   end its turn
a              join its terminal           q   leave
"""


class View(Aside):
    """All peers, full-screen."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    DataTable { height: 1fr; scrollbar-size: 0 1; }
    #head, #why, #said { height: auto; max-height: 3; }
    #filter { display: none; height: 1; border: none; }
    .dialog { border: round; padding: 0 1; height: auto; max-height: 90%; width: 90%; }
    ModalScreen { align: center middle; }
    TextArea { height: 10; }
    OptionList, VerticalScroll { height: auto; max-height: 20; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "leave"),
        Binding("enter", "detail", "all of it", show=False),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
        Binding("m", "compose", "write"),
        Binding("w", "ask('wake')", "wake"),
        Binding("z", "ask('sleep')", "sleep", show=False),
        Binding("t", "ask('start')", "start", show=False),
        Binding("i", "ask('interrupt')", "interrupt", show=False),
        Binding("x", "stop", "stop"),
        Binding("a", "attach", "join"),
        Binding("question_mark", "questions", "questions"),
        Binding("slash", "filter", "find"),
        Binding("s", "order", "sort"),
        Binding("escape", "unfilter", show=False),
        Binding("f1", "keys", "keys"),
    ]

    def __init__(
        self, daemon: Daemon, roost: list[str], sender: str | None, known: Iterable[Record] = ()
    ) -> None:
        """`roost`: the words that begin a command; `sender`: whose mail it is (None: the operator's).

        `known`: the peers as the store held them last, where the daemon is down.
        """
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self._daemon = daemon
        self._roost = roost
        self._sender = sender
        self._peers = Registry(daemon)
        self._peers.rows = {str(row["name"]): row for row in known}
        self._heard: float | None = None
        self._drawing = False
        self._said = Text()
        self._keys: dict[tuple[str, str, str], str] = {}
        self._order = ORDERS[0]
        self._asked: int = 0
        self._drafts: dict[str, tuple[str, str]] = {}

    def compose(self) -> ComposeResult:
        """What there is, from above."""
        with Vertical():
            yield Static(id="head")
            yield Input(placeholder="words that the row has", id="filter", compact=True)
            yield FleetTable()
            yield Static(id="why")
            yield Static(id="said")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to follow."""
        self._table.focus()
        self.draw()
        self._follow()
        self.set_interval(AGES, self.draw)

    def on_resize(self) -> None:
        """The terminal has another size; what it lost of the first picture by then is drawn once more."""
        self.call_after_refresh(self.draw)
        self.set_timer(SETTLED, self._repaint)

    def _repaint(self) -> None:
        if self.shown:
            self.screen.refresh(repaint=True, layout=True)

    @property
    def _table(self) -> FleetTable:
        return self.screen_stack[0].query_one(FleetTable)

    @work
    async def _follow(self) -> None:
        async with contextlib.aclosing(self._peers.follow()) as changes:
            async for _ in changes:
                if self._peers.error is None:
                    self._heard = time.time()
                if not self._drawing:
                    self._drawing = True
                    self.set_timer(TOGETHER, self._renew)

    async def _renew(self) -> None:
        """Draw what has changed meanwhile."""
        self._drawing = False
        await self._count_questions()
        self.draw()

    async def _count_questions(self) -> None:
        """How many are open, where any can be."""
        blocked = any(row["state"] == "blocked" for row in self._peers.rows.values())
        with contextlib.suppress(RoostError):
            self._asked = len(await self._daemon.call("questions")) if blocked else 0

    # drawing

    def draw(self) -> None:
        """Bring all up to date, also below a dialog."""
        if not self.shown:
            return
        rows = arranged(self._peers.rows.values(), self._find("#filter", Input).value, self._order)
        self._table.show(rows, self.size.width - 1)  # the scrollbar
        self._find("#head", Static).update(self._head())
        self._find("#said", Static).update(self._said)
        self._show_why()

    def _find(self, selector: str, kind: type[W]) -> W:
        """A widget of the view itself, whichever dialog is open."""
        return self.screen_stack[0].query_one(selector, kind)

    def _head(self) -> Text:
        counts = "  ".join(f"{count} {state}" for state, count in self._peers.counts.items() if count)
        asked = f"  {self._asked} ask (?)" if self._asked else ""
        silent = [str(host["host"]) for host in self._peers.hosts if not host["reached"]]
        away = f"  {', '.join(silent)} unreachable" if silent else ""
        order = "" if self._order == ORDERS[0] else f"  by {self._order}"
        error = self._peers.error
        if error is None:
            counts = counts or "no peers yet; `roost add NAME --runtime R` makes one"
            return Text(f"{counts}{asked}{away}{order}")
        old = "last stored" if self._heard is None else f"as of {time.strftime('%H:%M:%S', self._then)}"
        return Text.assemble((f"{one_line(error.message)}\n", "bold red"), f"{old}: {counts}{asked}{order}")

    @property
    def _then(self) -> time.struct_time:
        """When the daemon was heard last."""
        return time.localtime(self._heard)

    def _show_why(self) -> None:
        row = self._peers.rows.get(self.selected or "")
        text = f"{row['name']} ({row['runtime']}): {local(one_line(reason(row)))}" if row else ""
        self._find("#why", Static).update(Text(text))

    def say(self, text: str, *, bad: bool = False) -> None:
        """One line below the table; it waits while another program has the terminal."""
        self._said = Text(one_line(text), "red" if bad else "green")
        self.draw()

    @property
    def selected(self) -> str | None:
        """The peer under the cursor."""
        return self._table.selected

    def on_data_table_row_highlighted(self) -> None:
        """The cursor went to another peer."""
        self._show_why()

    def on_data_table_row_selected(self) -> None:
        """Enter, or a click on the selected row."""
        self.action_detail()

    # what keys do

    def action_down(self) -> None:
        """The next peer."""
        self._table.action_cursor_down()

    def action_up(self) -> None:
        """The one before."""
        self._table.action_cursor_up()

    def action_order(self) -> None:
        """Another order."""
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self.draw()

    def action_filter(self) -> None:
        """Ask for words."""
        box = self._find("#filter", Input)
        box.display = True
        box.focus()

    def action_unfilter(self) -> None:
        """All peers again."""
        box = self._find("#filter", Input)
        box.value = ""
        box.display = False
        self._table.focus()
        self.draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Words were typed."""
        if event.input.id == "filter":
            self.draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The words are as wanted."""
        if event.input.id == "filter":
            self._table.focus()

    @work
    async def action_detail(self) -> None:
        """All that is known of the selected peer."""
        name = self.selected
        if name is None:
            return
        asked: Record = {"before": NOW, "limit": LATEST, "peer": name}
        try:
            peer, events = await self._daemon.call("show", {"name": name}), await self._daemon.events(asked)
        except RoostError as error:
            self.say(error.message, bad=True)
        else:
            await self.push_screen_wait(Page(one_line(name), lines(peer, events)))

    @work
    async def action_keys(self) -> None:
        """What the keys do."""
        await self.push_screen_wait(Page("keys", _KEYS))

    @work
    async def action_ask(self, method: str) -> None:
        """Something that is done with the selected peer."""
        if (name := self.selected) is not None:
            await self._does(f"{name}: {method}", method, {"name": name})

    @work
    async def action_stop(self) -> None:
        """Stop the selected peer, if that is meant."""
        name = self.selected
        asked = f"Stop '{name}'? Its session ends, and it is woken no more."
        if name is not None and await self.push_screen_wait(Confirm(asked)):
            await self._does(f"{name}: stop", "stop", {"name": name})

    @work
    async def action_compose(self) -> None:
        """Write to the selected peer."""
        to = self.selected
        if to is None:
            return
        known = self._drafts.get(to, ("", ""))
        first = self._keys.get((to, *known))
        dialog = Compose(to, known, lambda draft: self._drafts.update({to: draft}))
        draft = await self.push_screen_wait(dialog)
        if draft is None:
            return
        self._drafts[to] = draft
        topic, body = draft
        if not body.strip():
            self.say("the message is empty; nothing was sent", bad=True)
            return
        # The same words again are the same message, however the first try ended.
        key = (draft == known and first) or self._keys.setdefault((to, *draft), secrets.token_hex(16))
        asked: Record = {"to": to, "body": body, "key": key}
        asked |= {"topic": topic} if topic else {}
        asked |= {"from": self._sender} if self._sender else {}
        if await self._does(f"sent to {to}", "send", asked):
            self._keys.pop((to, *draft), None)
            if self._drafts.get(to) == draft:  # else it was written on meanwhile
                del self._drafts[to]

    @work
    async def action_questions(self) -> None:
        """What agents ask."""
        try:
            questions = await self._daemon.call("questions")
        except RoostError as error:
            self.say(error.message, bad=True)
            return
        answer = await self.push_screen_wait(Questions(questions))
        if answer is None:
            return
        number, option = answer
        asked: Record = {"id": number, "message": ""}
        if option:
            await self._does("answered", "answer", {**asked, "option": option})
        else:
            await self._does("denied", "deny", asked)
        await self._count_questions()
        self.draw()

    async def _does(self, done: str, method: str, asked: Record) -> bool:
        """Ask it of the daemon, and say what became of it."""
        self.say("...")
        try:
            _, notes = await self._daemon.ask(method, asked, patience=None)
        except RoostError as error:
            self.say(error.message, bad=True)
            return False
        self.say("; ".join([done, *notes]))
        return True

    @work(exclusive=True, group="join")
    async def action_attach(self) -> None:
        """Join the terminal of the selected peer in this one, and come back."""
        name = self.selected
        if name is not None and "@" in name:
            self.say(f"it is joined on its host: `roost attach {name}` prints the command")
        elif name is not None:
            await self.join([*self._roost, "attach", name])

    async def action_quit(self) -> None:
        """Leave."""
        self.exit(return_code=0)
