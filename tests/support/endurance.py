"""One daemon, 100 peers, an hour: messages, wakes, pauses, a full disk, clients that do not read.

`python -m tests.support.endurance`. Its folder is a small disk of its own. Every minute the deaths are
read, so that none escapes; at the end the log of the agents tells what each was shown. What is kept is
bounded to ten minutes, so that everything that may be flat has the time to be.
"""

import argparse
import os
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from roost.core.transition.ending import VETOABLE
from roost.core.vocabulary.session import Cause
from roost.core.vocabulary.view import iso
from roost.store.reader import Reader
from tests.support import prefork, processes
from tests.support.chaos_oracle import HEADER
from tests.support.daemon import Roost
from tests.support.endurance_chart import svg, table
from tests.support.endurance_load import Load
from tests.support.endurance_series import Gauges
from tests.support.home import environment, make_home
from tests.support.small_disk import fill, small_disk

CONFIG = """\
[keep]
messages = "10m"
events = "10m"
[logs]
size = 16384
files = 2
"""
STEP = 10.0
"""Seconds between two measures."""
LASTS = 60.0
"""Seconds of a pause, and of a full disk."""
PAUSES, FULL = (0.22, 0.45, 0.75), (0.35, 0.62)
"""When they begin, as parts of the whole time."""
WARM = 1 / 3
"""The part of the time after which growth counts: what is kept has been let go of once by then."""
SETTLE = 240.0
"""Seconds for the last messages to end."""
HINDERED = frozenset({Cause.NOT_STARTED, Cause.BOOT_FAILED, Cause.CRASHED})
"""What may end on a full disk, too: no start finds room, and the demo agent cannot write its own record."""
ALLOWED = VETOABLE
_DOCS = Path(__file__).resolve().parents[2] / "docs"


class Endurance:
    """One run."""

    def __init__(self, roost: Roost, nonce: str, minutes: float, peers: int, seed: int) -> None:
        """Prepare; `run` runs it."""
        self._roost = roost
        self._nonce = nonce
        self._length = minutes * 60
        self._counts = roost.home.root / "tasks"
        self.gauges = Gauges(roost, self._counts)
        names = [f"p{number}" for number in range(peers)]
        awake = max(1, peers // 12)
        self._kinds = {
            name: "always" if number < awake else "ephemeral" if number % 3 == 0 else "warm"
            for number, name in enumerate(names)
        }
        self.load = Load(roost, names[:awake], names[awake:], seed)
        self.events: list[tuple[float, float, str]] = []
        self._deaths: dict[str, Cause] = {}
        self._hindered: set[str] = set()
        self._began = 0.0

    def run(self) -> list[str]:
        """All of it; returns what is wrong."""
        environ = {"ROOST_COUNTS": str(self._counts)}
        self._roost.start(sys.executable, "-m", "tests.support.counting_daemon", environ=environ)
        for name, kind in self._kinds.items():
            self._roost.add(name, wake=kind, idle="20s", quiet="2s", silence="10s")
        self._began = time.monotonic()
        self.load.start()
        try:
            self._live()
        finally:
            self.load.finish()
        self._settle()
        self._take_deaths()
        return self.load.wrong + self._judge()

    @property
    def warm(self) -> float:
        """Seconds of the run after which growth counts."""
        return self._length * WARM

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _live(self) -> None:
        coming = [(part * self._length, self._pause) for part in PAUSES]
        coming += [(part * self._length, self._fill) for part in FULL]
        coming.sort(key=lambda each: each[0])
        told = 0.0
        while (now := self._now()) < self._length:
            if coming and now >= coming[0][0]:
                coming.pop(0)[1]()
            self.gauges.read(self._now())
            if now - told >= 60:
                told = now
                self._take_deaths()
                self._progress()
            time.sleep(max(0.0, STEP - (self._now() - now)))

    def _pause(self) -> None:
        """Everything of this roost stands still, as in a frozen container."""
        began = self._now()
        self.load.paused = True
        stopped: set[processes.Found] = set()
        while new := processes.marked(self._nonce) - stopped:
            for each in new:
                with suppress(ProcessLookupError):
                    os.kill(each.pid, signal.SIGSTOP)
            stopped |= new
        time.sleep(LASTS)
        for each in stopped & processes.marked(self._nonce):
            with suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGCONT)
        self.load.paused = False
        self.events.append((began, self._now(), "a pause of everything"))

    def _fill(self) -> None:
        """No room on the disk of roost's folder."""
        began, filler = self._now(), self._roost.places.home / "filler"
        self.load.fill()
        end = time.monotonic() + LASTS
        while time.monotonic() < end:
            # What roost gives back meanwhile is taken, too.
            fill(filler.with_name(f"filler{int(time.monotonic())}"))
            time.sleep(1.0)
        for each in filler.parent.glob("filler*"):
            each.unlink()
        self.load.empty()
        self.events.append((began, self._now(), "a full disk"))

    def _settle(self) -> None:
        deadline = time.monotonic() + SETTLE
        while self.load.follow() and time.monotonic() < deadline:
            time.sleep(0.5)

    def _take_deaths(self) -> None:
        reader = Reader(self._roost.places.database)
        try:
            for death in reader.deaths(None, 1000):
                told = f"{death.peer}: {death.cause}, {death.evidence}"
                if death.cause in HINDERED and self.load.was_full(death.at):
                    self._hindered.add(death.session)
                elif death.session not in self._deaths and death.cause not in ALLOWED:
                    self.load.wrong.append(f"a healthy agent ended: {iso(death.at)} {told}")
                self._deaths[death.session] = death.cause
        finally:
            reader.close()

    def _progress(self) -> None:
        seen = ", ".join(f"{each.name} {each.points[-1][1]:.4g}" for each in self.gauges.all)
        _say(
            f"{self._now() / 60:4.0f} min: {len(self.load.accepted)} accepted, {dict(self.load.states)},"
            f" {len(self._deaths)} ends, refused {dict(self.load.refused)}; {seen}"
        )

    def _judge(self) -> list[str]:
        shown: Counter[str] = Counter()
        with self._roost.truth.open() as lines:
            for line in lines:
                match = HEADER.search(line) if '"prompt"' in line else None
                shown[match[1] if match else ""] += 1
        wrong = [self._waits(each) for each in self.load.unfinished()[:3]]
        accepted = self.load.accepted
        if len(set(accepted)) != len(accepted):
            wrong.append("one id for two messages")
        lost = [each for each in accepted if not shown[each]]
        doubled = [each for each in accepted if shown[each] > 1 and not self._cut_off(each)]
        wrong += [f"{len(lost)} lost, the first {lost[0]}"] if lost else []
        wrong += (
            [f"{len(doubled)} shown twice, the first {self._roost.message(doubled[0])}"] if doubled else []
        )
        wrong += [f"{count} ended as {state}" for state, count in self.load.states.items() if state != "done"]
        wrong += filter(None, (each.wrong(self.warm) for each in self.gauges.all))
        return wrong

    def _cut_off(self, message_id: str) -> bool:
        """Whether its turn ended with an agent that a full disk has ended: it is given once more."""
        return any(each["session"] in self._hindered for each in self._roost.message(message_id)["attempts"])

    def _waits(self, message_id: str) -> str:
        story = self._roost.message(message_id)
        return f"not ended: {story}, its peer: {self._roost.row(story['to'])}"

    def verdict(self) -> str:
        """What was done, in a sentence."""
        causes = Counter(str(cause) for cause in self._deaths.values())
        ends = ", ".join(f"{count} {cause}" for cause, count in sorted(causes.items()))
        refused = sum(self.load.refused.values())
        return (
            f"{len(self._kinds)} peers, {self._length / 60:.0f} minutes:"
            f" {len(self.load.accepted)} messages accepted, {self.load.states['done']} done,"
            f" {refused} requests refused while the disk was full;"
            f" sessions that ended: {ends}."
        )


