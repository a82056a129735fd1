"""What a hook that is a command tells the daemon, and how it answers what the daemon says.

It has the payload on standard input. Whom it asks, and by which token, stands in FOLDER for the conversation
that the payload names, where that has joined; without FOLDER `ROOST_URL` and `ROOST_TOKEN` say so. Without a
daemon it says nothing, at once. It stands alone on the standard library, and loads next to nothing of it
while there is no mail: a program runs it at each tool. `os` alone would be an eighth of the whole.
"""

import _socket
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SECONDS = 3.0
"""How long the daemon may take."""
BLOCKED = 75
"""Our exit code for an answer that keeps a turn going; its reason is on standard error.

Codex 0.171.0 takes 2 for that, with which Python ends as well when this file is gone: the command of the hook
makes 2 of it.
"""
NOTHING = b"{}"


def ask(name: str, payload: bytes, url: str, token: str) -> bytes:
    """The body of the daemon's answer. Raises OSError."""
    host, _, port = url.partition("://")[2].partition("/")[0].rpartition(":")
    head = (
        f"POST /hooks/{name} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\nConnection: close\r\n\r\n"
    )
    connection = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        connection.settimeout(SECONDS)
        connection.connect((host, int(port)))
        connection.sendall(head.encode() + payload)
        told = b""
        while piece := connection.recv(65536):
            told += piece
    finally:
        connection.close()
    return told.partition(b"\r\n\r\n")[2]


def whom(payload: bytes) -> list[str]:
    """The daemon's address and the session's token. Raises OSError, LookupError, ValueError: none."""
    if len(sys.argv) < 3:  # noqa: PLR2004 -- the file, the name, the folder
        return [posix.environ[b"ROOST_URL"].decode(), posix.environ[b"ROOST_TOKEN"].decode()]
    conversation = payload.partition(b'"session_id":')[2].split(b'"', 2)[1].decode()
    if not conversation.replace("-", "").isalnum():
        raise ValueError
    with open(f"{sys.argv[2]}/{conversation}", encoding="utf-8") as file:  # noqa: PTH123 -- it loads less
        return file.read().split()[:2]


def main() -> int:
    """Tell, and answer; whatever fails here must not fail the program."""
    payload = sys.stdin.buffer.read()
    try:
        url, token = whom(payload)
        body = ask(sys.argv[1], payload, url, token)
    except (OSError, ValueError, LookupError):
        body = NOTHING
    if body != NOTHING:
        return say(body)
    sys.stdout.write("{}")
    sys.stdout.flush()
    return 0


def say(body: bytes) -> int:
    """Answer what the daemon said; the exit code."""
    import json  # noqa: PLC0415 -- most hooks say nothing

    try:
        told: object = json.loads(body)
    except ValueError:
        told = None
    answer: dict[str, Any] = told if isinstance(told, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    if answer.get("decision") == "block":
        sys.stderr.write(str(answer.get("reason", "")))
        sys.stderr.flush()
        return BLOCKED
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    return 0
