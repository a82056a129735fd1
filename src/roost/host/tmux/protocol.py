"""tmux's control protocol as a parser without I/O: bytes in, blocks and notifications out.

tmux 3.3a: each command of a line answers with `%begin <time> <number> <flags>`, its output, and `%end` or
`%error` with the same three values; flags 1 marks answers to our own commands. Lines between blocks are
notifications (`%name ...`), or bare text: late errors of commands that finish in the background
(`load-buffer` of a missing file) and messages of the client itself.
"""

from msgspec import Struct

_OWN = 1


class Block(Struct, frozen=True):
    """The answer to one command. `own`: we asked for it (attaching gives one block that nobody asked for)."""

    number: int
    own: bool
    error: bool
    lines: tuple[str, ...]


class Notification(Struct, frozen=True):
    """A line outside all blocks: `name` without its percent sign (empty for bare text) and the rest."""

    name: str
    text: str


class _Open(Struct, frozen=True):
    """A block that has begun; `suffix` is what its last line must repeat, so output cannot end it early."""

    suffix: bytes
    number: int
    own: bool


class ControlParser:
    """Feed it what tmux writes, in pieces of any size."""

    def __init__(self) -> None:
        """Start between two blocks."""
        self._rest = b""
        self._open: _Open | None = None
        self._lines: list[str] = []

    def feed(self, data: bytes) -> list[Block | Notification]:
        """What became complete with `data`, in order."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        events: list[Block | Notification] = []
        for line in lines:
            event = self._line(line)
            if event is not None:
                events.append(event)
        return events

    def _line(self, line: bytes) -> Block | Notification | None:
        if self._open is None:
            return self._outside(line)
        if line in (b"%end" + self._open.suffix, b"%error" + self._open.suffix):
            block = Block(self._open.number, self._open.own, line.startswith(b"%error"), tuple(self._lines))
            self._open = None
            self._lines = []
            return block
        self._lines.append(_text(line))
        return None

    def _outside(self, line: bytes) -> Notification | None:
        line = line.removesuffix(b"\r")
        head, _, tail = line.partition(b" ")
        if head == b"%begin":
            begun = _begin(tail)
            if begun is not None:
                self._open = begun
                return None
        if head.startswith(b"%"):
            return Notification(_text(head[1:]), _text(tail))
        return Notification("", _text(line)) if line else None


def _begin(tail: bytes) -> _Open | None:
    fields = tail.split(b" ")
    try:
        _, number, flags = (int(field) for field in fields)
    except ValueError:
        return None
    return _Open(b" " + tail, number, bool(flags & _OWN))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