def _write(run: Endurance, seed: int, wrong: Sequence[str]) -> None:
    """The page about the latest run."""
    (_DOCS / "endurance.svg").write_text(svg(run.gauges.all, run.warm, run.events))
    found = "".join(f"- {line}\n" for line in wrong) or "Nothing was lost, shown twice or ended in health.\n"
    (_DOCS / "endurance.md").write_text(
        "# An hour in the life of a daemon\n\n"
        f"Written by `scripts/endurance --docs` (seed {seed}). {run.verdict()}\n"
        "Meanwhile the mailbox was read, all was looked at in turn, and clients asked and did not read.\n"
        f"Growth is taken after {run.warm / 60:.0f} minutes, when what is kept has been let go of once.\n\n"
        f"{table(run.gauges.all, run.warm)}\n{found}\n![the measures over time](endurance.svg)\n"
    )


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run once and tell the verdict."""
    parser = argparse.ArgumentParser(prog="scripts/endurance")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--peers", type=int, default=100, help="how many peers (100)")
    parser.add_argument("--seed", type=int, default=None, help="a random one without it")
    parser.add_argument("--docs", action="store_true", help="write docs/endurance.md and .svg")
    asked = parser.parse_args()
    nonce = secrets.token_hex(8)
    os.environ[processes.MARKER] = nonce
    seed = asked.seed if asked.seed is not None else secrets.randbelow(1_000_000)
    _say(f"seed {seed}")
    with ExitStack() as stack:
        home = stack.enter_context(make_home())
        stack.enter_context(small_disk(home.roost, "256m"))
        (home.roost / "config.toml").write_text(CONFIG)
        roost = Roost(home, environment(os.environ, home))
        run = Endurance(roost, nonce, asked.minutes, asked.peers, seed)
        try:
            wrong = run.run()
        finally:
            roost.finish()
    left = prefork.end_of(nonce)
    wrong += [f"left over: {each}" for each in left]
    if asked.docs:
        _write(run, seed, wrong)
    for line in wrong[:50]:
        _say(f"WRONG {line}")
    _say(run.verdict())
    _say(table(run.gauges.all, run.warm))
    _say("FAILED" if wrong else "passed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
