"""`roost probe`: runs the checks on a stage, prints what was seen, and leaves nothing behind."""

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from roost.cli.output import remark, show_json
from roost.cli.table import table
from roost.errors import InvalidSettingError, RoostError, UsageError
from roost.local.config import load_config
from roost.local.paths import find_places
from roost.probe.checks import CHECKS, NotTriedError
from roost.probe.subject import NAME, Subject
from roost.probe.witness import RecordWitness
from roost.probe.words import Directives, PlainWords
from roost.runtimes.registry import Runtimes
from roost.stage.errors import StepError
from roost.stage.stage import Stage

FAILED = 1
"""The exit code when a check has failed."""


class Result(StrEnum):
    """What a check came to. NOT_TRIED: this runtime has no such thing, or nothing could tell."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of the answer. `seconds`: how long it took."""

    check: str
    result: Result
    seen: str
    seconds: float


def run(runtime: str, *, live: bool, as_json: bool) -> int:
    """Probe a runtime; returns the exit code. Raises UsageError for one that is not known."""
    results: list[Seen] = []
    for seen in probe(runtime, live=live):
        results.append(seen)
        if not as_json:
            remark(f"{seen.check}: {seen.result}, {seen.seconds:.1f} s")
    if as_json:
        show_json(
            [
                {
                    "check": each.check,
                    "result": str(each.result),
                    "seen": each.seen,
                    "seconds": round(each.seconds, 3),
                }
                for each in results
            ]
        )
    else:
        rows = [(each.check, str(each.result), f"{each.seconds:.1f} s", each.seen) for each in results]
        table(("CHECK", "RESULT", "TIME", "SEEN"), rows)
    return FAILED if any(each.result is Result.FAILED for each in results) else 0


def probe(name: str, *, live: bool) -> Iterator[Seen]:
    """Run the checks, one after another; after one that failed to start nothing else is tried."""
    config = load_config(find_places(os.environ).config)
    runtimes = Runtimes(config.runtimes)
    try:
        runtime = runtimes.get(name)
    except InvalidSettingError as error:
        raise UsageError(error.message) from error
    words = PlainWords() if live else Directives(demo=name == "demo")
    with _stage() as stage:
        subject = Subject(stage, name, {"resume": "always"}, words, RecordWitness(runtime))
        subject.folder.mkdir()
        up = stage.run("up")
        if up.returncode != 0:
            raise StepError(f"`roost up` failed: {up.stderr.strip()}")
        subject.add()
        for check in CHECKS:
            seen = _seen(check.name, lambda check=check: check.run(subject))
            yield seen
            if check is CHECKS[0] and seen.result is Result.FAILED:
                break
        yield _seen("empty tree", lambda: _empty(stage))


def _seen(name: str, work: Callable[[], str]) -> Seen:
    begun = time.monotonic()
    try:
        result, said = Result.PASSED, work()
    except NotTriedError as error:
        result, said = Result.NOT_TRIED, error.message
    except RoostError as error:
        result, said = Result.FAILED, error.message
    return Seen(name, result, said, time.monotonic() - begun)


def _empty(stage: Stage) -> str:
    """Everything of it is ended, and nothing of it runs."""
    stage.ask("remove", name=NAME, force=True)
    left = stage.close(keep=True)
    if left:
        raise StepError(f"left running: {', '.join(left)}")
    return "no process is left"


@contextmanager
def _stage() -> Generator[Stage]:
    stage = Stage("probe", remark)
    try:
        yield stage
    finally:
        stage.close(keep=False)
