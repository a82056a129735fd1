"""What is really there of a session, told by /proc and not by roost."""

from pathlib import Path

from tests.support.daemon import alive


def carriers(session: str) -> list[int]:
    """Live processes that carry the session's marker in their environment."""
    wanted = f"ROOST_SESSION={session}".encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environ = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if wanted in environ and alive(int(entry.name)):
                found.append(int(entry.name))
    return found
