"""The OpenAI Responses dialect, as Codex 0.169.0 speaks it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from roost.fake_model.conversation import Entry, Said, waiting
from roost.fake_model.script import Call, Say, Send, Shell, Tool
from roost.fake_model.wire import Kind, Request, Turn, event, pieces, suffixes

_MAIL = "[roost message "
"""How it begins what a hook of Codex 0.171.0 has put into the conversation as a developer's message."""
_CUT = "<turn_aborted>"
_CONTEXT = (
    "<environment_context>",
    "<user_instructions>",
    "# AGENTS.md instructions",
    "<skill>",
    "<permissions",
)


class _Part(msgspec.Struct, frozen=True):
    type: str = ""
    text: str = ""


class _Item(msgspec.Struct, frozen=True):
    type: str = "message"
    role: str = ""
    content: str | list[_Part] | None = None
    output: object = None


class _Tool(msgspec.Struct, frozen=True):
    type: str = ""
    name: str = ""
    tools: list["_Tool"] = []


class _Format(msgspec.Struct, frozen=True):
    type: str = "text"
    schema: dict[str, Any] = {}


class _Text(msgspec.Struct, frozen=True):
    format: _Format | None = None


class _Body(msgspec.Struct, frozen=True):
    input: str | list[_Item] = []
    model: str = "fake-model"
    stream: bool = False
    tools: list[_Tool] = []
    text: _Text | None = None


def read(body: bytes) -> Request:
    """A `POST /v1/responses` request.

    Raises msgspec.DecodeError for anything else.
    """
    parsed = msgspec.json.decode(body, type=_Body)
    items = [_Item(role="user", content=parsed.input)] if isinstance(parsed.input, str) else parsed.input
    entries = tuple(_entries(items))
    tools = tuple(_names(parsed.tools))
    wanted = parsed.text.format if parsed.text else None
    shape = wanted.schema if wanted is not None and wanted.type != "text" else None
    return Request(
        kind=Kind.TURN if tools and shape is None else Kind.AUXILIARY,
        model=parsed.model,
        entries=entries,
        pending=waiting(entries),
        tools=tools,
        stream=parsed.stream,
        shape=shape,
    )


def _names(tools: list[_Tool]) -> Iterator[str]:
    for tool in tools:
        if tool.tools:
            yield from (f"{tool.name}/{inner.name}" for inner in tool.tools)
        else:
            yield tool.name or tool.type


def _entries(items: list[_Item]) -> Iterator[Entry]:
    for item in items:
        match item.type, item.role:
            case "message", "user":
                parts = [_Part(text=item.content)] if isinstance(item.content, str) else item.content or []
                for part in parts:
                    yield from _user(part.text)
            case "message", "developer":
                parts = [_Part(text=item.content)] if isinstance(item.content, str) else item.content or []
                yield from (Entry(Said.USER, part.text) for part in parts if part.text.startswith(_MAIL))
            case "message", "assistant":
                parts = [_Part(text=item.content)] if isinstance(item.content, str) else item.content or []
                yield Entry(Said.MODEL, "".join(part.text for part in parts))
            case (("function_call" | "custom_tool_call" | "local_shell_call"), _):
                yield Entry(Said.CALL)
            case (("function_call_output" | "custom_tool_call_output"), _):
                yield Entry(Said.RESULT, result_text(item.output))
            case _:
                pass


def _user(text: str) -> Iterator[Entry]:
    if text.startswith(_CUT):
        yield Entry(Said.CUT)
    elif text and not text.startswith(_CONTEXT):
        yield Entry(Said.USER, text)


def result_text(output: object) -> str:
    """The text of a tool's output, which is a text, a list of parts or an object."""
    if isinstance(output, str):
        return output
    if isinstance(output, list):
        return "\n".join(part.text for part in msgspec.convert(output, list[_Part]))
    return msgspec.json.encode(output).decode()


def stream(turn: Turn) -> Iterator[bytes]:
    """The answer as server-sent events; the first comes before the answer's delay."""
    response: dict[str, object] = {
        "id": f"resp_{turn.number:08}",
        "object": "response",
        "model": turn.request.model,
    }
    yield event(
        "response.created", {"type": "response.created", "response": {**response, "status": "in_progress"}}
    )
    for index, item in enumerate(_items(turn)):
        yield from _streamed(index, item, turn)
    yield event("response.completed", {"type": "response.completed", "response": whole(turn)})


def _streamed(index: int, item: dict[str, object], turn: Turn) -> Iterator[bytes]:
    nothing: list[object] = []
    empty: dict[str, object] = {**item, "content": nothing} if "content" in item else item
    added: dict[str, object] = {"type": "response.output_item.added", "output_index": index, "item": empty}
    yield event("response.output_item.added", added)
    if isinstance(turn.answer.act, Say):
        for piece in pieces(turn.answer.act.text):
            delta: dict[str, object] = {
                "type": "response.output_text.delta",
                "item_id": item["id"],
                "output_index": index,
                "content_index": 0,
                "delta": piece,
            }
            yield event("response.output_text.delta", delta)
    done: dict[str, object] = {"type": "response.output_item.done", "output_index": index, "item": item}
    yield event("response.output_item.done", done)


def whole(turn: Turn) -> dict[str, object]:
    """The answer to a request that does not stream."""
    return {
        "id": f"resp_{turn.number:08}",
        "object": "response",
        "model": turn.request.model,
        "status": "completed",
        "output": _items(turn),
        "usage": {
            "input_tokens": 1,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 1,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 2,
        },
    }


def error(status: int) -> dict[str, object]:
    """The body of an error answer."""
    return {
        "error": {"type": "fake_error", "code": str(status), "message": f"fake model: asked for {status}"}
    }


def _items(turn: Turn) -> list[dict[str, object]]:
    act = turn.answer.act
    if isinstance(act, Shell | Send | Tool):
        called = {"type": "function_call", "status": "completed", **_call(act)}
        numbers = (f"{turn.number:08}{each}" for each in suffixes(act))
        return [{**called, "id": f"fc_{number}", "call_id": f"call_{number}"} for number in numbers]
    text = act.text if isinstance(act, Say) else ""
    said: dict[str, object] = {"type": "output_text", "text": text, "annotations": list[object]()}
    item = {"type": "message", "id": f"msg_{turn.number:08}", "role": "assistant", "status": "completed"}
    return [{**item, "content": [said]}]


def _call(call: Call) -> dict[str, object]:
    match call:
        case Shell(command):
            arguments: dict[str, object] = {
                "cmd": command,
                "sandbox_permissions": "require_escalated",
                "justification": "a command the user has to allow",
            }
            return {"name": "exec_command", "arguments": msgspec.json.encode(arguments).decode()}
        case Send():
            arguments = call.arguments()
            encoded = msgspec.json.encode(arguments).decode()
            return {"name": "send_message", "namespace": "mcp__roost", "arguments": encoded}
        case Tool(name, arguments):
            namespace, _, function = name.rpartition("/")
            item: dict[str, object] = {"name": function, "arguments": msgspec.json.encode(arguments).decode()}
            return {**item, "namespace": namespace} if namespace else item
