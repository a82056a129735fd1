"""The log of what arrived, in memory and as a file of JSON lines."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec


class Arrival(msgspec.Struct, frozen=True):
    """One request that arrived, and what it was answered."""

    at: float
    """Unix time in seconds."""
    number: int
    """Position among all requests, from 1."""
    method: str
    path: str
    kind: str
    headers: dict[str, str]
    """Without those that carry credentials."""
    session: str
    """The CLI's own id of its conversation, as the headers say; empty when they do not."""
    tools: list[str]
    user_texts: list[str]
    """Every text of the user in the request, whole, in order."""
    results: list[str]
    """The texts of all tool results in the request."""
    answer: str
    """The act decided upon, for people to read."""
    results_since: int = 0
    """Tool results that came for the texts which wait for an answer: 0 is a turn that begins."""
    waiting: int = 1
    """How many of the user's texts wait for an answer: none where an interrupt ended their turn."""
    failed: bool = False
    """Answered with an HTTP error."""


class Journal:
    """Arrivals in order. Safe to use from several threads."""

    def __init__(self, path: Path | None = None, bodies: Path | None = None) -> None:
        """Also append each arrival to the file `path` as a JSON line, and keep whole bodies in a folder."""
        self._path: Path | None = path
        self._bodies: Path | None = bodies
        self._changed: threading.Condition = threading.Condition()
        self._arrivals: list[Arrival] = []
        self._numbers: int = 0
        self._ended: dict[int, tuple[float, bool]] = {}

    def number(self) -> int:
        """The next request's number."""
        with self._changed:
            self._numbers += 1
            return self._numbers

    def keep(self, number: int, body: bytes) -> None:
        """Write a request's body to `<number>.json`, when a folder for bodies was given."""
        if self._bodies is not None:
            _ = (self._bodies / f"{number}.json").write_bytes(body)

    def add(self, arrival: Arrival) -> None:
        """Record an arrival before it is answered."""
        with self._changed:
            if self._path is not None:
                with self._path.open("ab") as file:
                    _ = file.write(msgspec.json.encode(arrival) + b"\n")
            self._arrivals.append(arrival)
            self._changed.notify_all()

    def end(self, number: int, *, whole: bool) -> None:
        """The answer to a request has been sent; not `whole`: its client has gone before."""
        with self._changed:
            self._ended[number] = (time.time(), whole)

    def ended(self, number: int) -> tuple[float, bool] | None:
        """When the answer to a request was over (Unix seconds), and if it was whole; None until then."""
        with self._changed:
            return self._ended.get(number)

    def all(self) -> list[Arrival]:
        """What arrived so far."""
        with self._changed:
            return list(self._arrivals)

    def wait_for(self, wanted: Callable[[Arrival], bool], timeout: float = 20.0) -> Arrival:
        """The first arrival that is wanted; waits up to `timeout` seconds.

        Raises TimeoutError, which lists what did arrive.
        """
        deadline = time.monotonic() + timeout
        seen = 0
        with self._changed:
            while True:
                for arrival in self._arrivals[seen:]:
                    if wanted(arrival):
                        return arrival
                seen = len(self._arrivals)
                left = deadline - time.monotonic()
                if left <= 0:
                    had = [(each.number, each.kind, each.path, each.answer[:80]) for each in self._arrivals]
                    msg = f"no such request within {timeout} s; arrived: {had}"
                    raise TimeoutError(msg)
                _ = self._changed.wait(left)
