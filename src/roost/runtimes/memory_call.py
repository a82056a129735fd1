"""The in-memory twin of a program with an API: it takes prompts, ends turns and asks when it is told to."""

import json
from enum import StrEnum

from roost.runtimes.call import CallLostError, CallRefusedError, Heard


class Fault(StrEnum):
    """What happens to the next prompt: `LOST`: not taken, `UNHEARD`: taken, and in both no answer comes."""

    LOST = "lost"
    UNHEARD = "unheard"


class MemoryCall:
    """One program. Its record is `lines`, in the form of `roost.acp`'s records.

    `tell` passes lines on at once; `fault` strikes once. `asks` is the permission request that is open.
    """

    def __init__(self, heard: Heard = lambda _lines: None) -> None:
        """It is at rest. `heard` is told of each line of its record."""
        self.prompts: dict[str, str] = {}
        self.lines: list[bytes] = []
        self.turn: str | None = None
        self.asks: str | None = None
        self.answers: dict[str, str] = {}
        self.fault: Fault | None = None
        self.interrupts = 0
        self._heard = heard

    async def submit(self, key: str, text: str, *, joins: bool, traceparent: str | None = None) -> None:
        """Take the prompt unless it has it, is in a turn or asks something."""
        del traceparent
        if key in self.prompts:
            return
        if self.asks is not None or (self.turn is not None and not joins):
            raise CallRefusedError("it is in a turn" if self.asks is None else "it asks for a permission")
        fault, self.fault = self.fault, None
        if fault is not Fault.LOST:
            self.prompts[key] = text
            self.turn = self.turn or key
            self._write("prompt", key=key, text=text, joins=joins)
        if fault is not None:
            raise CallLostError("no answer came")

    async def has(self, key: str) -> bool:
        """Whether it took the prompt of that key."""
        return key in self.prompts

    async def interrupt(self) -> None:
        """End the turn."""
        self.interrupts += 1
        if self.turn is not None:
            self.end(stop="cancelled")

    async def compact(self) -> None:
        """Refused: it cannot."""
        raise CallRefusedError("it cannot compact its conversation")

    async def answer(self, request: str, option: str, text: str = "") -> None:
        """Answer what it asks."""
        del text
        if request != self.asks:
            raise CallRefusedError(f"it does not ask {request}")
        self.asks, self.answers[request] = None, option
        self._write("resolved", id=request, option=option, by="call")

    async def follow(self, heard: Heard) -> None:
        """From now on tell this one."""
        self._heard = heard

    async def close(self) -> None:
        """Nothing is held."""

    def end(self, stop: str = "end_turn") -> None:
        """Its turn ends."""
        self.turn = self.asks = None
        self._write("turn_end", stop=stop)

    def ask(self, request: str, text: str) -> None:
        """It asks for a permission in its turn."""
        self.asks = request
        self._write("permission", id=request, text=text)

    def _write(self, kind: str, **facts: object) -> None:
        line = json.dumps({"type": kind, **facts}).encode()
        self.lines.append(line)
        self._heard([line])
