"""What can happen to a store and its disk, with the daemon up or down; what is printed then, as commands."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support import newer_daemon
from tests.support.daemon import Roost
from tests.support.small_disk import fill, fill_with_files

Act = Callable[[Roost], None]


@dataclass(frozen=True, slots=True)
class Damage:
    """`harm` is done to a roost with the backups `early.db` and `late.db` in the root of its home.

    `starts`: a daemon starts with it all the same. `loses`: something that was stored is not there then.
    `disk`: it is one of the disk, and `restore` is no cure for it.
    """

    name: str
    harm: Act
    starts: bool = True
    loses: bool = True
    disk: bool = False


def files(roost: Roost) -> list[Path]:
    """The database, its log and the log's index."""
    return [Path(f"{roost.places.database}{suffix}") for suffix in ("", "-wal", "-shm")]


def _delete(roost: Roost) -> None:
    for path in files(roost):
        path.unlink(missing_ok=True)


def _empty(roost: Roost) -> None:
    """The very files, cut off; not the log's index: who has it in memory would end with SIGBUS."""
    for path in files(roost)[:2]:
        if path.exists():
            path.write_bytes(b"")


def _no_tables(roost: Roost) -> None:
    _delete(roost)
    connection = sqlite3.connect(roost.places.database)
    connection.execute("PRAGMA application_id = 1")
    connection.close()


def _no_log(roost: Roost) -> None:
    for path in files(roost)[1:]:
        path.unlink(missing_ok=True)


def _older_copy(roost: Roost) -> None:
    _delete(roost)
    shutil.copy(roost.home.root / "early.db", roost.places.database)


def set_version(roost: Roost, version: int) -> None:
    """Give the store the version of its tables that another roost would have given it."""
    connection = sqlite3.connect(roost.places.database)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def _newer(roost: Roost) -> None:
    set_version(roost, newer_daemon.NEWER)


def _flip(roost: Roost) -> None:
    """Bytes of each page but the first; what the log holds of them goes."""
    log = files(roost)[1]
    if log.exists():
        log.write_bytes(b"")
    data = bytearray(roost.places.database.read_bytes())
    for at in range(4096, len(data), 4096):
        data[at : at + 512] = bytes(byte ^ 0xA5 for byte in data[at : at + 512])
    with roost.places.database.open("r+b") as file:
        file.write(data)


def _garbage(roost: Roost) -> None:
    _delete(roost)
    roost.places.database.write_bytes(b"no database at all" * 1000)


def _mount_read_only(roost: Roost) -> None:
    """By a mount over the folder, as it is: what has its files open there has them for writing."""
    folder = str(roost.home.roost)
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)


def ballast(roost: Roost) -> Path:
    """What fills the disk."""
    return roost.places.logs / "ballast"


def _fill(roost: Roost) -> None:
    ballast(roost).mkdir()
    fill(ballast(roost) / "file")


def _fill_with_files(roost: Roost) -> None:
    fill_with_files(ballast(roost))


NEWER_ROOST = (sys.executable, "-m", newer_daemon.__name__)
"""The daemon of a roost that knows the newer store."""

OF_FILES = (
    Damage("deleted", _delete),
    Damage("zero-bytes", _empty),
    Damage("no-tables", _no_tables),
    Damage("no-log", _no_log),
    Damage("older-copy", _older_copy),
    Damage("newer-schema", _newer, starts=False, loses=False),
    Damage("flipped-pages", _flip, starts=False),
    Damage("garbage", _garbage, starts=False),
)
OF_DISKS = (
    Damage("full", _fill, starts=False, loses=False, disk=True),
    Damage("no-inodes", _fill_with_files, starts=False, loses=False, disk=True),
    Damage("read-only", _mount_read_only, starts=False, loses=False, disk=True),
)
