"""A terminal program that shows nothing of what it is sent, for `[runtimes.NAME]`.

`mute_agent.py LOG [PROMPTS]`. Its prompt stands there whatever happens. LOG gets a line for each Enter
outside a paste, with the bytes before it; PROMPTS, its record, the text and a line that ends the turn.
"""

import json
import os
import sys
import termios
import tty
from pathlib import Path

START, END, ENTER = b"\x1b[200~", b"\x1b[201~", b"\r"


def note(path: str, **entry: str) -> None:
    with Path(path).open("a") as file:
        file.write(json.dumps(entry) + "\n")


def main() -> None:
    log, *record = sys.argv[1:]
    before = termios.tcgetattr(0)
    tty.setraw(0)
    os.write(1, b"\x1b[?2004h\x1b[H\x1b[2Jmute> ")
    held = b""
    try:
        while data := os.read(0, 65536):
            held += data
            rest = held.rpartition(END)[2] if END in held else held
            if held.count(START) > held.count(END) or ENTER not in rest:
                continue
            note(log, entered=held.decode(errors="replace"))
            for path in record:
                note(path, type="prompt", text=held.decode(errors="replace"))
                note(path, type="turn_done")
            held = b""
    finally:
        termios.tcsetattr(0, termios.TCSANOW, before)


if __name__ == "__main__":
    main()
