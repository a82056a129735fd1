"""Passes what an MCP client asks to the daemon, and the answers back, until the client closes its end.

The main thread reads; each request is asked by a thread of a few, so that a wait for mail holds up nothing.
"""

from __future__ import annotations

import os
import select
import sys
from queue import SimpleQueue
from threading import Lock, Thread

from roost.cli.bridge.calls import NEVER_MET, RETURNS, Call, GivenUpError
from roost.cli.bridge.lines import LONGEST, Input, Output, read
from roost.cli.bridge.rpc import (
    INVALID_REQUEST,
    TROUBLE,
    InvalidError,
    Message,
    agreed_version,
    answered,
    goes_on,
    refused,
)
from roost.errors import RoostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from roost.client.connection import Record

AT_ONCE = 8
"""Requests that are asked at a time; the daemon takes 256 connections, and others want some, too."""
WAITING = 1000
"""Requests that wait for that."""
NEWS = 10.0
"""Seconds after which a client that wants to hear of it is told that its request goes on."""
GONE = 141
"""The exit code when nobody reads our answers any more."""
LEAVING = 1.0
"""Seconds for a line that is being written when the client leaves, and for the mail that it has got."""


class Bridge:
    """One client, for as long as it has this process."""

    def __init__(
        self, path: str, token: str | None, peer: str | None, on_note: Callable[[str], None]
    ) -> None:
        """The daemon at `path`; `peer`: whom the client speaks for, None for who holds the token or asks."""
        self._path = path
        self._token = token
        self._peer = peer
        self._on_note = on_note
        self._version: str | None = None
        self._met = False
        self._output = Output(sys.stdout.fileno())
        self._showing = Lock()
        self._work: SimpleQueue[tuple[Message, Call]] = SimpleQueue()
        self._calls: dict[object, tuple[Message, Call]] = {}
        self._threads = 0
        self._news = 0

    def run(self) -> int:
        """Serve until the client closes its end; what it still waits for is given up then."""
        source = sys.stdin.fileno()
        lines = Input()
        coming = select.poll()
        coming.register(source, select.POLLIN)
        while True:
            if not coming.poll(NEWS * 1000 if self._told_of() else None):
                self._tell()
                continue
            chunk = read(source)
            if not chunk:
                self._showing.acquire(timeout=LEAVING)
                self._output.close(LEAVING)
                return 0
            for line in lines.take(chunk):
                self._take(line)

    def _take(self, line: bytes | None) -> None:
        if line is None:
            self._say(refused(None, INVALID_REQUEST, f"the line is longer than {LONGEST} bytes"))
            return
        if not line.strip():
            return
        try:
            message = Message(line)
        except InvalidError as error:
            self._say(refused(error.id, error.code, error.why))
            return
        if message.is_request:
            self._request(message)
        elif message.cancels is not None:
            job = self._calls.pop(message.cancels, None)
            if job is not None:
                job[1].give_up()

    def _request(self, message: Message) -> None:
        if message.method == "ping":
            self._say(answered(message.id, {}))
            return
        if message.id in self._calls:
            self._say(refused(message.id, INVALID_REQUEST, "a request with this id is being answered"))
            return
        if len(self._calls) >= WAITING:
            self._say(refused(message.id, TROUBLE, f"{WAITING} requests are open; wait for an answer"))
            return
        job = message, Call(self._path, self._token, self._on_note)
        self._calls[message.id] = job
        self._work.put(job)
        if self._threads < AT_ONCE:
            self._threads += 1
            Thread(target=self._serve, name="call", daemon=True).start()

    def _serve(self) -> None:
        """Ask one after another."""
        while True:
            message, call = self._work.get()
            try:
                self._ask(message, call)
            except GivenUpError:
                continue
            except RoostError as error:
                if not call.answered:
                    self._answer(message, call, refused(message.id, TROUBLE, error.message))
                else:
                    self._on_note(f"roost: {error.message}")

    def _ask(self, message: Message, call: Call) -> None:
        twice = message.keyed()
        params: Record = {"request": message.text, "name": self._peer, "protocol": self._version}

        def take(event: Record) -> None:
            """The answer; the mail in it is read once the client has it."""
            self._met = True
            if message.method == "initialize":
                self._version = agreed_version(event["answer"])
            if not event["read"]:
                self._answer(message, call, event["answer"])
                return
            with self._showing:
                if self._answer(message, call, event["answer"]):
                    read_ones = {"name": event["name"], "ids": event["read"]}
                    Call(self._path, self._token, self._on_note).ask("acknowledge", read_ones, twice=True)
                else:
                    call.give_up()

        call.ask("mcp", params, take, twice=twice, returns=RETURNS if self._met else NEVER_MET)

    def _answer(self, message: Message, call: Call, line: str) -> bool:
        """Answer a request, unless its client has given it up."""
        if self._calls.get(message.id) != (message, call):
            return False
        self._say(line)
        call.answered = True
        self._calls.pop(message.id, None)
        return True

    def _say(self, line: str) -> None:
        """Write a line; when nobody reads it, all is over."""
        try:
            self._output.write(line)
        except OSError:
            os._exit(GONE)

    def _told_of(self) -> list[tuple[Message, Call]]:
        """What is open and whose client wants to hear that it goes on."""
        return [job for job in list(self._calls.values()) if job[0].progress_token is not None]

    def _tell(self) -> None:
        self._news += 1
        for message, _ in self._told_of():
            self._say(goes_on(message.progress_token, self._news))
