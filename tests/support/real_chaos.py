"""Seeded chaos over the real Claude Code and Codex: `python -m tests.support.real_chaos --minutes 30`.

People, operators, senders, hooks, outages and updates act side by side, so a seed gives the same acts, not
the same interleaving. The model is a fake one on loopback; what it was asked is the truth.
"""

import argparse
import contextlib
import os
import secrets
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.session import SessionState
from tests.support import prefork, processes
from tests.support.chaos_oracle import descriptors, journal, marked, read, states
from tests.support.home import make_home
from tests.support.real_chaos_acts import RealActs
from tests.support.real_chaos_fleet import PEERS, Fleet, fleet_in
from tests.support.real_chaos_oracle import RealOracle
from tests.support.real_chaos_person import pause
from tests.support.real_chaos_watch import Watch

REST = 120.0
"""Seconds within which one message more must come to its end."""


class RealChaos(RealActs):
    """One run: rage, rest, judgement."""

    def __init__(self, fleet: Fleet, seed: int, *, verbose: bool = False) -> None:
        super().__init__(fleet, seed, verbose=verbose)
        self.watch = Watch(self, self.wrong.append)
        self.doubts: list[str] = []

    def mend(self) -> None:
        """Nothing is broken any more, by those who broke it."""
        self.fleet.model.outage.status = None
        self.fleet.hook_mode.unlink(missing_ok=True)
        for runtime in ("claude", "codex"):
            self.fleet.replace(runtime, "whole")
        if self.roost.daemon.poll() is not None:
            self.start()

    def rest(self) -> None:
        """People close what they opened and answer what is asked; all messages come to an end."""
        self.note("rest")
        self.mend()
        deadline, round_, waiting = time.monotonic() + REST, 0, frozenset[str]()
        while (left := self.unfinished()) and time.monotonic() < deadline:
            now = frozenset(each.id for state in states(self.roost).values() for each in state.messages)
            if waiting - now:
                deadline = time.monotonic() + REST
            waiting = now
            if round_ % 4 == 0:
                for name in PEERS:
                    self.call("start", name=name)
            self.people.answer("no")
            for name in PEERS:
                self.attend(name)
            pause(2)
            round_ += 1
        self.note(f"at rest after {round_} rounds")
        for each in left:
            self.wrong.append(f"[stuck] nothing came to its end for {REST:g} s: {each}")

    def attend(self, peer: str) -> None:
        """A person closes views and logs in again; a program that shows no way back is ended."""
        scene = self.people.scene(peer)
        if scene is None:
            return
        if not self.people.tidy(peer, all_=True):
            self.note(f"{peer}: a person finds no way back and restarts it")
            self.note(str(self.people.scene(peer)))
            self.call("restart", name=peer)

    def unfinished(self) -> list[str]:
        """What is still on its way, in words."""
        found: list[str] = []
        for name, state in states(self.roost).items():
            if name not in PEERS:
                continue
            session = state.session
            if session is not None and session.state is not SessionState.IDLE:
                found.append(f"{name} is {session.state}: {session.why}; {self.people.scene(name)}")
            for message in state.messages:
                if message.notice is not None and message.state is MessageState.QUEUED:
                    continue
                if message.state is not MessageState.UNKNOWN:
                    found.append(
                        f"{message.id} to {name} is {message.state}: {message.why};"
                        f" {session.state if session else 'no session'}"
                    )
        return found

    def settle(self) -> list[str]:
        """Rest, judge, stop all, end; returns what is wrong."""
        self.rest()
        oracle = RealOracle(self, self.watch.last_work)
        self.wrong += oracle.judge()
        self.doubts += oracle.doubts
        live = sum(1 for state in states(self.roost).values() if state.session)
        if (open_files := descriptors(self.roost.daemon.pid)) > 40 + 14 * live:
            self.wrong.append(f"[files] the daemon holds {open_files} files open for {live} sessions")
        self.call("stop", all=True)
        self.call("down", agents=True)
        self._left("the last down")
        for pid, session in marked(self.roost).items():
            self.wrong.append(f"[left] process {pid} of session {session} is left")
        return self.wrong

    def story(self) -> str:
        """All that helps to understand."""
        reader = read(self.roost)
        try:
            rows = [str(row) for row in journal(reader)]
            deaths = [str(death) for death in reader.deaths(None, 10_000)]
        finally:
            reader.close()
        asked = [
            f"{each.at:.2f} {each.number} {each.headers.get('x-peer')} {each.session} {each.kind}"
            f" {[text[-300:] for text in each.user_texts[-2:]]} -> {each.answer}"
            f" until {self.fleet.model.journal.ended(each.number)}"
            for each in self.fleet.model.journal.all()
        ]
        parts = {"journal": rows, "deaths": deaths, "model": asked, "daemon": [self.roost.said()[-20000:]]}
        return "\n".join(
            [*self.log, *(line for name, rows in parts.items() for line in (f"--- {name}", *rows))]
        )


