"""What the chaos does to a roost of real programs: senders, operators, bad luck. Its people are elsewhere."""

import random
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tests.support.chaos_acts import Acts
from tests.support.real_chaos_fleet import PEERS, POISON, REFUSED_WORD, Fleet
from tests.support.real_chaos_people import People
from tests.support.real_chaos_person import Memory, pause

BODIES: Mapping[str, int] = {
    "hello": 8,
    "two\nlines": 4,
    "@@silent@@": 4,
    "@@delay 0.5@@": 4,
    "@@delay 3@@\n@@reply slow@@": 6,
    "@@silent@@\n@@delay 2@@": 3,
    "@@delay 8@@\n@@reply very slow@@": 2,
    "@@bash echo allowed >>answer.txt@@": 5,
    "@@send {peer} hello from {me}@@": 3,
    "line\n" * 40: 3,
    f"please take this {REFUSED_WORD} with you": 5,
    "WORK": 9,
}
_TOOLS = {"claude": "Bash", "codex": "exec_command"}
Plan = tuple[str, Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Work:
    """Something that an agent was asked to run in the background, for `seconds`."""

    peer: str
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Away:
    """A span of time (Unix seconds) in which a program was not whole."""

    runtime: str
    how: str
    begin: float
    end: float


class RealActs(Acts):
    """A roost with its real peers, and all that can be done to them."""

    def __init__(self, fleet: Fleet, seed: int, *, verbose: bool = False) -> None:
        super().__init__(fleet.roost, seed, verbose=verbose)
        self.fleet = fleet
        self.memory = Memory()
        self.works: list[Work] = []
        self.aways: list[Away] = []
        self.refusals: list[tuple[float, float]] = []
        self.interrupts: list[tuple[str, float]] = []
        self._breaking = threading.Lock()
        self._outage = threading.Lock()
        locks = {peer: threading.Lock() for peer in PEERS}
        crowd = random.Random(seed + 1)  # noqa: S311 -- reproducible, not secret
        self.people = People(fleet, self.memory, crowd, self.note, locks)

    def set_up(self) -> None:
        """The daemon and the peers."""
        self.start()
        for name in PEERS:
            self.fleet.add(name)
        self.fleet.model.outage.poison = POISON

    def peer(self) -> str:
        return self.random.choice(list(PEERS))

    def plan(self) -> Plan:
        """The next operation, all its choices made."""
        weights = {
            self.plan_send: 40, self.plan_burst: 3, self.people.plan: 26, self.plan_answer: 14,
            self.plan_ask: 8, self.plan_strike: 4, self.plan_daemon: 3, self.plan_hook: 4,
            self.plan_away: 3, self.plan_outage: 3, self.plan_poison: 1, self.plan_resend: 2,
        }  # fmt: skip
        return self.random.choices(list(weights), list(weights.values()))[0]()

    def plan_send(self) -> Plan:
        chance, to = self.random.random, self.peer()
        body = self.random.choices(list(BODIES), list(BODIES.values()))[0].format(peer=self.peer(), me=to)
        options: dict[str, Any] = {}
        if chance() < 0.3:
            options["topic"] = self.random.choice(["red", "green"])
        if chance() < 0.2:
            options["key"] = secrets.token_hex(6)
        if chance() < 0.25:
            options["when"] = "now"
        if body == "WORK":
            body = self.work(to, self.random.choice([4, 14, 25]))
        return f"send {to} {body[:60]!r} {options}", lambda: self.send(to, body, options)

    def work(self, to: str, seconds: int) -> str:
        """A body that has the agent begin something in the background, and only that."""
        name = f"w{len(self.works)}"
        self.works.append(Work(to, name, seconds))
        runtime, command = self.fleet.runtime(to), f"sh work.sh {name} {seconds}"
        given: dict[str, object] = {"command": command, "description": "a build", "run_in_background": True}
        if runtime == "codex":
            given = {"cmd": command, "yield_time_ms": 500}
        reply = self.random.choice(["@@silent@@", "@@reply begun@@"])
        return f"@@tool {_TOOLS[runtime]} {msgspec.json.encode(given).decode()}@@\n{reply}"

    def plan_answer(self) -> Plan:
        key = self.random.choice(["yes", "yes", "no"])
        return f"answer {key}", lambda: self.people.answer(key)

    def plan_ask(self) -> Plan:
        """An operator's requests."""
        name = self.peer()
        words = {"wake": 4, "fresh": 2, "resume": 1, "stop": 2, "start": 6, "restart": 2, "sleep": 2}
        words |= {"interrupt": 1, "compact": 2}
        method = self.random.choices(list(words), list(words.values()))[0]
        if method in ("fresh", "resume"):
            return f"ask wake {method} {name}", lambda: self.call("wake", name=name, mode=method)
        return f"ask {method} {name}", lambda: self.ask(method, name)

    def ask(self, method: str, name: str) -> None:
        if method == "interrupt":
            self.interrupts.append((name, time.time()))
        self.call(method, name=name)

    def plan_strike(self) -> Plan:
        name = self.peer()
        what = self.random.choice(["agent", "agent", "agent", "shim", "server"])
        return f"kill {what} of {name}", lambda: self.kill(name, [what])

    def plan_hook(self) -> Plan:
        how, seconds = self.random.choice(["exit", "block", "stop"]), self.random.choice([6.0, 15.0])
        to = self.peer()

        def act() -> None:
            with self._breaking:
                begin = time.time()
                self.fleet.hook_mode.write_text(how)
                self.send(to, f"take this {REFUSED_WORD} now", {})
                pause(seconds)
                self.fleet.hook_mode.unlink(missing_ok=True)
                self.refusals.append((begin, time.time()))

        return f"hook refuses ({how}) for {seconds:g} s, first at {to}", act

    def plan_away(self) -> Plan:
        runtime = self.random.choice(["claude", "codex"])
        how, seconds = self.random.choice(["away", "stub", "torn"]), self.random.choice([3.0, 8.0, 14.0])

        def act() -> None:
            with self._breaking:
                begin = time.time()
                self.fleet.replace(runtime, how)
                pause(seconds)
                self.fleet.replace(runtime, "whole")
                self.aways.append(Away(runtime, how, begin, time.time()))

        return f"program {runtime} is {how} for {seconds:g} s", act

    def plan_outage(self) -> Plan:
        status, seconds = self.random.choice([529, 529, 429, 401]), self.random.choice([2.0, 6.0, 12.0])

        def act() -> None:
            with self._outage:
                self.fleet.model.outage.status = status
                pause(seconds)
                self.fleet.model.outage.status = None

        return f"outage {status} for {seconds:g} s", act

    def plan_poison(self) -> Plan:
        to = self.peer()
        return f"poison {to}", lambda: self.send(to, POISON, {})

    def tally(self) -> str:
        """How often each kind of act came, and what came of some, for people."""
        acts = ", ".join(f"{word} {count}" for word, count in self.done.most_common())
        begun = [each for peer in PEERS for each in self.fleet.folder(peer).glob("w*.begun")]
        ended = sum(each.with_suffix(".done").exists() for each in begun)
        edits = sum(": edited " in line for line in self.log)
        return f"{acts}; {len(begun)} works begun, {ended} done, {edits} messages edited"
