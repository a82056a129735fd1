"""Whatever happens to frames between two hosts, entries arrive in order and once."""

import random
from collections import deque
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from roost.core.links.incoming import Cursor
from roost.core.links.outgoing import WINDOW, Outgoing

STEPS = {
    "add": 8,
    "send": 6,
    "carry": 8,
    "word": 8,
    "lose": 1,
    "delay": 1,
    "double": 1,
    "shuffle": 1,
    "late": 1,
    "lose word": 1,
    "restart": 1,
    "crash": 1,
}
"""What may happen, and how often beside the rest."""


@dataclass
class World:
    """One host that sends, one that takes, and what is between them."""

    epoch: int = 1
    out: Outgoing[int] = field(default_factory=lambda: Outgoing[int](1))
    cursor: Cursor = field(default_factory=Cursor)
    kept: list[int] = field(default_factory=list)
    frames: deque[tuple[int, int, list[int]]] = field(default_factory=deque)
    words: deque[tuple[int, int, bool]] = field(default_factory=deque)
    delayed: list[tuple[int, int, list[int]]] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    latest: int = 0
    added: int = 0

    def add(self) -> None:
        self.added += 1
        self.kept.append(self.added)
        self.out.add(self.added)

    def send(self) -> None:
        first, entries = self.out.due(3)
        if entries:
            self.frames.append((self.out.epoch, first, list(entries)))
            self.out.sent(len(entries))

    def carry(self) -> None:
        if not self.frames:
            return
        epoch, first, entries = self.frames.popleft()
        skip = self.cursor.skipped(epoch, first)
        if skip is None:
            self.words.append((self.cursor.epoch, self.cursor.number, True))
            return
        for entry in entries[skip:]:
            self.latest = entry
            if entry not in self.taken:  # as the store knows the ids of messages that it has
                self.taken.append(entry)
        self.cursor = self.cursor.after(epoch, first + len(entries) - 1)
        self.words.append((self.cursor.epoch, self.cursor.number, False))

    def word(self) -> None:
        if self.words:
            epoch, number, gap = self.words.popleft()
            for entry in self.out.heard(epoch, number, gap=gap):
                assert entry in self.taken
                self.kept.remove(entry)

    def restart(self) -> None:
        """The sender's daemon starts again: what is not known to have arrived goes again."""
        self.epoch = max(self.epoch, self.out.epoch) + 1
        self.out = Outgoing(self.epoch)
        for entry in self.kept:
            self.out.add(entry)

    def do(self, step: str, chance: random.Random) -> None:
        match step:
            case "lose" if self.frames:
                self.frames.popleft()
            case "delay" if self.frames:
                self.delayed.append(self.frames.popleft())
            case "double" if self.frames:
                self.frames.append(self.frames[0])
            case "shuffle":
                chance.shuffle(self.frames)
            case "late":
                self.out.again()
            case "lose word" if self.words:
                self.words.popleft()
            case "crash":
                """The receiver's daemon ends after it took entries, before it noted how far it has come."""
                before = self.cursor
                self.carry()
                self.cursor = before
            case "add" | "send" | "carry" | "word" | "restart":
                getattr(self, step.replace(" ", "_"))()
            case _:
                pass

    def settle(self) -> None:
        """Nothing is lost any more."""
        for _ in range(200):
            if not self.kept:
                return
            self.out.again()
            for _ in range(50):
                self.send()
            while self.frames:
                self.carry()
            while self.words:
                self.word()
        raise AssertionError(f"never arrived: {self.kept}")


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**32))
def test_entries_arrive_in_order_and_once(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 -- no secret
    world = World()
    for step in chance.choices(list(STEPS), list(STEPS.values()), k=200):
        world.do(step, chance)
    world.settle()
    world.frames.extend(world.delayed)
    while world.frames:
        world.carry()
    assert world.taken == list(range(1, world.added + 1))
    assert world.latest == world.added


def test_what_is_lacking_is_sent_again_at_once() -> None:
    out = Outgoing[str](3)
    for entry in "abcd":
        out.add(entry)
    out.sent(4)
    assert out.heard(3, 1, gap=True) == ["a"]
    assert out.due(9) == (2, ["b", "c", "d"])


def test_only_so_many_are_under_way() -> None:
    out = Outgoing[int](1)
    for entry in range(WINDOW + 5):
        out.add(entry)
    out.sent(len(out.due(WINDOW)[1]))
    assert out.due(9) == (WINDOW + 1, [])
    assert len(out.heard(1, 3, gap=False)) == 3
    assert out.due(9) == (WINDOW + 1, [WINDOW, WINDOW + 1, WINDOW + 2])


@given(st.integers(0, 6), st.integers(1, 6))
def test_a_sender_that_runs_from_an_older_copy_is_heard_again(known: int, more: int) -> None:
    """The receiver knows of a later epoch than the sender, whose store was restored."""
    world = World(epoch=1, out=Outgoing(1), cursor=Cursor(9, known))
    for _ in range(more):
        world.add()
    world.settle()
    assert world.taken == list(range(1, more + 1))
    assert world.out.epoch > 9


def test_a_receiver_that_runs_from_an_older_copy_is_sent_what_is_kept() -> None:
    world = World()
    for _ in range(4):
        world.add()
    world.settle()
    world.cursor = Cursor(1, 2)  # it has forgotten two, which nobody keeps any more
    world.add()
    world.settle()
    assert world.taken[-1] == 5
    assert not world.kept
