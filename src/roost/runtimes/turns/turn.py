"""Turns of a conversation: who spoke, when, what was said, which tools were called; how they come about.

Pure. Times are ISO-8601 as the program wrote them, sizes bytes of UTF-8.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, cast

from msgspec import Struct, field

from roost.runtimes.turns.usage import UsageCount

USER, ASSISTANT, NOTE = "user", "assistant", "note"
"""Roles: who gave the prompt, who answered, and what the program says of the conversation itself."""
SHORT = 160
"""Characters of what a tool was given or gave, where it is cut."""
_RUNNING = 64
"""Tools that are waited for at most."""
_ENVELOPE = re.compile(r"\s*(?:<pasted_content[^>\n]*>\s*)?\[roost message ([0-9a-f]{32}) from ")
_TELLING = (
    "command",
    "cmd",
    "file_path",
    "filePath",
    "path",
    "pattern",
    "query",
    "url",
    "description",
    "body",
)
"""What a tool was given, where one of it tells most."""


class Text(Struct):
    """A text that may be cut to one line, and its size."""

    text: str
    size: int
    cut: bool = False


class Tool(Struct):
    """A call of a tool. `output`: None while it runs, or where its record does not tell."""

    name: str
    key: str
    input: Text
    output: Text | None = None
    failed: bool = False


class Turn(Struct):
    """`number` counts from 1. `message`: the id of roost's message in it. `key`: its own in the record."""

    number: int
    role: str
    at: str | None
    text: str
    key: str | None = None
    message: str | None = None
    tools: list[Tool] = field(default_factory=list[Tool])

    def object(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "number": self.number,
            "role": self.role,
            "at": self.at,
            "text": self.text,
            "message": self.message,
            "tools": [_tool_object(tool) for tool in self.tools],
        }


def _tool_object(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "input": tool.input.text,
        "input_size": tool.input.size,
        "output": tool.output.text if tool.output is not None else None,
        "output_size": tool.output.size if tool.output is not None else None,
        "failed": tool.failed,
    }


class Turns:
    """Turns as they come about. The latest is open: more may be said in it, and its tools may answer."""

    def __init__(self, *, whole: bool) -> None:
        """`whole`: keep all that tools were given and gave; else one line of it."""
        self._whole = whole
        self._closed: list[Turn] = []
        self._before = 0
        self._running: dict[str, tuple[Turn, Tool]] = {}
        self._answer: Turn | None = None
        self._answer_before: dict[str, Any] | None = None
        self.usage = UsageCount()
        self.open: Turn | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return self._before + (self.open is not None)

    def take(self) -> list[Turn]:
        """Those that were closed since the last call, and closed ones to which more has come since."""
        closed, self._closed = self._closed, []
        before, self._answer_before = self._answer_before, None
        return [turn for turn in closed if turn is not self._answer or turn.object() != before]

    def close(self) -> None:
        """Nothing more belongs to the latest one."""
        if self.open is not None:
            self._closed.append(self.open)
            self._before += 1
            self.open = None

    def prompt(self, text: str, at: str | None, key: str | None = None) -> None:
        """A prompt was given."""
        found = _ENVELOPE.match(text)
        self._begin(USER, text, at, key).message = found[1] if found else None

    def note(self, text: str, at: str | None = None) -> None:
        """The program tells of the conversation: it was compacted, the model failed."""
        self._begin(NOTE, text, at, None)

    def say(self, text: str, at: str | None, key: str | None = None) -> None:
        """The model said something. What has the same key as the open turn belongs to it."""
        if self._goes_on(key) and self.open is not None:
            self.open.text = f"{self.open.text}\n{text}" if self.open.text else text
        else:
            self._begin(ASSISTANT, text, at, key)

    def replace(self, text: str, at: str | None, key: str) -> None:
        """All that the model said under this key, which the record may tell again and again.

        The latest of these may still be told again after the next prompt.
        """
        turn = self._turn_of(key)
        if turn is None:
            self._answer = self._begin(ASSISTANT, text, at, key)
            return
        if turn is not self.open and turn not in self._closed:
            self._answer_before = turn.object()
            self._closed.append(turn)
        turn.text, turn.tools = text, []

    def grows(self, key: str) -> bool:
        """Whether more may come to the turn of this key."""
        return self._turn_of(key) is not None

    def call(self, name: str, key: str, given: object, at: str | None, said: str | None = None) -> None:
        """The model called a tool; `said`: the key of the turn that it belongs to, None: of the open one."""
        turn = self.open if said is None else self._turn_of(said)
        if turn is None or turn.role != ASSISTANT:
            turn = self._begin(ASSISTANT, "", at, said)
        tool = Tool(name, key, self._given(given))
        turn.tools.append(tool)
        self._running.pop(key, None)
        self._running[key] = (turn, tool)
        if len(self._running) > _RUNNING:
            del self._running[next(iter(self._running))]

    def result(self, key: str, output: object, *, failed: bool = False) -> None:
        """A tool has answered, be it of an earlier turn: a prompt may have come in while it ran."""
        turn, tool = self._running.pop(key, (None, None))
        if turn is None or tool is None:
            return
        tool.output, tool.failed = self._text(as_text(output)), failed
        if turn is not self.open and turn not in self._closed:
            self._closed.append(turn)

    def _turn_of(self, key: str) -> Turn | None:
        return next(
            (turn for turn in (self.open, self._answer) if turn is not None and turn.key == key), None
        )

    def _goes_on(self, key: str | None) -> bool:
        return self.open is not None and key is not None and self.open.key == key

    def _begin(self, role: str, text: str, at: str | None, key: str | None) -> Turn:
        self.close()
        self.open = Turn(self._before + 1, role, at, text, key)
        return self.open

    def _given(self, given: object) -> Text:
        whole = as_text(given)
        if self._whole:
            return Text(whole, _size(whole))
        told = cast("dict[str, object]", given) if isinstance(given, dict) else {}
        telling = next((value for name in _TELLING if (value := told.get(name))), whole)
        short = one_line(as_text(telling))
        return Text(short, _size(whole), cut=True)

    def _text(self, text: str) -> Text:
        return Text(text, _size(text)) if self._whole else Text(one_line(text), _size(text), cut=True)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def one_line(text: str) -> str:
    """The beginning of a text in one line of at most SHORT characters."""
    line = " ".join(text[: 8 * SHORT].split())
    return line if len(line) <= SHORT and len(text) <= 8 * SHORT else f"{line[: SHORT - 1].rstrip()}…"


def as_text(value: object) -> str:
    """What a tool was given or gave, as text: the texts in it, else JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    texts = list(_texts(value))
    return "\n".join(texts) if texts else json.dumps(value, ensure_ascii=False, default=str)


def _texts(value: object) -> Iterable[str]:
    """The texts of a list of content blocks; what is no text by its kind. Nothing for any other value."""
    if not isinstance(value, list):
        return
    for each in cast("list[object]", value):
        if not isinstance(each, dict) or "type" not in each:
            return
        block = cast("dict[str, object]", each)
        text = block.get("text")
        yield text if isinstance(text, str) else f"[{block['type']}]"
