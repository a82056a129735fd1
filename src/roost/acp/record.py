"""The record of one conversation in one session: a JSON line for each thing that happened, in their order.

| `type` | when | with |
|---|---|---|
| `session` | it was begun or loaded | `conversation`, `loaded`, `loads` (its agent can), `replayed`, `why` |
| `replayed` | the agent showed an earlier prompt as it loaded | `text` |
| `submitted` | a prompt is about to be written to the agent | `turn`, `key`, `head` (its first line) |
| `prompt` | the agent has read it | `turn`, `key`, `text`, `by` (`call` or `person`) |
| `answered` | first sign of the model in a turn | `turn` |
| `said` | the agent has said something as a whole | `text` |
| `tool` | a tool has ended, or its turn | `id`, `title`, `input`, `output`, `status` |
| `turn_end` | the agent has answered the prompt | `turn`, `stop`, `failed`, `fault` |
| `compacted` | the end of a turn that was its command for that | |
| `permission` | the agent asks for one | `id`, `text`, `options` |
| `resolved` | it was answered | `id`, `option`, `by` |
| `error` | something is not as it should be | `text` |

All have `at` (ISO-8601). `replayed`: how many earlier prompts were shown. What stands here is on its way to
the disk: it outlives all processes, and not a power cut.
"""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Sequence

from roost.acp.folder import folder_name
from roost.acp.loop import Loop

_AGAIN = 1.0
"""Seconds until a line that could not be written is tried again."""


class Record:
    """`<folder>/<conversation>/<session>.jsonl`. `heard` is told of each line that stands in it."""

    def __init__(self, loop: Loop, folder: str, session: str, heard: Callable[[bytes], None]) -> None:
        """Nothing is written before `open`; what is noted until then follows the first lines."""
        self._loop = loop
        self._folder = folder
        self._session = session
        self._heard = heard
        self._descriptor = -1
        self._pending: deque[tuple[bytes, Callable[[], None] | None]] = deque()
        self._torn = 0
        self._waits = False
        self.trouble = ""
        """Why it cannot be written now, in the system's words."""

    def open(self, conversation: str, first: Sequence[tuple[str, dict[str, object]]]) -> None:
        """Begin the file of a conversation with these lines. Raises OSError, BadIdError."""
        folder = os.path.join(self._folder, folder_name(conversation))
        os.makedirs(folder, mode=0o700, exist_ok=True)
        path = os.path.join(folder, f"{self._session}.jsonl")
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._pending.extendleft((_line(kind, facts), None) for kind, facts in reversed(first))
        self._flush()

    def note(self, kind: str, then: Callable[[], None] | None = None, **facts: object) -> None:
        """Write one line, now or as soon as it can be written, in their order. Call `then` after that."""
        self._pending.append((_line(kind, facts), then))
        self._flush()

    def note_now(self, kind: str, **facts: object) -> bool:
        """Write one line now or never; whether it stands there."""
        self._flush()
        if self._descriptor < 0 or self._pending:
            return False
        self.note(kind, None, **facts)
        if not self._pending:
            return True
        # What a full disk took of it is no line, and whoever reads passes over it.
        self._pending[0] = (b"\n", None)
        self._torn = 0
        return False

    def _flush(self) -> None:
        if self._descriptor < 0:
            return
        try:
            while self._pending:
                line, then = self._pending[0]
                # A line of which a full disk took a part is gone on with, by the one who writes this file.
                self._torn += os.write(self._descriptor, line[self._torn :])
                if self._torn == len(line):
                    self._torn = 0
                    self._pending.popleft()
                    self._heard(line)
                    if then is not None:
                        then()
        except OSError as error:
            self.trouble = error.strerror or "it cannot be written"
            if not self._waits:
                self._waits = True
                self._loop.after(_AGAIN, self._try_again)
            return
        self.trouble = ""

    def _try_again(self) -> None:
        self._waits = False
        self._flush()


def _line(kind: str, facts: dict[str, object]) -> bytes:
    now = time.time()
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    whole = {"type": kind, **facts, "at": f"{at}.{int(now % 1 * 1e6):06d}Z"}
    return json.dumps(whole, separators=(",", ":")).encode() + b"\n"
