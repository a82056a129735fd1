"""The conversation file: what was said, one JSON line each, and what a resumed agent remembers."""

import json
import os
import re
from collections.abc import Iterator
from typing import Any, cast

from roost.demo_agent.log import append, timestamp

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class ConversationError(Exception):
    """The conversation cannot be opened; the message is the line to print."""


class Conversation:
    """An open conversation: `<state>/<id>.jsonl`."""

    __slots__ = ("_descriptor", "_path", "id")

    def __init__(self, state: str, identity: str, *, resume: bool) -> None:
        """Create the file, or open the existing one to resume it.

        Raises ConversationError when a new id exists already, a resumed one does not, or it is no id.
        """
        if not _ID.fullmatch(identity):
            message = f"Not a conversation ID: {identity!r}"
            raise ConversationError(message)
        self.id = identity
        self._path = os.path.join(state, f"{identity}.jsonl")
        os.makedirs(state, mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | (0 if resume else os.O_CREAT | os.O_EXCL)
        try:
            self._descriptor = os.open(self._path, flags, 0o600)
        except FileNotFoundError as error:
            message = f"No conversation found with ID {identity}"
            raise ConversationError(message) from error
        except FileExistsError as error:
            message = f"Conversation ID {identity} is already in use"
            raise ConversationError(message) from error
        if resume:
            self._close_torn_line()

    def _close_torn_line(self) -> None:
        """End a line that a killed predecessor left unfinished, so that the next one stands alone."""
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")

    def user(self, text: str, *, joins: bool = False) -> None:
        """Record a prompt as taken; `joins`: into the turn that was running."""
        joined = {"joins": True} if joins else {}
        append(self._descriptor, {"type": "user", "text": text, **joined, "at": timestamp()})

    def assistant(self, text: str) -> None:
        """Record an answer."""
        append(self._descriptor, {"type": "assistant", "text": text, "at": timestamp()})

    def turn_end(self, status: str) -> None:
        """Record that the turn ended: done, interrupted or failed."""
        append(self._descriptor, {"type": "turn_end", "status": status, "at": timestamp()})

    def wrote(self, path: str) -> None:
        """Record that a file was written."""
        append(self._descriptor, {"type": "wrote", "path": path, "at": timestamp()})

    def compact(self) -> None:
        """Forget what was said so far, but not how much."""
        append(self._descriptor, {"type": "compact", "at": timestamp()})

    def prompts(self) -> list[str]:
        """Return the text of every prompt that is remembered, oldest first."""
        prompts: list[str] = []
        for entry in self._entries():
            if entry.get("type") == "compact":
                prompts.clear()
            elif entry.get("type") == "user":
                prompts.append(str(entry.get("text", "")))
        return prompts

    def history(self) -> list[tuple[str, str]]:
        """Return who said what (`user` or `assistant`), as far as it is remembered, oldest first."""
        said: list[tuple[str, str]] = []
        for entry in self._entries():
            if entry.get("type") == "compact":
                said.clear()
            elif entry.get("type") in {"user", "assistant"}:
                said.append((str(entry["type"]), str(entry.get("text", ""))))
        return said

    def count(self) -> int:
        """Return how many prompts there were, with those that were compacted away."""
        count = 0
        for entry in self._entries():
            count += entry.get("type") == "user"
        return count

    def _entries(self) -> Iterator[dict[str, Any]]:
        """Yield the file's records; unreadable lines are passed over."""
        with open(self._path, "rb") as lines:
            for line in lines:
                try:
                    record: Any = json.loads(line)
                except ValueError:
                    continue
                if isinstance(record, dict):
                    yield cast("dict[str, Any]", record)
