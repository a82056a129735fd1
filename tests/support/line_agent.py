"""A small terminal program for `[runtimes.NAME]`: a prompt, bracketed paste, and a log of what it took.

`line_agent.py LOG [--resume]`. It knows nothing of roost: it logs prompts and ends of turns, and answers
nobody. A prompt with a line `ask` opens a dialog; `y` closes it.
"""

import json
import os
import sys
import termios
import tty
from pathlib import Path

PROMPT = "line> "
START, END = b"\x1b[200~", b"\x1b[201~"


def note(log: Path, **entry: str) -> None:
    with log.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def draw(text: str) -> None:
    os.write(1, b"\x1b[H\x1b[2J" + text.replace("\n", "\r\n").encode())


def main() -> None:
    log = Path(sys.argv[1])
    note(log, type="begin", how=" ".join(sys.argv[2:]))
    before = termios.tcgetattr(0)
    tty.setraw(0)
    os.write(1, b"\x1b[?2004h")
    try:
        LineAgent(log).serve()
    finally:
        os.write(1, b"\x1b[?2004l")
        termios.tcsetattr(0, termios.TCSANOW, before)


class LineAgent:
    """The program's state: the draft, and whether the dialog is open."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._draft = b""
        self._dialog = False

    def serve(self) -> None:
        """Take input until Ctrl-D or the terminal's end."""
        held = b""
        self._show()
        while data := os.read(0, 65536):
            held += data
            if START in held and END not in held:
                continue
            if START in held:
                self._draft += held.partition(START)[2].partition(END)[0]
                held = held.partition(END)[2]
            for key in held.decode(errors="replace"):
                if key == "\x04":
                    return
                self._take(key)
            held = b""
            self._show()

    def _take(self, key: str) -> None:
        if self._dialog:
            note(self._log, type="answered", key=key)
            if key == "y":
                self._dialog = False
                note(self._log, type="turn_done")
        elif key == "\r" and self._draft:
            self._turn(self._draft.decode().replace("\r", "\n"))
        elif key.isprintable():
            self._draft += key.encode()

    def _turn(self, text: str) -> None:
        self._draft = b""
        draw("busy with it")
        note(self._log, type="prompt", text=text)
        self._dialog = "\nask\n" in text
        if not self._dialog:
            note(self._log, type="turn_done")

    def _show(self) -> None:
        draft = self._draft.decode()[-60:].replace("\n", " ")
        draw("Proceed? (y)" if self._dialog else PROMPT + draft)


if __name__ == "__main__":
    main()
