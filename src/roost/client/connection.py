"""One request to the daemon: a line of JSON to its Unix socket, lines of JSON back."""

from __future__ import annotations

import os
from _socket import AF_UNIX, SOCK_STREAM, socket  # `socket` itself loads enums and selectors: 8 ms

from roost.client.wire import decode, encode
from roost.errors import DeniedError, NoDaemonError, RoostError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Any, TypeAlias

Record = dict[str, "Any"]
"""One JSON object."""
Answer: TypeAlias = "Any"
"""What a method returns: JSON, in the shape that the method documents."""
DOWN = "the daemon is down"
"""How everything begins that is said of it then."""
PATIENCE = 30.0
"""Seconds without an answer after which a request that does no lengthy work is given up."""
_CHUNK = 64 * 1024
_MUTE = "the daemon at {path} did not answer within {seconds:g} s; `roost doctor` looks for the reason"
_GONE = "the daemon went away before it answered; `roost status` tells if it is back"


def _reach(path: str, patience: float | None) -> socket:
    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.settimeout(patience)
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection


reach: Callable[[str, float | None], socket] = _reach
"""Connects to a path; so many seconds may pass before each answer. Raises OSError.

Behind the native door it is the caller that connects: the daemon asks the kernel who did.
"""


class RemoteError(RoostError):
    """The daemon refused the request."""

    def __init__(self, error: Record) -> None:
        """Take the daemon's own sentence, the exit code that it chose, and the facts that it gave."""
        super().__init__(str(error.get("message") or "the daemon refused the request"))
        self.remote_code = str(error.get("code"))
        self.status = _status(error)
        self.facts: Record = error.get("facts") or {}


class ConnectionLostError(RoostError):
    """The daemon went away before it answered; `roost status` tells if it is back."""

    code = "connection-lost"
    # The fact `mute`: it is there, and does not answer.


class Client:
    """Talks to the daemon behind one socket path."""

    def __init__(self, path: str, token: str | None, on_note: Callable[[str], None]) -> None:
        """`token` goes along with each request; `on_note` gets the lines meant for stderr."""
        self.path = path
        self._token = token
        self._on_note = on_note

    def call(
        self,
        method: str,
        params: Record | None = None,
        *,
        on_event: Callable[[Record], None] | None = None,
        patience: float | None = PATIENCE,
    ) -> Answer:
        """Send one request and return its result; events go to `on_event` as they arrive.

        `patience`: seconds between two lines, None for a method that may take as long as it takes. Raises
        NoDaemonError, RemoteError with the daemon's own sentence, ConnectionLostError.
        """
        answers = self._answers(method, params, patience)
        try:
            for answer in answers:
                if "event" not in answer:
                    return answer.get("result")
                if on_event is not None:
                    on_event(answer["event"])
        finally:
            answers.close()
        raise ConnectionLostError(_GONE)

    def stream(
        self, method: str, params: Record | None = None, *, patience: float | None = PATIENCE
    ) -> Generator[Record, None, None]:
        """The pieces of an answer that comes in pieces, as they arrive, to its end; see `call`."""
        answers = self._answers(method, params, patience)
        try:
            for answer in answers:
                if "event" not in answer:
                    return
                yield answer["event"]
        finally:
            answers.close()
        raise ConnectionLostError(_GONE)

    def reach(self) -> None:
        """Connect, and ask nothing. Raises NoDaemonError, ConnectionLostError."""
        self._connect(PATIENCE).close()

    def _answers(
        self, method: str, params: Record | None, patience: float | None
    ) -> Generator[Record, None, None]:
        """The lines that answer one request, without their notes, up to the result."""
        request: Record = {"id": 1, "method": method, "params": params or {}}
        if self._token:
            request["token"] = self._token
        line = _as_typed(encode(request)) + b"\n"
        connection = self._connect(patience)
        try:
            for answer in self._exchange(connection, line, patience):
                if "event" not in answer:
                    for note in answer.get("notes") or ():
                        self._on_note(str(note))
                    error: Record | None = answer.get("error")
                    if error is not None:
                        raise RemoteError(error)
                yield answer
        finally:
            connection.close()

    def _connect(self, patience: float | None) -> socket:
        try:
            if os.stat(os.path.dirname(self.path)).st_uid not in (os.getuid(), 0):  # noqa: PTH116, PTH120 -- start-up time
                raise DeniedError(f"{self.path} is in another user's folder; nothing was sent to it")
            return reach(self.path, patience)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
            raise NoDaemonError from error
        except TimeoutError as error:
            raise ConnectionLostError(_MUTE.format(path=self.path, seconds=patience), mute=True) from error
        except OSError as error:
            raise RoostError(f"cannot reach the daemon at {self.path}: {error.strerror or error}") from error

    def _exchange(self, connection: socket, request: bytes, patience: float | None) -> Iterator[Record]:
        """Every answer to the request, until the daemon hangs up."""
        try:
            connection.sendall(request)
        except OSError as error:
            # The daemon may refuse an over-long request before it has read all of it: its answer counts.
            if not isinstance(error, BrokenPipeError | ConnectionResetError):
                raise ConnectionLostError(_GONE) from error
        for line in self._lines(connection, patience):
            try:
                answer: Record = decode(line)
            except ValueError as error:
                raise RoostError("the daemon's answer is not JSON; is it of another version?") from error
            yield answer

    def _lines(self, connection: socket, patience: float | None) -> Iterator[bytes]:
        """Every whole line, until the daemon hangs up."""
        parts: list[bytes] = []
        while True:
            try:
                chunk = connection.recv(_CHUNK)
            except TimeoutError as error:
                raise ConnectionLostError(
                    _MUTE.format(path=self.path, seconds=patience), mute=True
                ) from error
            except OSError as error:
                raise ConnectionLostError(_GONE) from error
            if not chunk:
                return
            *ends, rest = chunk.split(b"\n")
            for end in ends:
                yield b"".join([*parts, end])
                parts = []
            parts.append(rest)


def _as_typed(text: str) -> bytes:
    """UTF-8, also of words of a command line that the locale's encoding could not read. Raises UsageError."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    try:
        typed = text.encode(errors="surrogateescape")
        typed.decode()
    except UnicodeError as broken:
        raise UsageError("an argument is not UTF-8") from broken
    return typed


def _status(error: Record) -> int:
    status = error.get("exit_code")
    return status if isinstance(status, int) and 1 <= status <= 255 else 1  # noqa: PLR2004 -- what an exit code holds
