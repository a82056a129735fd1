"""Seeded chaos over a real daemon, real tmux and demo agents: `python -m tests.support.chaos --seconds 600`.

Operations run side by side, so a seed gives the same operations, not the same interleaving. Afterwards
everything is brought to rest, and the oracle judges what is left.
"""

import argparse
import os
import secrets
import shutil
import sys
import time
from pathlib import Path

from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.session import SessionState
from tests.support import prefork, processes
from tests.support.chaos_acts import PEERS, Acts, pause
from tests.support.chaos_oracle import Oracle, descriptors, journal, marked, read, states
from tests.support.daemon import Roost
from tests.support.home import environment, make_home

REST = 150.0
"""Seconds for everything to come to rest."""


class Chaos(Acts):
    """One run: rage, rest, judgement."""

    def rest(self) -> None:
        """Bring everything to its end: dialogs answered, hanging agents ended, peers started."""
        self.note("rest")
        self.fault_order.unlink(missing_ok=True)
        if self.roost.daemon.poll() is not None:
            self.start()
        for name in PEERS:
            if name not in states(self.roost):
                self.revive(name)
        if self.faults:
            self.term()  # what could not be cleaned up is cleaned up at the next start
        deadline, round_ = time.monotonic() + REST, 0
        while (left := self.unfinished()) and time.monotonic() < deadline:
            if round_ % 10 == 0:
                for name in PEERS:
                    self.call("start", name=name)
            self.answer("Escape")
            self.end_hanging()
            pause(0.3)
            round_ += 1
        self.note(f"at rest after {round_} rounds")
        if left:
            self.wrong += [f"not at rest after {REST:g} s: {each}" for each in left]
            self.note(self.overview())

    def end_hanging(self) -> None:
        for state in states(self.roost).values():
            if not state.turn or state.session is None:
                continue
            reader = read(self.roost)
            try:
                bodies = [reader.body(message.id) or b"" for message in state.turn]
            finally:
                reader.close()
            if any(b"@@hang@@" in body for body in bodies) and state.session.processes is not None:
                self.strike(state.session.processes.agent)

    def unfinished(self) -> list[str]:
        """What is still on its way, in words."""
        found: list[str] = []
        for name, state in states(self.roost).items():
            session = state.session
            if session is not None and session.state is not SessionState.IDLE:
                found.append(f"{name} is {session.state}: {session.why}")
            if state.peer.settings.runtime == "human":
                continue
            for message in state.messages:
                if message.notice is not None and message.state is MessageState.QUEUED:
                    continue
                if message.state is not MessageState.UNKNOWN:
                    found.append(f"{message.id} to {name} is {message.state}: {message.why}")
        reader = read(self.roost)
        try:
            found += [f"open intent {intent.key}" for intent in reader.load().intents]
        finally:
            reader.close()
        return found

    def settle(self) -> list[str]:
        """Rest, judge, stop all, judge again, end; returns what is wrong."""
        self.rest()
        fleet = states(self.roost)
        live = sum(1 for state in fleet.values() if state.session)
        open_files = descriptors(self.roost.daemon.pid)
        if open_files > 40 + 14 * live:
            self.wrong.append(f"the daemon holds {open_files} files open for {live} sessions")
        self.wrong += Oracle(self.roost, self.sent, self.removed).judge()
        self.call("stop", all=True)
        left = [str(state.session) for state in states(self.roost).values() if state.session]
        self.wrong += [f"after stop --all there is {each}" for each in left]
        self.wrong += [
            f"after stop --all: {each}"
            for each in Oracle(self.roost, [], self.removed).judge()
            if not each.startswith("the daemon said")
        ]
        open_files = descriptors(self.roost.daemon.pid)
        self.note(f"{live} were live; {open_files} files open now")
        if open_files > 40:
            self.wrong.append(f"the daemon holds {open_files} files open for no session")
        self.down_for_good()
        return self.wrong

    def down_for_good(self) -> None:
        self.call("down", agents=True)
        self._left("the last down")
        for pid, session in marked(self.roost).items():
            self.wrong.append(f"process {pid} of session {session} is left")

    def story(self) -> str:
        """All that helps to understand."""
        reader = read(self.roost)
        try:
            rows = [str(row) for row in journal(reader)]
        finally:
            reader.close()
        return "\n".join([*self.log, "--- journal", *rows, "--- daemon", self.roost.said()[-20000:]])


def run(
    seed: int, seconds: float, *, pace: float = 0.25, faults: float = 0.0, keep: Path | None = None
) -> list[str]:
    """One run in a home of its own; returns what is wrong. A failed run leaves its story in `keep`."""
    with make_home() as home:
        roost = Roost(home, environment(os.environ, home))
        chaos = Chaos(roost, seed, faults=faults)
        try:
            chaos.set_up()
            chaos.rage(seconds, pace)
            wrong = chaos.settle()
        finally:
            if roost.process is not None and roost.process.poll() is None:
                roost.kill()
        sys.stderr.write(
            f"seed {seed}: {sum(chaos.done.values())} operations, {len(chaos.sent)} sent,"
            f" {time.monotonic() - chaos._began:.0f} s, {len(wrong)} wrong\n"
        )
        if wrong and keep is not None:
            folder = keep / f"seed-{seed}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / "wrong").write_text("\n".join(wrong))
            (folder / "story").write_text(chaos.story())
            (folder / "refused").write_text("\n".join(f"{n} {w}" for w, n in chaos.refused.most_common()))
            shutil.copy(roost.truth, folder / "truth.jsonl")
            for path in roost.places.state.glob("roost.db*"):
                shutil.copy(path, folder)
        return wrong


def main() -> int:
    """Run seed after seed until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.chaos")
    parser.add_argument("--seconds", type=float, default=600, help="how long in all")
    parser.add_argument("--seed", type=int, default=None, help="the first seed; a random one without it")
    parser.add_argument("--each", type=float, default=25, help="seconds of chaos for each seed")
    parser.add_argument("--pace", type=float, default=0.25, help="mean seconds between two operations")
    parser.add_argument("--faults", type=float, default=0.0, help="share of the daemon's own calls that fail")
    parser.add_argument("--keep", type=Path, default=None, help="folder for the stories of failed runs")
    asked = parser.parse_args()
    nonce = secrets.token_hex(8)
    os.environ[processes.MARKER] = nonce
    seed = asked.seed if asked.seed is not None else secrets.randbelow(1_000_000)
    end, failed = time.monotonic() + asked.seconds, 0
    while time.monotonic() < end:
        for line in run(seed, asked.each, pace=asked.pace, faults=asked.faults, keep=asked.keep):
            sys.stdout.write(f"seed {seed}: {line}\n")
            failed += 1
        sys.stdout.flush()
        prefork.end_of(nonce)
        seed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
