"""Who holds locks on a file, from the kernel's list."""

import os
from pathlib import Path

from roost.host.locks import lock_holders


def test_G7_only_posix_locks_of_others_on_those_bytes_of_that_file_count(tmp_path: Path) -> None:
    path, locks = tmp_path / "file", tmp_path / "locks"
    path.touch()
    found = path.stat()
    inode = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    locks.write_text(
        f"1: POSIX  ADVISORY  READ 11 {inode} 123 123\n"
        f"1: -> POSIX  ADVISORY  WRITE 12 {inode} 123 123\n"
        f"2: POSIX  ADVISORY  READ 13 {inode} 128 128\n"
        f"3: FLOCK  ADVISORY  WRITE 14 {inode} 0 EOF\n"
        f"4: POSIX  ADVISORY  READ 15 fe:00:1 123 123\n"
        f"5: POSIX  ADVISORY  READ {os.getpid()} {inode} 123 123\n"
        f"6: POSIX  ADVISORY  READ 16 {inode} 0 EOF\n"
        f"7: OFDLCK ADVISORY  READ -1 {inode} 123 123\n"
    )
    assert lock_holders(path, 123, 127, locks) == [11, 16]
    assert lock_holders(path, 123, 127, tmp_path / "none") == []
    assert lock_holders(tmp_path / "none", 123, 127, locks) == []