def kind(wrong: str) -> str:
    """The kind of a violation."""
    return wrong[1 : wrong.index("]")] if wrong.startswith("[") and "]" in wrong else "other"


def run(
    seed: int, seconds: float, *, pace: float = 1.0, keep: Path | None = None, verbose: bool = False
) -> list[str]:
    """One run in a home of its own; returns what is wrong. A run leaves its story in `keep`."""
    with make_home() as home, fleet_in(home) as fleet:
        chaos = RealChaos(fleet, seed, verbose=verbose)
        try:
            chaos.set_up()
            with chaos.watch.watching():
                chaos.rage(seconds, pace)
                wrong = chaos.settle()
        finally:
            with contextlib.suppress(AssertionError):
                fleet.roost.finish()
        kinds = Counter(kind(each) for each in wrong)
        sys.stderr.write(
            f"seed {seed}: {sum(chaos.done.values())} acts ({chaos.tally()}), {len(chaos.sent)} sent,"
            f" {chaos.watch.looks} looks, {time.monotonic() - chaos._began:.0f} s, {len(wrong)} wrong"
            f" {dict(kinds)}\n"
        )
        if keep is not None:
            folder = keep / f"seed-{seed}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / "wrong").write_text("\n\n".join(wrong) + "\n")
            (folder / "doubts").write_text("\n".join(chaos.doubts) + "\n")
            (folder / "story").write_text(chaos.story())
            words = [f"{count} {word}" for word, count in Counter(chaos.watch.words).most_common()]
            (folder / "reasons").write_text("\n".join(words) + "\n")
            (folder / "refused").write_text("\n".join(f"{n} {w}" for w, n in chaos.refused.most_common()))
        return wrong


def main() -> int:
    """Run seed after seed until the time is over; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.real_chaos")
    parser.add_argument("--minutes", type=float, default=30, help="how long in all")
    parser.add_argument("--seed", type=int, default=None, help="the first seed; a random one without it")
    parser.add_argument("--each", type=float, default=90, help="seconds of chaos for each seed")
    parser.add_argument("--pace", type=float, default=1.0, help="mean seconds between two acts")
    parser.add_argument("--keep", type=Path, default=None, help="folder for the stories of the runs")
    parser.add_argument("--verbose", action="store_true", help="print each act")
    asked = parser.parse_args()
    nonce = secrets.token_hex(8)
    os.environ[processes.MARKER] = nonce
    seed = asked.seed if asked.seed is not None else secrets.randbelow(1_000_000)
    end, failed = time.monotonic() + asked.minutes * 60, 0
    while time.monotonic() < end:
        each = min(asked.each, max(end - time.monotonic(), 10))
        for line in run(seed, each, pace=asked.pace, keep=asked.keep, verbose=asked.verbose):
            sys.stdout.write(f"seed {seed}: {line}\n\n")
            failed += 1
        sys.stdout.flush()
        prefork.end_of(nonce)
        seed += 1
    sys.stdout.write(f"{failed} violations\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
