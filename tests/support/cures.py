"""Findings of `doctor` and their cures, as a person meets them: what is printed is what is run."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from roost.present.finding import Code
from tests.support.daemon import PATIENCE, Roost
from tests.support.home import Home, environment
from tests.support.pane import Pane
from tests.support.wait import wait_until

_LINE = re.compile(r"(ok|note|WRONG) +(.+?): (.*?)(?: \[([a-z-]+)\])?")
_ATTACHED = r"leaves it running .*\| "
"""The line of the session's own tmux: before it, keys are lines that wait for whoever reads the terminal."""


@dataclass(frozen=True, slots=True)
class Printed:
    """One finding as `doctor` prints it; `code` is None where all is well."""

    mark: str
    check: str
    detail: str
    code: str | None
    advice: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One finding: `produce` makes what it tells of, on the real thing; None: it is so to begin with.

    `act` does what the sentence says beside the command that is printed, and runs that where it wants to;
    without it the command alone is run. `check`: where a code is expected more than once.
    """

    code: Code
    produce: Callable[[], object] | None = None
    act: "Callable[[Doctor, Printed], object] | None" = None
    check: str = ""

    def of(self, printed: Sequence[Printed]) -> Printed | None:
        """The finding among those that were printed."""
        return next((one for one in printed if one.code == self.code and self.check in one.check), None)


class Doctor:
    """`roost doctor` in one shell, and the shell in which a person puts what it prints."""

    def __init__(
        self,
        roost: Roost,
        environ: Mapping[str, str] | None = None,
        *,
        below: Sequence[str] = (),
        options: str = "",
        quick: str = "",
    ) -> None:
        """Ask with this environment, `below` a program that runs a command, with these global options.

        `quick`: statements that shorten how long a command of ours waits.
        """
        self.roost = roost
        self.tools = roost.home.root / "tools"
        start = f"{quick}; import sys; from roost.cli.main import main; sys.exit(main(sys.argv[1:]))"
        program = f'exec {shlex.quote(sys.executable)} -c {shlex.quote(start.lstrip("; "))} "$@"'
        tool(self.tools, "roost", program)
        self.environ = dict(environ or roost.environ)
        self.environ["PATH"] = f"{self.tools}:{self.environ['PATH']}"
        self.seen: list[Printed] | None = None
        self._below = list(below)
        self._options = options

    def run(self, line: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """One command line, as it stands."""
        return subprocess.run(
            [*self._below, "/bin/sh", "-c", line],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**self.environ, **environ},
            cwd=self.roost.home.work,
            timeout=2 * PATIENCE,
            check=False,
        )

    def does(self, line: str) -> None:
        """One command line that succeeds."""
        done = self.run(line)
        assert done.returncode == 0, (line, done.stdout, done.stderr)

    def cure(self, printed: Printed, **words: str) -> None:
        """Run the command that was printed, with capital words of it replaced; it succeeds."""
        line = printed.fix
        for word, value in words.items():
            assert word in line, printed
            line = line.replace(word, value)
        self.does(line)

    def joins(self, shows: str, key: str, then: str) -> "Callable[[Doctor, Printed], None]":
        """A person who runs the command in a terminal, waits until it shows that, and presses this key.

        Once it shows `then` (both are regexes) they leave: tmux takes a third key that it reads within a
        millisecond of two others for a part of a paste, in which no prefix counts.
        """

        def act(_doctor: "Doctor", printed: Printed) -> None:
            folder = self.roost.home.root / "p"
            folder.mkdir(exist_ok=True)
            words = ["/bin/sh", "-c", f"{printed.fix}; echo left with $?; read x"]
            environ = {name: value for name, value in self.environ.items() if name != "TMUX"}
            with Pane(folder, words, environ=environ, directory=self.roost.home.work) as pane:
                pane.wait_for(_ATTACHED)
                pane.wait_for(shows)
                pane.keys(key)
                pane.wait_for(then)
                pane.keys("C-b", "d")
                pane.wait_for("left with 0")

        return act

    def look(self) -> list[Printed]:
        """All that it prints now."""
        done = self.run(f"roost {self._options} doctor")
        assert done.stderr == "", done.stderr
        found = read(done.stdout)
        assert done.returncode == (1 if any(one.mark == "WRONG" for one in found) else 0), done.stdout
        self.seen = found
        return found

    def sees(self, *cases: Case) -> list[Printed]:
        """Wait until each is printed; returns them in this order."""
        seen: list[Printed] = []

        def there() -> bool:
            seen[:] = self.look()
            return all(case.of(seen) for case in cases)

        wait_until(
            there,
            timeout=PATIENCE,
            why="they are found",
            describe=lambda: [(str(case.code), case.check) for case in cases if not case.of(seen)],
        )
        return [printed for case in cases if (printed := case.of(seen)) is not None]

    def sees_none(self, *cases: Case) -> list[Printed]:
        """Wait until none is printed any more; returns all that is."""
        seen: list[Printed] = []

        def gone() -> bool:
            seen[:] = self.look()
            return not any(case.of(seen) for case in cases)

        wait_until(
            gone,
            timeout=PATIENCE,
            why="they are gone",
            describe=lambda: [printed for case in cases if (printed := case.of(seen))],
        )
        return seen


def read(output: str) -> list[Printed]:
    """What was printed where stdout is no terminal: a line for each finding, below it advice and command."""
    found: list[Printed] = []
    for line in output.splitlines():
        if line.startswith("       -> "):
            found[-1] = replace(found[-1], fix=line.removeprefix("       -> "))
        elif line.startswith("       "):
            found[-1] = replace(found[-1], advice=line.strip())
        else:
            begun = _LINE.fullmatch(line)
            assert begun is not None, line
            found.append(Printed(*begun.groups()))
    for one in found:
        assert (one.code is None) == (one.mark == "ok"), one
        assert one.code is None or one.fix or one.advice, one
    return found


def cured(doctor: Doctor, *cases: Case) -> None:
    """Produce each, see it, do what is printed, and see it gone. What ends several is run once."""
    before = doctor.look() if doctor.seen is None else doctor.seen
    assert not any(case.produce and case.of(before) for case in cases), before
    for case in cases:
        if case.produce is not None:
            case.produce()
    run: set[str] = set()
    for case, printed in zip(cases, doctor.sees(*cases), strict=True):
        if case.act is not None:
            case.act(doctor, printed)
        elif printed.fix not in run:
            assert printed.fix, printed
            doctor.cure(printed)
            run.add(printed.fix)
    doctor.sees_none(*cases)


def tool(folder: Path, name: str, text: str) -> Path:
    """A program in a folder, made of lines of shell."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def path_without(roost: Roost, *programs: str) -> str:
    """A PATH that leads to all that the usual one does, but for these programs."""
    folder = roost.home.root / "bin"
    folder.mkdir()
    for place in reversed(roost.environ["PATH"].split(":")):
        for path in Path(place).glob("*"):
            link = folder / path.name
            if path.name not in programs:
                link.unlink(missing_ok=True)
                link.symlink_to(path)
    return str(folder)


def obeys() -> list[str]:
    """What runs a command as somebody whom permissions bind: root without the right to pass them over."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


@contextmanager
def quoted_roost(home: Home) -> Iterator[Roost]:
    """A roost in a folder that needs quoting, with peers that do; its daemon and agents are ended."""
    quoted = replace(home, roost=home.root / "it's r", work=home.root / "my work")
    quoted.work.mkdir()
    made = Roost(quoted, environment(os.environ, quoted))
    yield made
    if made.places.state.exists():
        made.cli("gc", "--end", "all")
        assert made.cli("down", "--agents").returncode in (0, 5)
    if made.process is not None:
        made.process.wait(PATIENCE)


def restores(backup: Path) -> Callable[[Doctor, Printed], object]:
    return lambda doctor, printed: doctor.cure(printed, BACKUP=f"'{backup}'")


def advised(doctor: Doctor, printed: Printed) -> None:
    """The first command of the advice, as it stands."""
    doctor.does(printed.advice.split("`")[1])
