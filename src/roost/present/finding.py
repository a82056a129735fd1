"""What `doctor` finds: a code for each kind of finding, and the shape in which a finding travels as JSON.

`check` names what was looked at, `ok` is True (well), False (wrong) or None (worth knowing). `detail` is
what is so. `fix` is a command line that ends the finding when it is put into a shell as it stands; `advice`
is what a person has to do or to decide beside it. `code` is the same in every version; None where all is
well.
"""

import shlex
from enum import StrEnum
from os import PathLike, fsencode, fspath, getuid
from os.path import lexists
from pathlib import Path
from typing import Any

Finding = dict[str, Any]
"""One finding, as above."""


class Code(StrEnum):
    """One for each kind of finding. Scripts know findings by it."""

    LOOK_HUNG = "look-hung"
    # programs
    TMUX_MISSING = "tmux-missing"
    TMUX_BROKEN = "tmux-broken"
    TMUX_OLD = "tmux-old"
    TMUX_OTHER = "tmux-other"
    SQLITE_BROKEN = "sqlite-broken"
    PROGRAM_MISSING = "program-missing"
    PROGRAM_UNPROVEN = "program-unproven"
    PROGRAM_FAILS = "program-fails"
    PROGRAM_BROKEN = "program-broken"
    # places
    FOLDER_CLOSED = "folder-closed"
    FOLDER_TAKEN = "folder-taken"
    FOLDER_FOREIGN = "folder-foreign"
    FOLDER_OPEN = "folder-open"
    FOLDER_LOCKED = "folder-locked"
    DISK_READ_ONLY = "disk-read-only"
    DISK_FULL = "disk-full"
    DISK_FILES = "disk-files"
    SOCKET_TAKEN = "socket-taken"
    # store and configuration
    STORE_NEWER = "store-newer"
    STORE_OLDER = "store-older"
    STORE_EMPTY = "store-empty"
    STORE_DAMAGED = "store-damaged"
    STORE_CLOSED = "store-closed"
    STORE_FAILED = "store-failed"
    STORE_DOUBTED = "store-doubted"
    STORE_DISPLACED = "store-displaced"
    STORE_LOG_HELD = "store-log-held"
    NOT_STORED = "not-stored"
    CONFIG_WRONG = "config-wrong"
    CONFIG_CLOSED = "config-closed"
    CONFIG_OTHER = "config-other"
    # service
    SERVICE_NONE = "service-none"
    SERVICE_OTHER = "service-other"
    SERVICE_BROKEN = "service-broken"
    SERVICE_MUTE = "service-mute"
    SERVICE_FAILED = "service-failed"
    SERVICE_UNUSED = "service-unused"
    SERVICE_NO_SWEEP = "service-no-sweep"
    SERVICE_STALE = "service-stale"
    LINGER_OFF = "linger-off"
    SCOPES_REFUSED = "scopes-refused"
    # daemon
    DAEMON_DOWN = "daemon-down"
    DAEMON_MUTE = "daemon-mute"
    DAEMON_STALE = "daemon-stale"
    DAEMON_IN_LOGIN = "daemon-in-login"
    DAEMON_IN_SESSION = "daemon-in-session"
    DAEMON_ENCLOSED = "daemon-enclosed"
    ENVIRONMENT_DIFFERS = "environment-differs"
    PROGRAM_HIDDEN = "program-hidden"
    RUNTIME_FOLDER = "runtime-folder"
    OPEN_FILES = "open-files"
    PROCESSES_LEFT = "processes-left"
    NO_HANDLES = "no-handles"
    NOTIFY_MISSING = "notify-missing"
    NOTIFY_FAILING = "notify-failing"
    TRACES_WAIT = "traces-wait"
    LINK_FAILS = "link-fails"
    # peers
    SESSION_UNKNOWN = "session-unknown"
    SESSION_BLOCKED = "session-blocked"
    SESSION_UNCLEAR = "session-unclear"
    SESSION_ENCLOSED = "session-enclosed"
    DEATHS_HELD = "deaths-held"
    FOLDER_MOVED = "folder-moved"
    START_HINDERED = "start-hindered"
    PEER_QUARANTINED = "peer-quarantined"
    CONVERSATION_REFUSED = "conversation-refused"
    CONVERSATION_HELD = "conversation-held"
    MAILBOX_FULL = "mailbox-full"


def good(check: str, detail: str) -> Finding:
    """All is well."""
    return {"check": check, "code": None, "ok": True, "detail": detail, "advice": None, "fix": None}


def wrong(
    code: Code, check: str, detail: str, *, fix: str | None = None, advice: str | None = None
) -> Finding:
    """Something is wrong."""
    return {"check": check, "code": code.value, "ok": False, "detail": detail, "advice": advice, "fix": fix}


def note(
    code: Code, check: str, detail: str, *, fix: str | None = None, advice: str | None = None
) -> Finding:
    """Worth knowing, not wrong."""
    return {"check": check, "code": code.value, "ok": None, "detail": detail, "advice": advice, "fix": fix}


def quote(word: str | PathLike[str]) -> str:
    """One word of a command line, for a shell; bytes that a terminal does not show as numbers (bash, zsh)."""
    text = fspath(word)
    return shlex.quote(text) if text.isprintable() else f"$'{''.join(map(_escaped, fsencode(text)))}'"


def free_name(path: Path) -> Path:
    """A path like this one at which nothing is."""
    names = (path.with_stem(f"{path.stem}{number or ''}") for number in range(1000))
    return next(name for name in names if not lexists(name))


def _escaped(byte: int) -> str:
    letter = chr(byte)
    if not letter.isascii() or not letter.isprintable():
        return f"\\x{byte:02x}"
    return f"\\{letter}" if letter in "'\\" else letter


def as_root(command: str) -> str:
    """A command that needs root, for whoever asks: a container without sudo has root already."""
    return command if getuid() == 0 else f"sudo {command}"
