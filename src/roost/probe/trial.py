"""A trial: one runtime on a stage of its own, taken through all checks."""

import os
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from roost.errors import InvalidSettingError, RoostError, UsageError
from roost.fake_model import FakeModel
from roost.local.config import load_config
from roost.local.excerpt import excerpt
from roost.local.proven import PROVEN, said_version, version_number
from roost.probe import homes
from roost.probe.checks import CHECKS, NotTriedError
from roost.probe.subject import NAME, Subject
from roost.probe.witness import ModelWitness, RecordWitness
from roost.probe.words import Directives, PlainWords
from roost.runtimes.registry import Runtimes
from roost.runtimes.runtime import Runtime
from roost.stage.ending import undisturbed
from roost.stage.errors import StepError
from roost.stage.stage import Stage

_DEMOS = ("demo", "demo-acp")
"""They have no model."""


class Result(StrEnum):
    """What a check came to. NOT_TRIED: this runtime has no such thing, or nothing could tell."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_TRIED = "not tried"


class Seen(Struct, frozen=True):
    """One line of the answer. `seconds`: how long it took."""

    check: str
    result: Result
    seen: str
    seconds: float


class Trial:
    """One runtime, as the configuration file at `config` and the search path of this process have it."""

    def __init__(self, config: Path, name: str) -> None:
        """Raises UsageError for a runtime that is not known, ConfigError for a file that is wrong."""
        try:
            self._runtime = Runtimes(load_config(config).runtimes).get(name)
        except InvalidSettingError as error:
            raise UsageError(error.message) from error
        self._config = config
        self.version = ""
        """What its program says its number is; empty where it does not say."""

    def run(self, *, live: bool, tell: Callable[[str], None]) -> Generator[Seen]:
        """All checks, one after another; where it does not even start nothing else is tried.

        `live`: with the user's home and a real model. `tell` gets what daemon and commands say. Raises
        StepError where no daemon can be started.
        """
        yield _seen("version", self._say_version)
        with _stage(tell, live=live) as stage, FakeModel() as model:
            stage.places.config.parent.mkdir(mode=0o700, exist_ok=True)
            stage.places.config.write_text(excerpt(self._config), "utf-8")
            folder = stage.folder(NAME)
            subject = _live(stage, self._runtime) if live else _offline(stage, self._runtime, model, folder)
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

    def _say_version(self) -> str:
        """Which program it is, and which one roost was proven with."""
        path = self._runtime.locate(os.environ.get("PATH"))
        try:
            said = said_version([path, "--version"])
        except (OSError, subprocess.SubprocessError) as error:
            raise NotTriedError(f"{path} --version: {error}") from error
        self.version = version_number(said)
        proven = PROVEN.get(self._runtime.name)
        if proven is None:
            return f"{said} ({path})"
        same = "the one" if proven == self.version else f"not {proven},"
        return f"{said} ({path}): {same} that roost was tried with"


def _seen(name: str, work: Callable[[], str]) -> Seen:
    begun = time.monotonic()
    try:
        result, said = Result.PASSED, work()
    except NotTriedError as error:
        result, said = Result.NOT_TRIED, error.message
    except RoostError as error:
        result, said = Result.FAILED, error.message
    return Seen(name, result, said, time.monotonic() - begun)


def _live(stage: Stage, runtime: Runtime) -> Subject:
    """As the user has it: own home, own account, a real model."""
    return Subject(stage, runtime.name, {"resume": "always"}, PlainWords(), RecordWitness(runtime))


def _offline(stage: Stage, runtime: Runtime, model: FakeModel, folder: Path) -> Subject:
    """In a home of its own, with the fake model."""
    name = runtime.name
    seed = homes.HOMES.get(name, homes.seed_any)(Path(stage.environ["HOME"]), model.url, folder)
    witness = RecordWitness(runtime) if name in _DEMOS else ModelWitness(model)
    settings = {"resume": "always", **{f"env.{key}": value for key, value in seed.environ.items()}}
    if seed.args:
        settings["args"] = seed.args
    return Subject(stage, name, settings, Directives(demo=name in _DEMOS), witness)


def _empty(stage: Stage) -> str:
    """All of it is ended, and nothing of it runs."""
    stage.ask("remove", name=NAME, force=True)
    left = stage.close(keep=True)
    if left:
        raise StepError(f"left running: {', '.join(left)}")
    return "no process is left"


@contextmanager
def _stage(tell: Callable[[str], None], *, live: bool) -> Generator[Stage]:
    own = {name: os.environ[name] for name in ("HOME",) if live and name in os.environ}
    stage = Stage("probe", tell, own)
    try:
        yield stage
    finally:
        with undisturbed():
            stage.close(keep=False)
