"""Who is to blame for a launch that failed, by the error that ended it."""

import errno
import resource
import sys
from pathlib import Path

import pytest

from roost.core.vocabulary.blame import Blame
from roost.daemon.session import failures
from roost.daemon.session.failures import REPLACED, LaunchError, check_room, judged, not_run
from roost.errors import InvalidSettingError, RuntimeMissingError, StoreError
from roost.host.errors import TmuxError, TmuxMissing

CASES: list[tuple[Exception, Blame, str]] = [
    (LaunchError("it ended at once", Blame.PROGRAM), Blame.PROGRAM, "it ended at once"),
    (RuntimeMissingError("the program 'x' was not found"), Blame.SETUP, "the program 'x' was not found"),
    (InvalidSettingError("unknown runtime 'x'"), Blame.SETUP, "unknown runtime 'x'"),
    (TmuxError("create window failed: fork failed"), Blame.HOST, "create window failed: fork failed"),
    (TmuxMissing("tmux was not found"), Blame.HOST, "tmux was not found"),
    (StoreError("the disk is full"), Blame.HOST, "the disk is full"),
    (OSError(errno.ENOSPC, "No space left on device", "/s/x"), Blame.HOST, "a disk is full"),
    (OSError(errno.EMFILE, "Too many open files"), Blame.HOST, "roost may not open more files"),
    (PermissionError(errno.EACCES, "Permission denied", "/s/x"), Blame.HOST, "Permission denied: /s/x"),
    (BlockingIOError(errno.EAGAIN, "no"), Blame.HOST, "this machine starts no more processes"),
    (RuntimeError("can't start new thread"), Blame.HOST, "no new thread"),
    (MemoryError(), Blame.HOST, "this machine has no memory left"),
    (ModuleNotFoundError("No module named 'roost.x'"), Blame.ROOST, REPLACED),
    (KeyError("x"), Blame.ROOST, "a defect of the daemon (KeyError)"),
]


@pytest.mark.parametrize(("error", "blame", "words"), CASES, ids=lambda case: type(case).__name__)
def test_C11_each_error_has_somebody_to_blame(error: Exception, blame: Blame, words: str) -> None:
    cause = judged(error)
    assert (cause.blame, words in cause.message) == (blame, True), cause.message


@pytest.mark.parametrize(("error", "blame", "words"), CASES, ids=lambda case: type(case).__name__)
def test_F7_without_our_own_program_only_a_program_that_ran_is_to_blame(
    error: Exception, blame: Blame, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    cause = judged(error)
    expected = (Blame.PROGRAM, words) if blame is Blame.PROGRAM else (Blame.ROOST, REPLACED)
    assert (cause.blame, cause.message) == expected


@pytest.mark.parametrize(
    ("number", "blame"),
    [
        (errno.ENOEXEC, Blame.SETUP),
        (errno.ENOENT, Blame.SETUP),
        (errno.ETXTBSY, Blame.SETUP),
        (errno.EACCES, Blame.SETUP),
        (None, Blame.SETUP),
        (errno.EAGAIN, Blame.HOST),
        (errno.ENOMEM, Blame.HOST),
        (errno.EIO, Blame.HOST),
    ],
)
def test_C11_what_a_shim_tells_is_never_the_programs_fault(number: int | None, blame: Blame) -> None:
    told = not_run("cannot run /x: it says", number)
    assert told.blame is blame
    assert "cannot run /x: it says" in told.message


def test_F21_a_launch_that_would_take_the_last_files_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    check_room(3, 1)
    monkeypatch.setattr(failures.resource, "getrlimit", lambda _what: (40, 40))
    with pytest.raises(LaunchError, match=r"^3 sessions live and roost may not open more files \(limit 40\)"):
        check_room(3, 1)
    infinite = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(failures.resource, "getrlimit", lambda _what: infinite)
    check_room(3, 1)
