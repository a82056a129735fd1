"""Becoming what the caller would be, had it started Python: in a fork, before the command begins."""

from __future__ import annotations

import fcntl
import locale
import os
import resource
import select
import sys
import time
from io import TextIOWrapper

from roost.cli.door.request import LIMITS, OddError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal

    from roost.cli.door.request import Request
else:
    import _signal as signal  # `signal` itself makes an enum of each answer: 0.2 ms for each call

_LENIENT = frozenset({"C", "POSIX", "C.UTF-8", "C.utf8", "UTF-8"})
"""Locales in which Python takes bytes that are no text from its streams."""
_UNTOUCHED = frozenset({signal.SIGKILL, signal.SIGSTOP, 32, 33})
"""Signals that cannot be ignored; two are the C library's own."""
_ALWAYS = (signal.SIGPIPE, signal.SIGXFSZ)
"""What Python ignores."""


def take_over(request: Request, umask: int) -> None:
    """Take what the caller has. Raises OddError, OSError, ValueError where this process cannot."""
    end_with(request.end)
    if not _same_python(os.fsdecode(request.python)):
        raise OddError
    os.fchdir(request.folder)
    for target, stream in enumerate(request.streams):
        os.dup2(stream, target)
        os.close(stream)
    os.close(request.folder)
    os.umask(umask)
    for which in range(LIMITS):
        _limit(which, request.limits[which])
    _hear(request.ignored)
    _take_environment(request.environ)
    sys.argv = ["roost", *map(os.fsdecode, request.arguments)]
    _open_streams()


def end_with(pipe: int) -> None:
    """Be killed, even while we are stopped, when the other end of a pipe is closed. Raises OddError, OSError.

    Nothing is written to it from now on.
    """
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(pipe, 0)
    if poll.poll(0):  # it was closed before that was set
        raise OddError


def _same_python(path: str) -> bool:
    """Whether this names the interpreter that we are, in the same environment."""
    ours = sys.executable
    return path == ours or (
        os.path.dirname(path) == os.path.dirname(ours)  # noqa: PTH120 -- a few microseconds for each call
        and os.path.realpath(path) == os.path.realpath(ours)
    )


def _limit(which: int, wanted: tuple[int, int]) -> None:
    soft, hard = (-1 if value >= 1 << 63 else value for value in wanted)
    if resource.getrlimit(which) != (soft, hard):
        resource.setrlimit(which, (soft, hard))


def _hear(ignored: int) -> None:
    """Have the caller's ignored signals ignored, and all others end us, or interrupt us, as in any Python."""
    signal.set_wakeup_fd(-1)
    for number in range(1, 64):
        if number in _UNTOUCHED:
            continue
        if ignored >> number & 1 or number in _ALWAYS:
            wanted = signal.SIG_IGN
        else:
            wanted = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        if signal.getsignal(number) != wanted:
            signal.signal(number, wanted)


def _take_environment(environ: dict[bytes, bytes]) -> None:
    """Have this environment, as a Python that starts in it reads it. Raises OddError."""
    ours = os.environb
    for name in ours.keys() - environ.keys():
        del ours[name]
    ours.update({name: value for name, value in environ.items() if ours.get(name) != value})
    time.tzset()
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    try:
        found = locale.setlocale(locale.LC_CTYPE, "")
        if found in ("C", "POSIX"):  # PEP 538
            if not os.environ.get("LC_ALL"):
                os.environ["LC_CTYPE"] = "C.UTF-8"
            locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error as error:
        raise OddError from error
    if locale.nl_langinfo(locale.CODESET) != "UTF-8":
        raise OddError


def _open_streams() -> None:
    """Open the standard streams as Python does when it starts."""
    lenient = locale.setlocale(locale.LC_CTYPE) in _LENIENT
    errors = "surrogateescape" if lenient else "strict"
    sys.stdin = sys.__stdin__ = _stream(0, "r", errors)
    sys.stdout = sys.__stdout__ = _stream(1, "w", errors)
    sys.stderr = sys.__stderr__ = _stream(2, "w", "backslashreplace")


def _stream(number: int, mode: str, errors: str) -> TextIOWrapper:
    plain = mode == "w" and bool(os.environ.get("PYTHONUNBUFFERED"))
    raw = open(number, f"{mode}b", 0 if plain else -1, closefd=False)  # noqa: SIM115 -- for the whole process
    stream = TextIOWrapper(
        raw,  # pyright: ignore[reportArgumentType] -- unbuffered, as Python itself does it
        "utf-8",
        errors,
        None if mode == "r" else "\n",
        line_buffering=not plain and (raw.isatty() or number == 2),  # noqa: PLR2004 -- standard error
        write_through=plain,
    )
    stream.mode = mode  # pyright: ignore[reportAttributeAccessIssue] -- as Python itself does it
    return stream
