"""What can be wrong with the store, and what to do about it."""

import contextlib
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


def _writable(path: str) -> str:
    """What makes the place of a file writable."""
    with contextlib.suppress(OSError):
        if os.statvfs(Path(path).parent).f_flag & os.ST_RDONLY:
            return "its file system is mounted read-only, mount it for writing (`mount -o remount,rw`)"
    return "make the file and its directory writable for you"


def explain(error: apsw.Error, path: str) -> StoreError:
    """The sentence for an error of SQLite 3.54: what happened to the store at `path`, and what to do next."""
    match error:
        case apsw.FullError():
            text = (
                f"the disk of the store {path} is full and nothing was stored; free some space and try again"
            )
        case apsw.ReadOnlyError() | apsw.PermissionsError():
            text = f"the store {path} cannot be written and nothing was stored; {_writable(path)}"
        case apsw.CorruptError() | apsw.NotADBError():
            text = (
                f"the store {path} is damaged ({error});"
                " `roost restore BACKUP` brings back a backup; without one move its files away, and `roost"
                " up` begins anew and ends no agent"
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
