"""Whose store this is: the host and the folder that it was last served in.

A folder that comes to another host as it is (a kept volume, a network file system, a disk that was moved)
keeps its inode number. One that was copied has another, and its first owner may live on: a person is asked.
A copy of a whole disk or machine cannot be told from the first one.
"""

from pathlib import Path

from msgspec import Struct

from roost.errors import StoreError
from roost.host.interfaces.processes import Processes
from roost.local.paths import Places
from roost.store.codec import Shape
from roost.store.reader import Reader

OWNER = "store.owner"
"""The store's key of its owner."""


class CopiedStoreError(StoreError):
    """This is a copy of a store that may be in use elsewhere."""

    code = "copied-store"

    def __init__(self, whose: str) -> None:
        """`whose`: what it is a copy of, in words."""
        super().__init__(
            f"this store is a copy of {whose}, and both would drive the same agents: end that one for good,"
            " then `roost adopt --store` makes this one the right one"
        )


class Owner(Struct, frozen=True):
    """A host by its id, and the state folder there: path and inode number."""

    host: str
    folder: str
    inode: int


SHAPE = Shape(Owner)


def this_owner(places: Places, processes: Processes) -> Owner:
    """Blocking: whoever serves the store here. Raises OSError."""
    return Owner(processes.host_id(), str(places.state), places.state.stat().st_ino)


def copied(owner: Owner, here: Owner, *, there: bool) -> str | None:
    """Whose store this is a copy of, in words; None where nothing speaks for a copy.

    `there`: the same store is also in the owner's folder, as far as that can be seen here.
    """
    if owner.inode == here.inode:
        return None
    if owner.host != here.host:
        return f"the one that host {owner.host} served in {owner.folder}"
    return f"the one in {owner.folder}" if there and owner.folder != here.folder else None


def holds(folder: str, name: str, key: str, value: str) -> bool:
    """Blocking: whether a store of that file name in the folder keeps the value under the key."""
    try:
        reader = Reader(Path(folder) / name)
    except StoreError:
        return False
    try:
        return reader.meta(key) == value
    except StoreError:
        return False
    finally:
        reader.close()
