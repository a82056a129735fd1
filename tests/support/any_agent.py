"""Small terminal programs for `[runtimes.NAME]`: `any_agent.py KIND LOG [RECORD]`.

`cooked`: takes lines, and its terminal does not echo. `raw`: takes what comes before an Enter outside a
paste, and never draws any of it. `readline`: a Python program's `input()`. `banner`: its prompt stands in
the first line for ever, and what is typed below it.

LOG gets a line for each text that is taken, RECORD the same and a line that ends the turn. A paste with the
word `opensdialog` in it opens a dialog at once, which `y` closes (raw and banner); LOG tells its keys.
"""

import json
import os
import sys
import termios
import tty
from collections.abc import Callable
from pathlib import Path

START, END, ENTER = b"\x1b[200~", b"\x1b[201~", b"\r"


class Log:
    """What was taken."""

    def __init__(self, log: str, *record: str) -> None:
        self._log = Path(log)
        self._record = [Path(path) for path in record]

    def take(self, text: str) -> None:
        self.note(entered=text)
        for path in self._record:
            with path.open("a") as file:
                file.write(json.dumps({"type": "prompt", "text": text}) + "\n")
                file.write('{"type": "turn_done"}\n')

    def note(self, **entry: str) -> None:
        with self._log.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def cooked(log: Log) -> None:
    modes = termios.tcgetattr(0)
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, modes)
    os.write(1, b"cooked> ")
    for line in sys.stdin:
        log.take(line.removesuffix("\n"))


def readline(log: Log) -> None:
    import readline

    readline.parse_and_bind("set enable-bracketed-paste on")
    while True:
        log.take(input("readline> "))


class Raw:
    """A program in raw mode, which draws by itself, or does not."""

    def __init__(self, log: Log, *, draws: bool) -> None:
        self._log = log
        self._draws = draws
        self._held = b""
        self._dialog = False

    def serve(self) -> None:
        tty.setraw(0)
        os.write(1, b"\x1b[?2004h")
        self._show()
        while data := os.read(0, 65536):
            if self._dialog:
                self._answer(data)
            else:
                self._held += data
                self._look()
            if self._draws:
                self._show()

    def _answer(self, data: bytes) -> None:
        self._log.note(answered=data.decode(errors="replace"))
        if b"y" in data:
            self._dialog = False
            self._show()

    def _look(self) -> None:
        rest = self._held.rpartition(END)[2] if END in self._held else self._held
        if self._held.count(START) > self._held.count(END):
            return
        if ENTER in rest:
            self._log.take(self._held.decode(errors="replace"))
            self._held = b""
        elif b"opensdialog" in self._held:
            self._held = self._held.replace(b"opensdialog", b"openedone")
            self._dialog = True
            self._show()

    def _show(self) -> None:
        text = (
            self._held.replace(START, b"").replace(END, b"").replace(b"\n", b"\r\n") if self._draws else b""
        )
        shows = (
            b"Allow? (y)" if self._dialog else b"raw> " if not self._draws else b"banner> \r\n" + text[-4000:]
        )
        os.write(1, b"\x1b[H\x1b[2J" + shows)


KINDS: dict[str, Callable[[Log], None]] = {
    "cooked": cooked,
    "readline": readline,
    "raw": lambda log: Raw(log, draws=False).serve(),
    "banner": lambda log: Raw(log, draws=True).serve(),
}

if __name__ == "__main__":
    KINDS[sys.argv[1]](Log(*sys.argv[2:]))
