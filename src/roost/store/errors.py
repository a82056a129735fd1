"""What can be wrong with the store, and what to do about it."""

import os
from pathlib import Path

import apsw

from roost.errors import StoreError, UsageError


class StoreMissingError(StoreError):
    """There is no store yet; `roost up` makes one."""

    code = "store-missing"


class StoreEmptyError(StoreError):
    """The store holds no tables: it is new, or what it held is gone."""

    code = "store-empty"


class StoreDisplacedError(StoreError):
    """The store's files are not at their place any more; nothing was stored."""

    code = "store-displaced"


class StoreVersionError(StoreError):
    """The store is of another version of roost."""

    code = "store-version"

    @property
    def newer(self) -> bool:
        """Whether that is a later one."""
        return bool(self.facts.get("newer"))


class StoreClosedError(StoreError):
    """The store is closed; nothing was stored."""

    code = "store-closed"


class StoreDamagedError(StoreError):
    """The store is damaged; a backup takes its place."""

    code = "store-damaged"


class BrokenRowError(StoreError):
    """A row of the store cannot be read."""

    code = "store-row"


class BatchError(StoreError):
    """The batch contradicts the store; nothing of it was stored."""

    code = "store-batch"


class DuplicateMessageError(BatchError):
    """A message of that id is stored already; nothing was stored."""

    code = "duplicate-message"


class AmbiguousIdError(UsageError):
    """Several messages have ids that begin so; give more digits."""

    code = "ambiguous-id"


def short_of(path: str) -> str | None:
    """What the disk of a file is short of, and what to do; None: nothing that it tells."""
    try:
        found = os.statvfs(Path(path).parent)
    except OSError:
        return None
    if found.f_flag & os.ST_RDONLY:
        return "is mounted read-only and nothing was stored; mount it for writing (`mount -o remount,rw`)"
    if found.f_bavail == 0:
        return "is full and nothing was stored; free some space and try again"
    if found.f_files and found.f_favail == 0:
        return "has no inodes left and nothing was stored; remove some files (`df -i`) and try again"
    return None


_DISK = (apsw.CantOpenError, apsw.FullError, apsw.IOError, apsw.PermissionsError, apsw.ReadOnlyError)
"""What SQLite 3.54 says where the disk is the cause: no room for the index of its log is `disk I/O error`."""


def explain(error: apsw.Error, path: str) -> StoreError:
    """The sentence for an error of SQLite 3.54: what happened to the store at `path`, and what to do next."""
    # A file is shorter than SQLite knows it to be: somebody has cut it off.
    cut_off = getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHORT_READ
    if cut_off or isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return StoreDamagedError(
            f"the store {path} is damaged ({error});"
            " `roost restore BACKUP` brings back a backup; without one `roost down`, move its files"
            " away, and `roost up` begins anew and ends no agent",
            path=path,
            sqlite=type(error).__name__,
        )
    short = short_of(path) if isinstance(error, _DISK) else None
    if short is not None:
        return StoreError(f"the disk of the store {path} {short}", path=path, sqlite=type(error).__name__)
    match error:
        case apsw.FullError():
            text = (
                f"the disk of the store {path} is full and nothing was stored; free some space and try again"
            )
        case apsw.ReadOnlyError() | apsw.PermissionsError():
            text = (
                f"the store {path} cannot be written and nothing was stored; make the file and its directory"
                " writable for you"
            )
        case apsw.CantOpenError():
            text = (
                f"the store {path} cannot be opened; check that its directory exists and that you may write"
                " in it"
            )
        case apsw.BusyError() | apsw.LockedError():
            text = f"the store {path} is in use by another program; see `roost status`, or try again"
        case apsw.IOError():
            text = (
                f"the disk of the store {path} fails ({error}) and nothing was stored;"
                " check the disk and its quota"
            )
        case apsw.ConstraintError():
            return BatchError(f"the batch contradicts the store ({error}); nothing of it was stored")
        case _:
            text = f"the store {path} failed: {error}"
    return StoreError(text, path=path, sqlite=type(error).__name__)
