"""The looks that need no daemon: this machine, the places, the store, the configuration, the programs."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from roost.cli import doctor_places, doctor_programs
from roost.cli.bounded import side_by_side
from roost.errors import ConfigError, StoreError
from roost.local.config import load_config
from roost.local.paths import Places
from roost.local.proven import read_probes
from roost.present.finding import Code, Finding, as_root, free_name, good, note, quote, wrong

_SECONDS = 30.0
"""Seconds for all looks together; a large store is read as a whole."""
_MOUNT_SECONDS = 2.0
"""Seconds in which a disk tells how full it is, unless it hangs."""
_MOUNTS = Path("/proc/self/mountinfo")


def examine(places: Places, *, up: bool) -> list[Finding]:
    """All findings, in the order in which a person would mend them. `up`: whether the daemon answers."""
    sqlite = doctor_programs.sqlite()  # before the others: two threads cannot load what cannot be loaded
    programs, probes = doctor_programs.AGENTS, read_probes(places.state)
    looks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("python", lambda: [doctor_programs.python()]),
        ("tmux", lambda: [doctor_programs.tmux()]),
        ("sqlite", lambda: [sqlite]),
        ("folders", lambda: doctor_places.folders(places, up=up)),
        ("socket", lambda: doctor_places.socket_path(places)),
        ("disk", lambda: doctor_places.disks(places)),
        ("store", lambda: _store(places, up=up) if sqlite["ok"] else ()),
        ("config", lambda: _configuration(places.config)),
        *((name, lambda name=name: [doctor_programs.agent(name, probes.get(name))]) for name in programs),
    ]
    found = side_by_side([look for _, look in looks], _SECONDS)
    hung = [name for (name, _), findings in zip(looks, found, strict=True) if findings is None]
    return [*(finding for findings in found for finding in findings or ()), *(_hung(hung) if hung else ())]


def _hung(names: list[str]) -> Iterator[Finding]:
    """One finding for each disk that does not answer, or one for looks that hang for another reason."""
    why = f"not looked at within {_SECONDS:g} s: {', '.join(names)}"
    mounts = _mounts()
    told = side_by_side([lambda mount=mount: [_size(mount)] for mount in mounts], _MOUNT_SECONDS)
    silent = [mount for mount, size in zip(mounts, told, strict=True) if size is None]
    for mount in silent:
        advice = "wait until that disk answers, or take it away:"
        fix = as_root(f"umount -l {quote(mount)}")
        yield wrong(Code.LOOK_HUNG, "hung disk", f"{mount} does not answer; {why}", advice=advice, fix=fix)
    if not silent:
        advice = "this machine is busy, or a disk is slow: look again later"
        yield wrong(Code.LOOK_HUNG, "hung disk", why, advice=advice)


def _mounts() -> list[str]:
    """Where something is mounted (proc_pid_mountinfo(5): blanks and the like stand as octal numbers)."""
    try:
        fields = [line.split()[4] for line in _MOUNTS.read_text("utf-8", "surrogateescape").splitlines()]
    except OSError:
        return []
    return [re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field) for field in fields]


def _size(mount: str) -> int | None:
    try:
        return os.statvfs(mount).f_bsize
    except OSError:
        return None


def _store(places: Places, *, up: bool) -> Iterator[Finding]:
    """Opened and read as a whole: a damage is told before somebody needs the page that it is in.

    Where its folder or its disk is the trouble, they are told of.
    """
    path = places.database
    from roost.store.errors import StoreMissingError
    from roost.store.note import doubt_of, gone, read_note
    from roost.store.reader import Reader

    if not os.access(path.parent, os.W_OK | os.X_OK) and not _is_missing(path.parent):
        return
    try:
        reader = Reader(path)
        try:
            found = reader.check()
            doubt = None if up else doubt_of(reader, places.store_note)  # a daemon tells it by itself
        finally:
            reader.close()
    except StoreMissingError:
        ran = read_note(places.store_note)
        if ran is None:
            yield good("store", f"{path} does not exist yet; `roost up` makes it")
        elif not up:
            why, advice = gone(path, ran).message.partition(";")[0], "put its files back, or a backup:"
            yield wrong(Code.STORE_EMPTY, "store", why, advice=advice, fix=_restores(up=up))
    except StoreError as error:
        yield from _unread(path, error, up=up)
    else:
        if found:
            yield _damaged(path, f": {found[0]}", up=up)
        elif doubt is not None:
            advice = "`roost adopt --store` goes on with this one; a backup is put in its place by:"
            yield wrong(Code.STORE_DOUBTED, "store", f"{path}: {doubt}", advice=advice, fix=_restores(up=up))
        else:
            yield good("store", str(path))


def _is_missing(path: Path) -> bool:
    """Whether it is known not to be there."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _unread(path: Path, error: StoreError, *, up: bool) -> Iterator[Finding]:
    """A store that cannot be opened."""
    from roost.store.errors import StoreDamagedError, StoreEmptyError, StoreVersionError

    if isinstance(error, StoreVersionError) and not error.newer:
        if not up:
            yield note(Code.STORE_OLDER, "store", error.message, fix="roost up")
    elif isinstance(error, StoreVersionError):
        advice = "install the newer roost"
        if not up:
            advice += "; `roost restore BACKUP` goes back to a backup of before, without what came since"
        yield wrong(Code.STORE_NEWER, "store", error.message.partition(";")[0], advice=advice)
    elif isinstance(error, StoreEmptyError):
        why = f"{path} holds nothing"
        yield wrong(Code.STORE_EMPTY, "store", why, advice=_begins_anew(path, up=up), fix=_restores(up=up))
    elif not os.access(path, os.R_OK | os.W_OK):
        fix = f"chmod u+rw {quote(path)}"
        yield wrong(Code.STORE_CLOSED, "store", f"{path} cannot be read and written", fix=fix)
    elif isinstance(error, StoreDamagedError):
        yield _damaged(path, "", up=up)
    else:
        advice = "end the other program that has it open, or look at its disk"
        yield wrong(Code.STORE_FAILED, "store", error.message, advice=advice)


def _damaged(path: Path, why: str, *, up: bool) -> Finding:
    advice, fix = _begins_anew(path, up=up), _restores(up=up)
    return wrong(Code.STORE_DAMAGED, "store", f"{path} is damaged{why}", advice=advice, fix=fix)


def _restores(*, up: bool) -> str:
    return "roost down && roost restore BACKUP && roost up" if up else "roost restore BACKUP"


def _begins_anew(path: Path, *, up: bool) -> str:
    """A daemon that runs is ended first: it would go on with the files that were moved away."""
    away = quote(free_name(path.with_name("damaged")))
    anew = f"{'roost down && ' if up else ''}mkdir -p {away} && mv {quote(path)}* {away} && roost up"
    return f"without a backup, `{anew}` begins anew and ends no agent; with one:"


def _configuration(path: Path) -> Iterator[Finding]:
    """One that cannot be reached is told of as its folder."""
    if not os.access(path.parent, os.X_OK) and not _is_missing(path.parent):
        return
    try:
        load_config(path)
    except ConfigError as error:
        if os.path.lexists(path) and not os.access(path, os.R_OK):
            yield wrong(Code.CONFIG_CLOSED, "config", error.message, fix=f"chmod u+r {quote(path)}")
        else:
            fix = f"${{EDITOR:-vi}} {quote(path)}"
            yield wrong(Code.CONFIG_WRONG, "config", error.message, fix=fix)
    else:
        there = os.path.lexists(path)
        yield good("config", str(path) if there else f"{path} does not exist; the defaults apply")
