"""Hooks of sessions that have joined, in settings that their programs read: written, and taken back again.

A note for each file in a folder of ours holds what the file was before the first of them. Once the last has
left, the file is that again to the byte, where nobody else has changed what it says; otherwise ours alone are
taken out. Everything here blocks.
"""

import hashlib
import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from msgspec import Struct, field
from msgspec.structs import replace

from roost.errors import HostError, RefusedError
from roost.foreign import entire
from roost.host.files import PRIVATE_FILE, ensure_private_directory, write_atomic
from roost.runtimes.joining import HookSettings
from roost.store.codec import Shape


class Note(Struct, frozen=True):
    """What a file was (None: there was none), the folders that were made for it, and the hooks that are ours.

    `ours`: by session, as JSON text. `mode`: its permissions.
    """

    path: str
    before: str | None
    mode: int = PRIVATE_FILE
    made: tuple[str, ...] = ()
    ours: dict[str, str] = field(default_factory=dict[str, str])


_SHAPE = Shape(Note)
_TURN = threading.Lock()
"""Held while a file is changed: several sessions may join and leave at a time."""


def put(folder: Path, session: str, wanted: HookSettings) -> None:
    """Add the session's hooks to the settings. Raises RefusedError where they cannot be read, and OSError."""
    with _TURN:
        _put(folder, session, wanted)


def _put(folder: Path, session: str, wanted: HookSettings) -> None:
    path = wanted.path
    text, mode = _read(path)
    settings = _parsed(text, path)
    note = _note(folder, path) or Note(str(path), text, mode, _missing(path))
    ensure_private_directory(folder)
    note = replace(note, ours={**note.ours, session: json.dumps(wanted.hooks)})
    write_atomic(_place(folder, path), _SHAPE.text(note).encode())
    hooks = dict(cast("dict[str, Any]", settings.get("hooks") or {}))
    for name, entries in wanted.hooks.items():
        hooks[name] = [*hooks.get(name, []), *entries]
    path.parent.mkdir(parents=True, exist_ok=True)
    # It holds a token from now on.
    _write(path, _text({**settings, "hooks": hooks}), PRIVATE_FILE)


def take_back(folder: Path, session: str) -> None:
    """Take the session's hooks out of whichever settings they are in. Raises OSError."""
    for place in folder.glob("*.json"):
        with _TURN, suppress(HostError, ValueError):
            text, _ = _read(place)  # none: another session has been the last to leave meanwhile
            if text is None or session not in text:
                continue  # hundreds may be of others, and are not taken apart
            note = _SHAPE.value(text)
            if session in note.ours:
                _take_out(place, note, session)


def holders(folder: Path) -> set[str]:
    """The sessions whose hooks stand somewhere."""
    found: set[str] = set()
    for place in folder.glob("*.json"):
        with suppress(HostError, ValueError, OSError):
            found |= _SHAPE.value(place.read_text(encoding="utf-8")).ours.keys()
    return found


def stand(wanted: HookSettings) -> bool:
    """Whether all of these hooks are in their settings. Raises RefusedError, OSError."""
    text, _ = _read(wanted.path)
    known: dict[str, Any] = _parsed(text, wanted.path).get("hooks") or {}
    return all(entry in known.get(name, []) for name, entries in wanted.hooks.items() for entry in entries)


def drop(wanted: HookSettings) -> bool:
    """Take out hooks of which no note is left; whether any stood there. Raises RefusedError, OSError."""
    with _TURN:
        text, mode = _read(wanted.path)
        settings = _parsed(text, wanted.path)
        left = _without(settings, {name: list(entries) for name, entries in wanted.hooks.items()})
        if left != settings:
            _write(wanted.path, _text(left), mode)
    return left != settings


def _take_out(place: Path, note: Note, session: str) -> None:
    path = Path(note.path)
    others = {key: text for key, text in note.ours.items() if key != session}
    text, _ = _read(path)
    try:
        settings = _parsed(text, path)
    except RefusedError:
        settings = None  # somebody has made something else of it, which is theirs
    if settings is not None and text is not None:
        left = _without(settings, json.loads(note.ours[session]))
        with suppress(FileNotFoundError):  # its folder has gone meanwhile, and what stood there with it
            if not others and left == _without(_parsed(note.before, path), {}):
                _restore(path, note)
            elif left != settings:
                _write(path, _text(left), PRIVATE_FILE if others else note.mode)
    if others:
        write_atomic(place, _SHAPE.text(replace(note, ours=others)).encode())
    else:
        place.unlink(missing_ok=True)


def _restore(path: Path, note: Note) -> None:
    """The file is what it was, to the byte; one that was not there goes, with the folders made for it."""
    if note.before is not None:
        _write(path, note.before.encode("utf-8", "surrogateescape"), note.mode)
        return
    path.resolve().unlink(missing_ok=True)  # a link to nothing is one again
    for made in note.made:
        with suppress(OSError):  # something else stands there meanwhile
            Path(made).rmdir()


def _without(settings: dict[str, Any], ours: dict[str, list[Any]]) -> dict[str, Any]:
    """The settings without hooks of ours, and without what is empty."""
    known = cast("dict[str, list[Any]]", settings.get("hooks") or {})
    found = {
        name: [entry for entry in entries if entry not in ours.get(name, [])]
        for name, entries in known.items()
    }
    hooks = {name: entries for name, entries in found.items() if entries}
    rest = {key: value for key, value in settings.items() if key != "hooks"}
    return {**rest, "hooks": hooks} if hooks else rest


def _write(path: Path, data: bytes, mode: int) -> None:
    """Replace what a file holds, or what a link leads to; it has these permissions, whatever our mask."""
    place = path.resolve()
    write_atomic(place, data, mode=PRIVATE_FILE)
    place.chmod(mode)


def _read(path: Path) -> tuple[str | None, int]:
    """The text of a file and its permissions; no text: there is none."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape"), path.stat().st_mode & 0o777
    except FileNotFoundError:
        return None, PRIVATE_FILE


def _parsed(text: str | None, path: Path) -> dict[str, Any]:
    """The settings. Raises RefusedError where that is no JSON object with hooks."""
    try:
        value: object = entire(text) if text else {}
    except ValueError as error:
        raise RefusedError(f"{path} cannot be read as JSON: {error}; mend it, then try again") from error
    known = cast("dict[str, Any]", value) if isinstance(value, dict) else None
    hooks: object = (known or {}).get("hooks", {})
    if known is None or not isinstance(hooks, dict):
        raise RefusedError(f"{path} does not hold settings; mend it, then try again")
    return known


def _text(settings: dict[str, Any]) -> bytes:
    return f"{json.dumps(settings, indent=2, ensure_ascii=False)}\n".encode("utf-8", "surrogateescape")


def _missing(path: Path) -> tuple[str, ...]:
    """The folders that are not there yet, the innermost first."""
    return tuple(str(each) for each in path.parents if not each.exists())


def _note(folder: Path, path: Path) -> Note | None:
    try:
        return _SHAPE.value(_place(folder, path).read_text(encoding="utf-8"))
    except (OSError, ValueError, HostError):
        return None


def _place(folder: Path, path: Path) -> Path:
    return folder / f"{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.json"
