"""The Anthropic Messages dialect, as Claude Code 2.1.328 speaks it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from roost.fake_model.conversation import Entry, Said, waiting
from roost.fake_model.script import Call, Fail, Say, Send, Shell, Tool
from roost.fake_model.wire import Kind, Request, Turn, event, pieces, suffixes

_REMINDER = re.compile(r"\A\s*<system-reminder>.*</system-reminder>\s*\Z", re.DOTALL)
_SUGGESTION = "[SUGGESTION MODE: "
"""Claude Code 2.1.318 (in its ACP adapter) asks so what the user might type next; it has tools."""
_HOOKED = re.compile(r"^\w+\S* hook (?:additional context|blocking error from command)", re.MULTILINE)
"""How Claude Code 2.1.332 begins to tell its model, in a system message, what a hook has answered."""
_ENVELOPE = re.compile(r"\[roost message (\S+) from .*?\n\[end of roost message \1[^\n]*\]", re.DOTALL)
_NOTIFIED = "<task-notification>"
"""In the reminder by which Claude Code 2.1.332 tells its model that a hook in the background wakes it."""
_INTERRUPTED = "[Request interrupted by user"


class _Block(msgspec.Struct, frozen=True):
    type: str
    text: str = ""
    content: object = None


class _Message(msgspec.Struct, frozen=True):
    role: str
    content: str | list[_Block]


class _Tool(msgspec.Struct, frozen=True):
    name: str = ""


class _Format(msgspec.Struct, frozen=True):
    schema: dict[str, Any] = {}


class _Output(msgspec.Struct, frozen=True):
    format: _Format | None = None


class _Body(msgspec.Struct, frozen=True):
    messages: list[_Message] = []
    model: str = "fake-model"
    stream: bool = False
    tools: list[_Tool] = []
    output_config: _Output = _Output()
    output_format: _Format | None = None


def read(body: bytes) -> Request:
    """A `POST /v1/messages` request.

    Raises msgspec.DecodeError for anything else.
    """
    parsed = msgspec.json.decode(body, type=_Body)
    entries = tuple(_entries(parsed.messages))
    tools = tuple(tool.name for tool in parsed.tools)
    wanted = parsed.output_format or parsed.output_config.format
    suggestion = bool(entries) and entries[-1].text.startswith(_SUGGESTION)
    conversation = "Bash" in tools and wanted is None and not suggestion
    return Request(
        kind=Kind.TURN if conversation else Kind.AUXILIARY,
        model=parsed.model,
        entries=entries,
        pending=waiting(entries),
        tools=tools,
        stream=parsed.stream,
        shape=None if wanted is None else wanted.schema,
    )


def _entries(messages: list[_Message]) -> Iterator[Entry]:
    for message in messages:
        blocks = message.content
        if isinstance(blocks, str):
            blocks = [_Block("text", blocks)]
        read = _READERS.get(message.role)
        if read is not None:
            for block in blocks:
                yield from read(block)


def _model(block: _Block) -> Iterator[Entry]:
    if block.type == "tool_use":
        yield Entry(Said.CALL)
    elif block.type == "text":
        yield Entry(Said.MODEL, block.text)


def _user(block: _Block) -> Iterator[Entry]:
    if block.type == "tool_result":
        yield Entry(Said.RESULT, result_text(block.content))
    elif block.type == "text":
        if block.text.startswith(_INTERRUPTED):
            yield Entry(Said.CUT)
        elif not _REMINDER.match(block.text):
            yield Entry(Said.USER, block.text)
        elif _NOTIFIED in block.text:
            yield from (Entry(Said.USER, found[0]) for found in _ENVELOPE.finditer(block.text))


def _by_hook(block: _Block) -> Iterator[Entry]:
    """The mail that a hook has put into the conversation, among other things of a system message."""
    if block.type == "text" and _HOOKED.search(block.text):
        yield from (Entry(Said.USER, found[0]) for found in _ENVELOPE.finditer(block.text))


_READERS: Mapping[str, Callable[[_Block], Iterator[Entry]]] = {
    "user": _user,
    "system": _by_hook,
    "assistant": _model,
}


def result_text(content: object) -> str:
    """The text of a tool result, which is a text or a list of blocks."""
    if isinstance(content, str):
        return content
    blocks = msgspec.convert(content or [], list[_Block])
    return "\n".join(block.text for block in blocks)


def stream(turn: Turn) -> Iterator[bytes]:
    """The answer as server-sent events; the first comes before the answer's delay."""
    message = _message(turn, [], None)
    yield event("message_start", {"type": "message_start", "message": message})
    for index, block in enumerate(_blocks(turn)):
        yield from _streamed(index, block)
    end = {"stop_reason": _stop_reason(turn), "stop_sequence": None}
    yield event("message_delta", {"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}})
    yield event("message_stop", {"type": "message_stop"})


def _streamed(index: int, block: dict[str, object]) -> Iterator[bytes]:
    if block["type"] == "text":
        empty: dict[str, object] = {"type": "text", "text": ""}
        deltas: list[dict[str, object]] = [
            {"type": "text_delta", "text": piece} for piece in pieces(str(block["text"]))
        ]
    else:
        empty = {**block, "input": {}}
        whole = msgspec.json.encode(block["input"]).decode()
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(whole)]
    start: dict[str, object] = {"type": "content_block_start", "index": index, "content_block": empty}
    yield event("content_block_start", start)
    for delta in deltas:
        yield event("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
    yield event("content_block_stop", {"type": "content_block_stop", "index": index})


def whole(turn: Turn) -> dict[str, object]:
    """The answer to a request that does not stream."""
    return _message(turn, _blocks(turn), _stop_reason(turn))


def error(status: int) -> dict[str, object]:
    """The body of an error answer."""
    kinds = {
        400: "invalid_request_error",
        401: "authentication_error",
        429: "rate_limit_error",
        529: "overloaded_error",
    }
    kind = kinds.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": f"fake model: asked for {status}"}}


def _message(turn: Turn, content: list[dict[str, object]], stop_reason: str | None) -> dict[str, object]:
    return {
        "id": f"msg_{turn.number:08}",
        "type": "message",
        "role": "assistant",
        "model": turn.request.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def _stop_reason(turn: Turn) -> str:
    return "end_turn" if isinstance(turn.answer.act, Say) else "tool_use"


def _blocks(turn: Turn) -> list[dict[str, object]]:
    match turn.answer.act:
        case Say(text):
            return [{"type": "text", "text": text}]
        case Fail():
            return [{"type": "text", "text": ""}]
        case call:
            name, arguments = _call(call)
            asked = {"type": "tool_use", "name": name, "input": arguments}
            return [{**asked, "id": f"toolu_{turn.number:08}{each}"} for each in suffixes(call)]


def _call(call: Call) -> tuple[str, dict[str, object]]:
    match call:
        case Shell(command):
            return "Bash", {"command": command, "description": "a command the user has to allow"}
        case Send():
            return "mcp__roost__send_message", call.arguments()
        case Tool(name, arguments):
            return name, arguments
