"""Which programs hold locks on a file, as the kernel lists them (Linux: /proc/locks)."""

import os
from pathlib import Path

LOCKS = Path("/proc/locks")


def lock_holders(path: Path, first: int, last: int, locks: Path = LOCKS) -> list[int]:
    """Blocking: pids of the others that hold POSIX locks on bytes of a file; empty where nothing tells.

    The file is not opened: to close it again would drop the locks that this process holds on it.
    """
    try:
        found = path.stat()
        lines = locks.read_text("utf-8").splitlines()
    except OSError:
        return []
    inode = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    pids: set[int] = set()
    for line in lines:
        # 1: POSIX  ADVISORY  READ 19886 fe:00:2264251 123 123
        words = line.split()
        if len(words) == _WORDS and words[1] == "POSIX" and words[5] == inode and words[4].isdigit():
            begin, end = int(words[6]), last if words[7] == "EOF" else int(words[7])
            if begin <= last and end >= first:
                pids.add(int(words[4]))
    return sorted(pids - {0, os.getpid()})


_WORDS = 8
