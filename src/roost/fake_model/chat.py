"""The OpenAI Chat Completions dialect, as OpenCode 1.18.33 (@ai-sdk/openai-compatible) speaks it.

OpenCode keeps a text whose turn was interrupted, without a mark: the next turn answers it as well.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from roost.fake_model.conversation import Entry, Said, waiting
from roost.fake_model.offered import named
from roost.fake_model.script import Call, Say, Send, Shell, Tool
from roost.fake_model.wire import Kind, Request, Turn, data, pieces

_SIDE = re.compile(r"\btitles?\b|\bcommit messages?\b|\bsummar(?:y|ize|ise|izing|ising)\b", re.IGNORECASE)
"""What a request without tools is about when it belongs to no conversation; its first line says so.

OpenCode 1.18.33: `You are a title generator.` A program may have no tools at all, and still have turns.
"""
_USAGE: dict[str, object] = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


class _Part(msgspec.Struct, frozen=True):
    type: str = ""
    text: str = ""


class _Function(msgspec.Struct, frozen=True):
    name: str = ""


class _Tool(msgspec.Struct, frozen=True):
    function: _Function = _Function()


class _Message(msgspec.Struct, frozen=True):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: list[object] = []


class _Schema(msgspec.Struct, frozen=True):
    schema: dict[str, Any] = {}


class _Format(msgspec.Struct, frozen=True):
    type: str = "text"
    json_schema: _Schema = _Schema()


class _Body(msgspec.Struct, frozen=True):
    messages: list[_Message] = []
    model: str = "fake-model"
    stream: bool = False
    tools: list[_Tool] = []
    response_format: _Format | None = None


def read(body: bytes) -> Request:
    """A `POST /v1/chat/completions` request.

    Raises msgspec.DecodeError for anything else.
    """
    parsed = msgspec.json.decode(body, type=_Body)
    entries = tuple(_entries(parsed.messages))
    tools = tuple(tool.function.name for tool in parsed.tools)
    wanted = parsed.response_format
    shape = wanted.json_schema.schema if wanted is not None and wanted.type != "text" else None
    return Request(
        kind=Kind.TURN if shape is None and (tools or not _side(parsed.messages)) else Kind.AUXILIARY,
        model=parsed.model,
        entries=entries,
        pending=waiting(entries),
        tools=tools,
        stream=parsed.stream,
        shape=shape,
    )


def _side(messages: list[_Message]) -> bool:
    """Whether the instructions, or else the user's first text, ask for something beside the conversation."""
    texts = [text for message in messages for text in _texts(message)[:1]]
    return bool(texts and _SIDE.search(texts[0].lstrip().partition("\n")[0]))


def _entries(messages: list[_Message]) -> Iterator[Entry]:
    for message in messages:
        match message.role:
            case "user":
                yield from (Entry(Said.USER, text) for text in _texts(message) if text)
            case "assistant":
                text = "".join(_texts(message))
                if text:
                    yield Entry(Said.MODEL, text)
                yield from (Entry(Said.CALL) for _ in message.tool_calls)
            case "tool":
                yield Entry(Said.RESULT, "\n".join(_texts(message)))
            case _:
                pass


def _texts(message: _Message) -> list[str]:
    if isinstance(message.content, str):
        return [message.content]
    return [part.text for part in message.content or []]


def stream(turn: Turn) -> Iterator[bytes]:
    """The answer as server-sent events; the first comes before the answer's delay."""
    yield _chunk(turn, {"role": "assistant", "content": ""})
    act = turn.answer.act
    if isinstance(act, Shell | Send | Tool):
        name, arguments = _function(turn, act)
        begun = {"index": 0, **_call(turn, name, "")}
        yield _chunk(turn, {"tool_calls": [begun]})
        for piece in pieces(arguments):
            yield _chunk(turn, {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    else:
        for piece in pieces(_text(turn)):
            yield _chunk(turn, {"content": piece})
    yield _chunk(turn, {}, _finish_reason(turn))
    yield data({**_head(turn, "chat.completion.chunk"), "choices": [], "usage": _USAGE})
    yield b"data: [DONE]\n\n"


def whole(turn: Turn) -> dict[str, object]:
    """The answer to a request that does not stream."""
    act = turn.answer.act
    if isinstance(act, Shell | Send | Tool):
        calls = [_call(turn, *_function(turn, act))]
        message: dict[str, object] = {"role": "assistant", "content": None, "tool_calls": calls}
    else:
        message = {"role": "assistant", "content": _text(turn)}
    choice = {"index": 0, "message": message, "finish_reason": _finish_reason(turn)}
    return {**_head(turn, "chat.completion"), "choices": [choice], "usage": _USAGE}


def error(status: int) -> dict[str, object]:
    """The body of an error answer."""
    return {
        "error": {"message": f"fake model: asked for {status}", "type": "fake_error", "code": str(status)}
    }


def _head(turn: Turn, kind: str) -> dict[str, object]:
    return {"id": f"chatcmpl-{turn.number:08}", "object": kind, "created": 0, "model": turn.request.model}


def _chunk(turn: Turn, delta: dict[str, object], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return data({**_head(turn, "chat.completion.chunk"), "choices": [choice]})


def _finish_reason(turn: Turn) -> str:
    return "tool_calls" if isinstance(turn.answer.act, Shell | Send | Tool) else "stop"


def _text(turn: Turn) -> str:
    return turn.answer.act.text if isinstance(turn.answer.act, Say) else ""


def _function(turn: Turn, call: Call) -> tuple[str, str]:
    name, arguments = named(call, turn.request.tools)
    return name, msgspec.json.encode(arguments).decode()


def _call(turn: Turn, name: str, arguments: str) -> dict[str, object]:
    function = {"name": name, "arguments": arguments}
    return {"id": f"call_{turn.number:08}", "type": "function", "function": function}
