"""What `doctor` finds about folders, socket and disks."""

import errno
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from roost.local.paths import Places
from roost.present.finding import Code, Finding, as_root, good, quote, wrong

LEAST_FREE = 100 * 1024 * 1024
"""Bytes below which the disk counts as nearly full."""
LEAST_INODES = 1000
"""Files that can still be made below which the disk counts as nearly full."""
_ELSEWHERE = "or choose another folder with --home"


def folders(places: Places, *, up: bool) -> Iterator[Finding]:
    """State, socket and log folder. `up`: whether the daemon answers, which makes its log folder again."""
    later = "does not exist yet; `roost up` makes it"
    logs = "is not there; the daemon makes it with what it logs next" if up else later
    named = (
        ("state folder", places.state, later),
        ("socket folder", places.run, later),
        ("log folder", places.logs, logs),
    )
    found = [finding for name, path, missing in named for finding in _folder(name, path, missing)]
    told: set[tuple[str | None, str | None]] = set()
    for finding in found:  # a folder around all three is one trouble
        if finding["ok"] or (finding["code"], finding["fix"]) not in told:
            yield finding
        told.add((finding["code"], finding["fix"]))


def _folder(name: str, path: Path, missing: str) -> Iterator[Finding]:
    try:
        info = path.stat()
    except OSError as error:
        yield _unreached(name, path, missing, error)
        return
    mode = stat.S_IMODE(info.st_mode)
    if not stat.S_ISDIR(info.st_mode):
        yield _taken(name, path)
    elif info.st_uid != os.getuid():
        why = f"{path} belongs to another user ({_user(info.st_uid)})"
        advice = f"run roost as that user, {_ELSEWHERE}; if it is to be yours:"
        fix = as_root(f"chown -R {_user(os.getuid())} {quote(path)}")
        yield wrong(Code.FOLDER_FOREIGN, name, why, fix=fix, advice=advice)
    elif mode & 0o077:
        why = f"{path} is open to other users (mode {mode:04o})"
        yield wrong(Code.FOLDER_OPEN, name, why, fix=f"chmod 700 {quote(path)}")
    elif os.statvfs(path).f_flag & os.ST_RDONLY:
        why = f"{path} is on a file system that is mounted read-only"
        fix = as_root(f"mount -o remount,rw {quote(_mount_of(path))}")
        yield wrong(Code.DISK_READ_ONLY, name, why, fix=fix)
    elif not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield wrong(Code.FOLDER_LOCKED, name, f"{path} cannot be used", fix=f"chmod 700 {quote(path)}")
    else:
        yield good(name, str(path))


def _unreached(name: str, path: Path, missing: str, error: OSError) -> Finding:
    """What stands in the way to a folder. `missing`: what is said where nothing does."""
    for step in (*reversed(path.parents), path):
        try:
            info = step.stat()
        except FileNotFoundError:
            if not step.is_symlink():
                return good(name, f"{path} {missing}")
            why, fix = f"{step} leads to a folder that does not exist", f"mkdir -p {quote(step.resolve())}"
            return wrong(Code.FOLDER_CLOSED, name, why, fix=fix)
        except PermissionError:
            above = step.parent
            owner = above.stat().st_uid
            if owner == os.getuid():
                fix = f"chmod u+rwx {quote(above)}"
                return wrong(Code.FOLDER_CLOSED, name, f"{above} lets nobody in", fix=fix)
            advice = f"have {_user(owner)}, who owns it, let you in, {_ELSEWHERE}"
            return wrong(Code.FOLDER_CLOSED, name, f"{above} does not let you in", advice=advice)
        except OSError as other:
            error = other
            break
        if not stat.S_ISDIR(info.st_mode):
            return _taken(name, step)
    advice = f"look at the disk that it is on, {_ELSEWHERE}"
    why = f"{path}: {error.strerror or errno.errorcode.get(error.errno or 0, str(error))}"
    return wrong(Code.FOLDER_CLOSED, name, why, advice=advice)


def _taken(name: str, path: Path) -> Finding:
    return wrong(Code.FOLDER_TAKEN, name, f"{path} is not a folder", fix=_aside(path))


def _aside(path: Path) -> str:
    """The command that puts something out of the way, where nothing is."""
    names = (path.with_name(f"{path.name}.old{number or ''}") for number in range(1000))
    free = next(name for name in names if not os.path.lexists(name))
    return f"mv {quote(path)} {quote(free)}"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _mount_of(path: Path) -> Path:
    """Where the file system of the path is mounted."""
    return next(each for each in (path, *path.parents) if each.is_mount())


def socket_path(places: Places) -> Iterator[Finding]:
    """What stands where the socket is to be; whether somebody answers there is told elsewhere."""
    path = places.socket
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return
    if is_socket:
        yield good("socket", str(path))
    else:
        yield wrong(Code.SOCKET_TAKEN, "socket", f"{path} is not a socket", fix=_aside(path))


def disks(places: Places) -> Iterator[Finding]:
    """Each file system that something of ours lies on, once."""
    seen: set[int] = set()
    for name, path in (
        ("disk", places.state),
        ("log disk", places.logs),
        ("pane log disk", places.panes),
        ("socket disk", places.run),
    ):
        folder = path
        while not os.path.exists(folder) and folder != folder.parent:  # noqa: PTH110 -- a closed one is not there
            folder = folder.parent
        device = folder.stat().st_dev
        if device not in seen:
            seen.add(device)
            yield _disk(name, folder)


def _disk(name: str, folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{free // (1024 * 1024):,} MiB free at {folder}"
    inodes, mount = os.statvfs(folder), quote(_mount_of(folder))
    if inodes.f_files and inodes.f_favail < LEAST_INODES:
        few = f"{inodes.f_favail} files can still be made at {folder}"
        advice = "remove files that are not needed; this shows where they are:"
        fix = f"du -x --inodes -d 3 {mount} 2>/dev/null | sort -n | tail -n 20"
        return wrong(Code.DISK_FILES, name, few, advice=advice, fix=fix)
    if free < LEAST_FREE:
        advice = "remove what is not needed; this shows what takes the room:"
        fix = f"du -axh -d 3 {mount} 2>/dev/null | sort -h | tail -n 20"
        return wrong(Code.DISK_FULL, name, text, advice=advice, fix=fix)
    return good(name, text)
