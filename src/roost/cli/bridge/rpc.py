"""JSON-RPC as the bridge reads and answers it."""

from __future__ import annotations

import os

from roost.client.wire import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from roost.client.connection import Record

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
TROUBLE = -32000
"""The daemon could not answer."""
_LOOKS = frozenset({"list_peers", "read_inbox"})
"""Tools that may be called twice: what `read_inbox` showed to nobody is not read."""
_KEYED = "send_message"
_NO_KEY = frozenset({"", "null", "none", "undefined", "n/a"})
"""What the daemon takes for none."""


def is_id(value: object) -> bool:
    """Whether a request may have it for an id."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def _object(value: Any) -> Record:  # noqa: ANN401 -- JSON
    """A JSON object; an empty one in the place of anything else."""
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] -- JSON


class InvalidError(Exception):
    """A line that is no message of JSON-RPC."""

    def __init__(self, code: int, why: str, message_id: object = None) -> None:
        """What is wrong with it, and its id where that can be told."""
        super().__init__(why)
        self.code = code
        self.why = why
        self.id = message_id


class Message:
    """One message of the client's."""

    def __init__(self, line: bytes) -> None:
        """Read it. Raises InvalidError."""
        try:
            self.text = line.decode()
            given: Any = decode(line)
        except (ValueError, RecursionError) as error:
            raise InvalidError(PARSE_ERROR, f"this line is no JSON: {error}") from error
        if not isinstance(given, dict):
            raise InvalidError(INVALID_REQUEST, "a line is one JSON object: one message of JSON-RPC")
        self._given = _object(given)
        self.id: object = self._given.get("id")
        if "id" in given and not is_id(self.id):
            raise InvalidError(INVALID_REQUEST, "the id of a request is a string or a whole number")
        if self.method is None and "result" not in given and "error" not in given:
            raise InvalidError(INVALID_REQUEST, "the method is missing, or no text", self.id)

    @property
    def method(self) -> str | None:
        """What is asked for; None of an answer."""
        method = self._given.get("method")
        return method if isinstance(method, str) else None

    @property
    def is_request(self) -> bool:
        """Whether an answer is waited for."""
        return self.method is not None and "id" in self._given

    @property
    def params(self) -> Record:
        """Its parameters."""
        return _object(self._given.get("params"))

    @property
    def progress_token(self) -> object:
        """By what its client wants to hear that it goes on; None where it does not."""
        token: object = _object(self.params.get("_meta")).get("progressToken")
        return token if is_id(token) else None

    @property
    def cancels(self) -> object:
        """The id of the request that is given up by it; None of anything else."""
        given: object = self.params.get("requestId") if self.method == "notifications/cancelled" else None
        return given if is_id(given) else None

    def keyed(self) -> bool:
        """Give a message that is sent a key, where it has none; whether it may now be asked for twice."""
        if self.method != "tools/call":
            return True
        name: object = self.params.get("name")
        arguments = _object(self.params.get("arguments"))
        if name == _KEYED and arguments:
            key: object = arguments.get("key")
            if key is None or (isinstance(key, str) and key.strip().lower() in _NO_KEY):
                arguments["key"] = f"mcp-{os.urandom(16).hex()}"
                self.text = encode(self._given, ascii_only=True)
            return True
        return isinstance(name, str) and name in _LOOKS


def answered(message_id: object, result: Record) -> str:
    """An answer."""
    return encode({"jsonrpc": "2.0", "id": message_id, "result": result}, ascii_only=True)


def refused(message_id: object, code: int, why: str) -> str:
    """An error for an answer."""
    error = {"code": code, "message": why}
    return encode({"jsonrpc": "2.0", "id": message_id, "error": error}, ascii_only=True)


def goes_on(token: object, times: int) -> str:
    """News that a request is being answered still."""
    params = {"progressToken": token, "progress": times, "message": "waiting"}
    return encode({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}, ascii_only=True)


def agreed_version(answer: str) -> str | None:
    """The protocol version that an answer to `initialize` names; None of a refusal."""
    version: object = _object(_object(decode(answer.encode())).get("result")).get("protocolVersion")
    return version if isinstance(version, str) else None
