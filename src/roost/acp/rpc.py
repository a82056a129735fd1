"""JSON-RPC 2.0, one object a line: which line answers which request, and what the other side asks."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from roost.foreign import decode

NO_METHOD = -32601
BAD_PARAMETERS = -32602

Answered = Callable[["Answer"], None]


class Answer(NamedTuple):
    """What came of a request: a result, or an error with its code, what was said, and more of it."""

    result: Mapping[str, Any]
    error: str | None = None
    code: int = 0


class Asked(NamedTuple):
    """A request of the other side, which waits for `id` to be answered."""

    id: object
    method: str
    params: Mapping[str, Any]


class Told(NamedTuple):
    """A notification of the other side."""

    method: str
    params: Mapping[str, Any]


class Noise(NamedTuple):
    """A line that is no message."""

    text: str


class Rpc:
    """This side of a connection. `send` takes the bytes of one line, with its end."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        """Nothing is asked yet."""
        self._send = send
        self._count = 0
        self._open: dict[int, Answered] = {}

    def request(self, method: str, params: Mapping[str, object], answered: Answered) -> None:
        """Ask; `answered` is called once, with the answer."""
        self._count += 1
        self._open[self._count] = answered
        self._line({"id": self._count, "method": method, "params": params})

    def notify(self, method: str, params: Mapping[str, object]) -> None:
        """Tell."""
        self._line({"method": method, "params": params})

    def answer(self, request: object, result: Mapping[str, object]) -> None:
        """Answer what was asked."""
        self._line({"id": request, "result": result})

    def refuse(self, request: object, code: int, message: str) -> None:
        """Answer that it cannot be done."""
        self._line({"id": request, "error": {"code": code, "message": message}})

    def receive(self, line: bytes) -> Asked | Told | Noise | None:
        """Take one line; None: it was an answer, or blank. What is not understood is noise, and no error."""
        if not line.strip():
            return None
        try:
            message = decode(line)
        except ValueError:
            return _noise(line)
        if not isinstance(message, dict):
            return _noise(line)
        found = cast("dict[str, Any]", message)
        method, params = found.get("method"), found.get("params")
        given = cast("dict[str, Any]", params) if isinstance(params, dict) else {}
        if isinstance(method, str):
            return Asked(found["id"], method, given) if found.get("id") is not None else Told(method, given)
        answered = self._open.pop(found["id"], None) if isinstance(found.get("id"), int) else None
        if answered is None:
            return _noise(line)
        answered(_answer(found))
        return None

    def _line(self, message: Mapping[str, object]) -> None:
        # Not ASCII alone: escapes would make a text of other letters three times as long.
        text = json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False, separators=(",", ":"))
        # Node's readline takes these two for ends of lines. In a string an escape means the same.
        text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        self._send(text.encode("utf-8", "replace") + b"\n")


def _answer(found: Mapping[str, Any]) -> Answer:
    error, result = found.get("error"), found.get("result")
    if error is not None:
        return _error(error)
    return Answer(cast("dict[str, Any]", result) if isinstance(result, dict) else {})


def _error(error: object) -> Answer:
    if not isinstance(error, dict):
        return Answer({}, str(error) or "an error without words")
    found = cast("dict[str, Any]", error)
    code = found.get("code")
    said = [str(found.get("message") or "")]
    data = found.get("data")
    if isinstance(data, dict):
        data = cast("dict[str, Any]", data)
        said += [str(data.get(name) or "") for name in ("details", "message", "error")]
    elif data:
        said.append(str(data))
    text = ": ".join(dict.fromkeys(" ".join(each.split()) for each in said if each))
    return Answer({}, text or "an error without words", code if isinstance(code, int) else 0)


def _noise(line: bytes) -> Noise:
    return Noise(line[:400].decode("utf-8", "replace"))
