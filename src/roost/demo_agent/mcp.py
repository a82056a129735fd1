"""Calling the fabric's MCP tools over streamable HTTP, by hand, in a thread of its own."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

PROTOCOL = "2025-06-18"
PATIENCE = 30.0
"""Seconds for which an unreachable server is tried again."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_ANSWER_PATIENCE = 60.0
_UNINITIALISED = {400, 404, 409, 422}
_UNREACHABLE = (ConnectionError, http.client.RemoteDisconnected, http.client.IncompleteRead)


class CallError(Exception):
    """The server answered, and refused."""


class UninitialisedError(CallError):
    """The server refused, perhaps because it wants `initialize` first."""


class UnavailableError(ConnectionError):
    """The server is there and cannot serve yet (HTTP 503): as good as not reached."""


def answer_in(content_type: str, payload: bytes, request: int) -> dict[str, Any]:
    """Return the JSON-RPC answer to `request` from a JSON or an event-stream payload; raises CallError."""
    if content_type.startswith("text/event-stream"):
        blocks = payload.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n")
        texts = [
            "\n".join(line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:"))
            for block in blocks
        ]
    else:
        texts = [payload.decode("utf-8", "replace")]
    for text in texts:
        try:
            answer: Any = json.loads(text)
        except ValueError:
            continue
        if isinstance(answer, dict) and cast("dict[str, Any]", answer).get("id") == request:
            return cast("dict[str, Any]", answer)
    message = f"the server's answer is not understood: {payload[:200]!r}"
    raise CallError(message)


class Client:
    """One MCP server at `<url>/mcp`, with a bearer token. Not for use by several threads at once."""

    __slots__ = ("_headers", "_host", "_meta", "_path", "_port", "_request")

    def __init__(self, url: str, token: str, traceparent: str = "") -> None:
        """`traceparent`: the span that calls are part of. Raises ValueError for a URL that cannot be used."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            message = f"ROOST_URL is not an http address: {url!r}"
            raise ValueError(message)
        self._host = parts.hostname
        self._port = parts.port or 80
        self._path = f"{parts.path.rstrip('/')}/mcp"
        self._request = 0
        self._meta = {"_meta": {"traceparent": traceparent}} if traceparent else {}
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": PROTOCOL,
        }

    def call(self, tool: str, arguments: dict[str, Any]) -> str:
        """Call a tool once and return the text of its result.

        Raises CallError when it is refused, and one of the OSErrors of a server that cannot be reached.
        """
        parameters = {"name": tool, "arguments": arguments, **self._meta}
        try:
            result = self._ask("tools/call", parameters)
        except UninitialisedError:
            self._initialise()
            result = self._ask("tools/call", parameters)
        content = cast("list[dict[str, Any]]", result.get("content") or [])
        text = "\n".join(str(part.get("text", "")) for part in content)
        if result.get("isError"):
            raise CallError(text or "the tool failed")
        return text

    def _initialise(self) -> None:
        """Open an MCP session, for a server that keeps such state."""
        self._headers.pop("Mcp-Session-Id", None)
        client = {"name": "roost-demo-agent", "version": "1"}
        self._ask("initialize", {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client})
        self._post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def _ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Send one request and return its result."""
        self._request += 1
        request = {"jsonrpc": "2.0", "id": self._request, "method": method, "params": parameters}
        status, content_type, payload = self._post(request)
        if status != http.client.OK:
            message = f"HTTP {status}: {payload[:200].decode('utf-8', 'replace').strip()}"
            raise UninitialisedError(message) if status in _UNINITIALISED else CallError(message)
        answer = answer_in(content_type, payload, self._request)
        if "error" in answer:
            message = str(answer["error"].get("message", answer["error"]))
            raise UninitialisedError(message) if "initializ" in message.lower() else CallError(message)
        result = answer.get("result")
        return cast("dict[str, Any]", result) if isinstance(result, dict) else {}

    def _post(self, message: dict[str, Any]) -> tuple[int, str, bytes]:
        """Post one JSON-RPC message; return status, content type and payload.

        Raises UnavailableError, whichever message it was: the whole call is then begun again.
        """
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_ANSWER_PATIENCE)
        try:
            connection.request("POST", self._path, json.dumps(message).encode(), self._headers)
            response = connection.getresponse()
            session = response.getheader("Mcp-Session-Id")
            if session:
                self._headers["Mcp-Session-Id"] = session
            payload = response.read()
            if response.status == http.client.SERVICE_UNAVAILABLE:
                raise UnavailableError(f"HTTP {response.status}")
            return response.status, response.getheader("Content-Type") or "", payload
        finally:
            connection.close()


def call_patiently(
    client: Client,
    tool: str,
    arguments: dict[str, Any],
    cancelled: threading.Event,
    patience: float = PATIENCE,
) -> str:
    """Call a tool; while the server cannot be reached, try again for `patience` seconds.

    A connection that died before its answer is tried again as well: the arguments hold an idempotency key.
    Raises CallError when refused, cancelled or out of patience.
    """
    deadline = time.monotonic() + patience
    pause = _FIRST_PAUSE
    while True:
        try:
            return client.call(tool, arguments)
        except _UNREACHABLE as error:
            if time.monotonic() + pause > deadline:
                message = f"no answer from the message service for {patience:g} s ({error})"
                raise CallError(message) from error
        except OSError as error:
            raise CallError(str(error)) from error
        if cancelled.wait(pause):
            message = "cancelled"
            raise CallError(message)
        pause = min(pause * 2, _LONGEST_PAUSE)


class Call:
    """A tool call running in a thread, which calls `finished` at its end; `error` is then "" for success."""

    __slots__ = ("_cancelled", "done", "error")

    def __init__(
        self, client: Client, tool: str, arguments: dict[str, Any], finished: Callable[[], None]
    ) -> None:
        """Start the call."""
        self._cancelled = threading.Event()
        self.done = False
        self.error = ""

        def run() -> None:
            try:
                call_patiently(client, tool, arguments, self._cancelled)
            except (CallError, http.client.HTTPException) as error:
                self.error = str(error) or type(error).__name__
            self.done = True
            finished()

        threading.Thread(target=run, name="mcp-call", daemon=True).start()

    def cancel(self) -> None:
        """Stop trying; a request that is under way cannot be taken back."""
        self._cancelled.set()
