"""What people do at the terminals of the real programs, each choice made by the seeded plan."""

import contextlib
import random
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.support.chaos_oracle import states
from tests.support.real_chaos_fleet import PEERS, Fleet
from tests.support.real_chaos_person import (
    BACK,
    COMMANDS,
    EDITED,
    ENTER,
    ESCAPE,
    SIZES,
    UP,
    VIEWS,
    WIDE,
    Memory,
    Person,
    attached,
    pause,
)
from tests.support.real_chaos_screen import Scene, look

PERMISSION = re.compile(r"Do you want to|Would you like to|Allow the ")
_OURS = "[roost message "
_DRAFT = "perhaps"
_LOGIN = "Please run /login"
_PATIENCE = 30.0
Plan = tuple[str, Callable[[], object]]


@dataclass(slots=True)
class People:
    """All people; at one terminal acts one at a time, and who finds it taken goes away."""

    fleet: Fleet
    memory: Memory
    random: random.Random
    note: Callable[[str], None]
    locks: Mapping[str, threading.Lock]

    def session(self, peer: str) -> dict[str, str] | None:
        """The peer's live session: its id and its tmux socket."""
        state = states(self.fleet.roost).get(peer)
        session = state.session if state else None
        if session is None or session.processes is None:
            return None
        return {"id": session.id, "socket": session.processes.socket}

    def scene(self, peer: str) -> Scene | None:
        session = self.session(peer)
        if session is None:
            return None
        return look(self.fleet.runtime(peer), session["socket"], self.fleet.roost.environ)

    @contextlib.contextmanager
    def _at(self, peer: str, size: tuple[int, int] = WIDE) -> Iterator[tuple[Person, dict[str, str]] | None]:
        """A person at the peer's terminal, if it has one and nobody else is there."""
        session = self.session(peer)
        if session is None or not self.locks[peer].acquire(blocking=False):
            yield None
            return
        try:
            with attached(self.memory, peer, session, self.fleet.roost.environ, size) as person:
                yield person, session
        finally:
            self.locks[peer].release()

    def _free(self, peer: str, *, at_rest: bool = False) -> bool:
        """Wait a little for an empty input line: a person looks before typing. `at_rest`: and for no turn."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            scene = self.scene(peer)
            if scene is not None and scene.prompt and not scene.draft and not (at_rest and scene.busy):
                return True
            pause(0.2)
        self.note(f"{peer}: the person finds no empty input line")
        return False

    # the acts

    def plan(self) -> Plan:
        """What somebody does next."""
        acts = {
            self.draft: 4, self.view: 7, self.small: 3, self.edit: 3, self.command: 2,
            self.scroll: 2, self.interrupt: 1, self.close: 4,
        }  # fmt: skip
        return self.random.choices(list(acts), list(acts.values()))[0](self.random.choice(list(PEERS)))

    def draft(self, peer: str) -> Plan:
        hold = self.random.choice([0.5, 3.0, 9.0])

        def act() -> None:
            with self._at(peer) as there:
                if there and self._free(peer):
                    person, session = there
                    deed = self.memory.begin(peer, session["id"], "a draft")
                    person.press(_DRAFT.encode())
                    pause(hold)
                    person.press(BACK * len(_DRAFT))
                    self.memory.end(deed)

        return f"person drafts at {peer} for {hold:g} s", act

    def view(self, peer: str) -> Plan:
        name = self.random.choice(list(VIEWS[self.fleet.runtime(peer)]))
        keys = VIEWS[self.fleet.runtime(peer)][name]
        hold = self.random.choice([1.0, 4.0, 10.0, None])

        def act() -> None:
            with self._at(peer) as there:
                if there and self._free(peer):
                    person, session = there
                    deed = self.memory.begin(peer, session["id"], f"the view '{name}'")
                    person.press(*keys)
                    if hold is not None:
                        pause(hold)
                        person.press(ESCAPE, gap=1)
                        self.back(peer, person)
                        self.memory.end(deed)

        return f"person opens '{name}' at {peer} {'for good' if hold is None else f'for {hold:g} s'}", act

    def small(self, peer: str) -> Plan:
        size, hold = self.random.choice(SIZES), self.random.choice([0.5, 4.0, 10.0])

        def act() -> None:
            with self._at(peer, size):
                pause(hold)

        return f"person at {peer} with {size[0]}x{size[1]} for {hold:g} s", act

    def edit(self, peer: str) -> Plan:
        ups = self.random.choice([1, 1, 2])

        def act() -> None:
            with self._at(peer) as there:
                if there is None or not self._free(peer, at_rest=True):
                    return
                person, session = there
                deed = self.memory.begin(peer, session["id"], "an edit")
                person.press(ESCAPE, ESCAPE, gap=0.25)
                pause(1)
                if self.fleet.runtime(peer) == "claude":
                    person.press(*[UP] * ups)
                person.press(ENTER, gap=1)
                if (scene := self.scene(peer)) and not scene.prompt:
                    person.press(ENTER, gap=1)
                if (scene := self.scene(peer)) and scene.prompt and scene.draft:
                    person.press(EDITED.encode(), ENTER)
                    self.note(f"{peer}: edited {scene.draft[:50]!r}")
                else:
                    self.back(peer, person)
                self.memory.end(deed)

        return f"person edits an earlier message at {peer}", act

    def command(self, peer: str) -> Plan:
        word = self.random.choice(COMMANDS[self.fleet.runtime(peer)])

        def act() -> None:
            with self._at(peer) as there:
                if there and self._free(peer):
                    person, session = there
                    deed = self.memory.begin(peer, session["id"], word)
                    person.press(word.encode(), ENTER)
                    pause(2)
                    self.memory.end(deed)

        return f"person types {word} at {peer}", act

    def scroll(self, peer: str) -> Plan:
        hold = self.random.choice([3.0, 8.0, None])

        def act() -> None:
            session = self.session(peer)
            if session is None:
                return
            deed = self.memory.begin(peer, session["id"], "copy mode")
            self.tmux(peer, "copy-mode", "-t", ":")
            self.tmux(peer, "send-keys", "-t", ":", "-X", "halfpage-up")
            if hold is not None:
                pause(hold)
                self.tmux(peer, "send-keys", "-t", ":", "-X", "cancel")
                self.memory.end(deed)

        return f"person scrolls at {peer} {'for good' if hold is None else f'for {hold:g} s'}", act

    def interrupt(self, peer: str) -> Plan:
        def act() -> None:
            with self._at(peer) as there:
                if there and (scene := self.scene(peer)) and scene.busy:
                    self.note(f"{peer}: interrupted by a person")
                    there[0].press(ESCAPE)

        return f"person interrupts {peer}", act

    def close(self, peer: str) -> Plan:
        return f"person tidies {peer}", lambda: self.tidy(peer)

    def answer(self, key: str) -> None:
        """Answer every permission that is asked for: `yes` or `no`."""
        for peer in PEERS:
            scene = self.scene(peer)
            if scene is not None and not scene.prompt and PERMISSION.search(scene.text[-2500:]):
                yes = "1" if self.fleet.runtime(peer) == "claude" else "y"
                pressed = yes if key == "yes" else "Escape"
                self.memory.pressed(peer, pressed.encode())
                self.tmux(peer, "send-keys", "-t", ":", pressed)

    # putting in order

    def back(self, peer: str, person: Person) -> bool:
        """Leave what is open until the input line is there again; whether it is."""
        for key in (ESCAPE, ESCAPE, b"q", ESCAPE, b"\x03", ESCAPE):
            scene = self.scene(peer)
            if scene is None or (scene.prompt and not scene.draft):
                return True
            if scene.prompt and _OURS in scene.draft:
                return True
            person.press(BACK * (len(scene.draft) + 4) if scene.prompt else key, gap=0.6)
        scene = self.scene(peer)
        return scene is None or scene.prompt

    def tidy(self, peer: str, *, all_: bool = False) -> bool:
        """Close what people left open; `all_`: whatever is open. False when there is no way back."""
        session, scene = self.session(peer), self.scene(peer)
        if session is None or scene is None:
            return True
        if scene.in_mode:
            self.tmux(peer, "send-keys", "-t", ":", "-X", "cancel")
        left = self.memory.standing(peer, session["id"])
        closed = True
        if [each for each in left if each != "copy mode"] or (all_ and self._is_left(peer)):
            with self._at(peer) as there:
                closed = there is None or self.back(peer, there[0])
        if closed and not scene.busy:
            self.memory.forget(peer, session["id"])
        if (
            closed
            and _LOGIN in "\n".join(scene.text.splitlines()[-12:])
            and not self.fleet.model.outage.status
        ):
            self._log_in(peer)
        return closed

    def _is_left(self, peer: str) -> bool:
        """Whether something stands open there that is not just coming or going."""
        for wait in (1.5, 0.0):
            scene = self.scene(peer)
            if scene is None or scene.small or scene.busy or (scene.prompt and not scene.draft):
                return False
            pause(wait)
        return True

    def _log_in(self, peer: str) -> None:
        """Claude Code 2.1.332 asks for a person after 401; it goes on with whatever is entered then."""
        with self._at(peer) as there:
            if there and self._free(peer, at_rest=True):
                there[0].press(b"I have logged in again", ENTER)

    def tmux(self, peer: str, *arguments: str) -> None:
        """One tmux command at the peer's own server."""
        session = self.session(peer)
        if session is not None:
            argv = ["tmux", "-N", "-S", session["socket"], *arguments]
            with contextlib.suppress(subprocess.TimeoutExpired):
                environ = self.fleet.roost.environ
                subprocess.run(argv, env=environ, capture_output=True, check=False, timeout=10)
