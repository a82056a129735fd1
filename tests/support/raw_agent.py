"""A terminal program that records every byte it is sent, for `[runtimes.NAME]`: `raw_agent.py LOG`.

A paste only fills its input line. Each Enter outside a paste submits it: the log gets a line with the text
and the bytes (in hexadecimal) that came since the last one, and a line that says that the turn is over.
"""

import json
import os
import sys
import termios
import tty
from pathlib import Path

START, END, ENTER = b"\x1b[200~", b"\x1b[201~", b"\r"


def submitted(held: bytes) -> bytes | None:
    """The text of the paste in these bytes, once an Enter follows it; None before that."""
    before, start, rest = held.partition(START)
    text, end, after = rest.rpartition(END)
    if start and end:
        return text if ENTER in after else None
    return before if ENTER in before and not start else None


def main() -> None:
    log = Path(sys.argv[1])
    before = termios.tcgetattr(0)
    tty.setraw(0)
    os.write(1, b"\x1b[?2004h\x1b[H\x1b[2Jraw> ")
    held = b""
    try:
        while data := os.read(0, 65536):
            held += data
            text = submitted(held)
            if text is None:
                os.write(1, b"\x1b[H\x1b[2Jraw> something")
                continue
            with log.open("a") as file:
                file.write(json.dumps({"text": text.decode(errors="replace"), "bytes": held.hex()}) + "\n")
                file.write('{"turn": "done"}\n')
            held = b""
            os.write(1, b"\x1b[H\x1b[2Jraw> ")
    finally:
        os.write(1, b"\x1b[?2004l")
        termios.tcsetattr(0, termios.TCSANOW, before)


if __name__ == "__main__":
    main()
