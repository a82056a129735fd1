"""Processes that name a conversation of Gemini CLI on their command lines."""

from itertools import pairwise
from pathlib import Path

_PROC = Path("/proc")
_OPTIONS = (b"--resume", b"-r", b"--session-id")


def processes_of(conversation: str, proc: Path = _PROC) -> list[int]:
    """Blocking: the processes that were started on this conversation; none where that cannot be seen.

    Its program runs as two processes of node with the same words behind the script's name (0.61.0).
    """
    named = conversation.encode()
    found: list[int] = []
    for entry in proc.iterdir() if proc.is_dir() else ():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if _names(words, named):
            found.append(int(entry.name))
    return sorted(found)


def _names(words: list[bytes], conversation: bytes) -> bool:
    """Whether these are the words of the program, on that conversation."""
    if not any(b"gemini" in word for word in words[:8]):
        return False
    given = (word.partition(b"=") for word in words)
    joined = any(name in _OPTIONS and value == conversation for name, _, value in given)
    return joined or any(option in _OPTIONS and value == conversation for option, value in pairwise(words))
