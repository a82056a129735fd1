"""The Gemini dialect (generateContent), as Gemini CLI 0.61.0 speaks it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from roost.fake_model.conversation import Entry, Said, waiting
from roost.fake_model.offered import named
from roost.fake_model.script import Say, Send, Shell, Tool
from roost.fake_model.wire import Kind, Request, Turn, data, pieces

_CONTEXT = ("<session_context>",)


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    text: str = ""
    thought: bool = False
    function_call: object = None
    function_response: object = None


class _Content(msgspec.Struct, frozen=True):
    role: str = "user"
    parts: list[_Part] = []


class _Function(msgspec.Struct, frozen=True):
    name: str = ""


class _Tool(msgspec.Struct, frozen=True, rename="camel"):
    function_declarations: list[_Function] = []


class _Generation(msgspec.Struct, frozen=True, rename="camel"):
    response_mime_type: str = "text/plain"
    response_json_schema: dict[str, Any] = {}


class _Body(msgspec.Struct, frozen=True, rename="camel"):
    contents: list[_Content] = []
    tools: list[_Tool] = []
    generation_config: _Generation = _Generation()


def read(body: bytes, model: str, *, stream: bool) -> Request:
    """A `POST /v1beta/models/MODEL:generateContent` (or `:streamGenerateContent`) request.

    Raises msgspec.DecodeError for anything else.
    """
    parsed = msgspec.json.decode(body, type=_Body)
    entries = tuple(_entries(parsed.contents))
    tools = tuple(function.name for tool in parsed.tools for function in tool.function_declarations)
    wanted = parsed.generation_config
    shape = wanted.response_json_schema if wanted.response_mime_type == "application/json" else None
    return Request(
        kind=Kind.TURN if tools and shape is None else Kind.AUXILIARY,
        model=model,
        entries=entries,
        pending=waiting(entries),
        tools=tools,
        stream=stream,
        shape=shape,
    )


def _entries(contents: list[_Content]) -> Iterator[Entry]:
    for content in contents:
        for part in content.parts:
            if part.function_call is not None:
                yield Entry(Said.CALL)
            elif part.function_response is not None:
                yield Entry(Said.RESULT, msgspec.json.encode(part.function_response).decode())
            elif part.text and not part.thought:
                yield from _text(content.role, part.text)


def _text(role: str, text: str) -> Iterator[Entry]:
    if role == "model":
        yield Entry(Said.MODEL, text)
    elif not text.startswith(_CONTEXT):
        yield Entry(Said.USER, text)


def stream(turn: Turn) -> Iterator[bytes]:
    """The answer as server-sent events; the first, before the answer's delay, says nothing.

    Gemini CLI 0.61.0 takes nothing but `data:` lines.
    """
    yield data({**_head(turn), "candidates": []})
    act = turn.answer.act
    if isinstance(act, Say):
        *parts, last = pieces(act.text)
        for part in parts:
            yield data(_response(turn, {"text": part}, last=False))
        yield data(_response(turn, {"text": last}))
    else:
        yield data(whole(turn))


def whole(turn: Turn) -> dict[str, object]:
    """The answer to a request that does not stream."""
    act = turn.answer.act
    if isinstance(act, Shell | Send | Tool):
        name, arguments = named(act, turn.request.tools)
        call = {"id": f"call_{turn.number:08}", "name": name, "args": arguments}
        return _response(turn, {"functionCall": call})
    return _response(turn, {"text": act.text if isinstance(act, Say) else ""})


def error(status: int) -> dict[str, object]:
    """The body of an error answer."""
    names = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
    message = f"fake model: asked for {status}"
    return {"error": {"code": status, "message": message, "status": names.get(status, "INTERNAL")}}


def _head(turn: Turn) -> dict[str, object]:
    """Gemini CLI 0.61.0 keeps a compaction only if it makes the conversation smaller than it was told."""
    given = 1 + sum(len(entry.text) for entry in turn.request.entries) // 4
    return {
        "responseId": f"resp_{turn.number:08}",
        "modelVersion": turn.request.model,
        "usageMetadata": {"promptTokenCount": given, "candidatesTokenCount": 1, "totalTokenCount": given + 1},
    }


def _response(turn: Turn, part: dict[str, object], *, last: bool = True) -> dict[str, object]:
    candidate: dict[str, object] = {"index": 0, "content": {"role": "model", "parts": [part]}}
    if last:
        candidate["finishReason"] = "STOP"
    return {**_head(turn), "candidates": [candidate]}
