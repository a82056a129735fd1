"""`transcript`: what an agent and its model said, from its program's own record."""

import re

from roost.cli.app import App
from roost.cli.command import Argument, Option, command
from roost.cli.output import (
    clock,
    harmless,
    local,
    one_line,
    paint,
    say,
    show_json,
    show_json_line,
    warn,
    wrap,
)
from roost.cli.read_only import ask
from roost.cli.stdout import flush
from roost.client.connection import ConnectionLostError, Record
from roost.core.messages.envelope import unwrapped
from roost.errors import UsageError

_RANGE = re.compile(r"(\d{1,9})(?:(-)(\d{1,9})?)?")
_KNOWN = 64
"""Turns that are remembered: more may come to them."""
_ROLES = {"user": "cyan", "assistant": "green", "note": "dim"}


@command(
    "transcript",
    Argument("name"),
    Argument("turns", required=False, metavar="N|N-M"),
    Option("--full", help="All that tools were given and gave, and the envelopes."),
    Option("--follow", help="Go on printing what is said, until Ctrl-C."),
    Option("--topic", metavar="TEXT", help="The conversation of this topic, where each has its own."),
)
def transcript_command(
    app: App,
    name: str,
    turns: str | None,
    full: bool,  # noqa: FBT001 -- a flag
    follow: bool,  # noqa: FBT001 -- a flag
    topic: str | None,
) -> None:
    """Print what was said in NAME's conversation.

    It is read from the record that its program keeps.

    By default the latest 20 turns; `7` is one turn, `7-9` are three, `7-` is all from there on. A turn is a
    prompt, a step of an answer with the tools that were called in it, or a note of the program. The peer may
    be asleep or stopped, and the daemon down. With --json it is one object, with --follow one on each line.
    """
    first, last = _range(turns)
    if follow and last is not None:
        raise UsageError("--follow goes on; give the first turn alone, as `7-`")
    params: Record = {
        "name": name,
        "first": first,
        "last": last,
        "topic": topic,
        "whole": full,
        "follow": follow,
    }
    shown = _Shown(name, full=full, json=app.json, follow=follow)
    try:
        ask(app, "transcript", params, shown.take)
    except ConnectionLostError as error:
        if not follow:
            raise
        raise ConnectionLostError(
            f"the daemon went away; go on with `roost transcript {name} {shown.last + 1}- --follow`"
        ) from error
    shown.end()


def _range(text: str | None) -> tuple[int | None, int | None]:
    """First and last turn. Raises UsageError."""
    if text is None:
        return None, None
    found = _RANGE.fullmatch(text)
    if found is None or int(found[1]) < 1:
        raise UsageError(
            f"'{text}' names no turns; they are counted from 1: 7, 7-9, or 7- for all from there on"
        )
    first = int(found[1])
    last = int(found[3]) if found[3] else None if found[2] else first
    if last is not None and last < first:
        raise UsageError(f"'{text}' names no turns: {last} comes before {first}")
    return first, last


class _Shown:
    """What was shown. Of a turn that comes again only what is new is shown."""

    def __init__(self, name: str, *, full: bool, json: bool, follow: bool) -> None:
        self._name = name
        self._full = full
        self._json = json
        self._follow = follow
        self._whole: Record = {}
        self._turns: list[Record] = []
        self._known: dict[int, Record] = {}
        self._latest = 0
        self.last = 0

    def take(self, item: Record) -> None:
        """Take the next item."""
        if self._json and self._follow:
            show_json_line(item)
        elif self._json:
            self._keep(item)
        else:
            self._show(item)
        if item["kind"] == "turn":
            self.last = int(item["number"])
        if self._follow:
            flush()

    def end(self) -> None:
        """Nothing more comes."""
        if self._json and not self._follow:
            show_json({**self._whole, "turns": self._turns})

    def _keep(self, item: Record) -> None:
        rest = {key: value for key, value in item.items() if key != "kind"}
        if item["kind"] == "turn":
            self._turns.append(rest)
        else:
            self._whole |= rest

    def _show(self, item: Record) -> None:
        kind = item["kind"]
        if kind == "head":
            say(wrap(f"{self._name}: conversation {one_line(item['conversation'])}", 2))
            say(paint(f"  {one_line(item['record'])}", "dim"))
        elif kind == "turn":
            self._turn(item)
        elif kind == "news":
            say(wrap(f"-- {one_line(item['text'])}", 3))
            self._known.clear()
        else:
            self._ended(item)

    def _ended(self, item: Record) -> None:
        if not item["count"]:
            say("nothing was said yet")
        if item.get("skipped"):
            warn(f"{item['skipped']} lines of its record are too long or not understood; they are left out")

    def _turn(self, turn: Record) -> None:
        number = int(turn["number"])
        before = self._known.pop(number, None)
        text = str(turn["text"]) if self._full else unwrapped(str(turn["text"]))
        tools = list[Record](turn["tools"])
        if before is None or number != self._latest:
            message = f"  message {str(turn['message'])[:16]}" if turn.get("message") else ""
            line = f"{turn['number']:>4}  {clock(turn.get('at'))}  {turn['role']}{message}"
            say(paint(line, _ROLES.get(str(turn["role"]))))
        if before is not None and str(turn["text"]).startswith(str(before["text"])):
            text = str(turn["text"])[len(str(before["text"])) :]
        for line in harmless(text).splitlines():
            say(wrap(f"      {line}", 6) if line.strip() else "")
        known = list[Record](before["tools"]) if before is not None else []
        for index, tool in enumerate(tools):
            if index >= len(known) or known[index] != tool:
                self._tool(tool)
        self._latest = number
        self._known[number] = turn
        if len(self._known) > _KNOWN:
            del self._known[next(iter(self._known))]

    def _tool(self, tool: Record) -> None:
        given, name = str(tool["input"]), one_line(tool["name"])
        if self._full:
            self._block(f"      * {name}", given)
            if tool["output"] is not None:
                self._block("        failed:" if tool["failed"] else "        gave:", str(tool["output"]))
            return
        say(wrap(f"      * {name}: {one_line(given)}{_size(given, tool['input_size'])}", 8))
        if tool["output"] is not None:
            how = "failed: " if tool["failed"] else ""
            output = str(tool["output"])
            shown = local(one_line(output)) or "(nothing)"
            say(wrap(f"        {how}{shown}{_size(output, tool['output_size'])}", 8))

    @staticmethod
    def _block(title: str, text: str) -> None:
        say(title)
        for line in harmless(text).splitlines():
            say(f"          {line}")


def _size(text: str, size: int) -> str:
    """How long it is, where not all of it is shown."""
    return f" ({size} bytes)" if size > len(text.encode("utf-8", "surrogatepass")) else ""
