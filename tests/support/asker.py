"""A client of the socket that uses nothing of ours: `asker.py SOCKET OUT [METHOD PARAMS TOKEN]...`.

Each request goes over a connection of its own; OUT gets one JSON answer a line, all of them at once.
`--daemon` as the first word: from a process that has left its parent, its session and its terminal before.
"""

import json
import os
import select
import signal
import socket
import sys
from pathlib import Path


def ask(path: str, method: str, params: str, token: str) -> object:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(path)
        request = {"id": 1, "method": method, "params": json.loads(params), "token": token or None}
        connection.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(connection.makefile().readline() or "null")


def leave() -> None:
    """Fork twice, and go on when the parent is gone."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    os.setsid()
    parent = os.pidfd_open(os.getpid())
    if os.fork():
        os._exit(0)
    select.select([parent], [], [])


def main() -> None:
    words = sys.argv[1:]
    if words[0] == "--daemon":
        words.pop(0)
        leave()
    path, out, *rest = words
    answers = [ask(path, *rest[at : at + 3]) for at in range(0, len(rest), 3)]
    new = Path(f"{out}.new")
    new.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    new.replace(out)


if __name__ == "__main__":
    main()
