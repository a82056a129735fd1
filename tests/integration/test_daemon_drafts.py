"""A person who types is never fused with a message: what is shown, and typing in the worst moments."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.local.paths import find_places
from tests.support.daemon import Roost, cleared, roost_in, shared_roost
from tests.support.home import Home
from tests.support.person import attached
from tests.support.wait import wait_until

PATIENCE = 30.0
GATED = Path(__file__).resolve().parent.parent / "support" / "gated_daemon.py"
IMPATIENT = GATED.with_name("impatient_daemon.py")
BODY = "@@silent@@\nmine"


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        made.add("a")
        made.call("wake", name="a")
        yield made


def typed(roost: Roost, person: int, text: str) -> None:
    """Type it, and see it on the screen."""
    os.write(person, text.encode())
    wait_until(lambda: text in roost.screen("a"), timeout=PATIENCE, why="what was typed shows")


def until_why(roost: Roost, message_id: str, part: str) -> None:
    """Wait until the message and its recipient say what they wait for."""
    wait_until(
        lambda: part in roost.message(message_id)["why"] and part in roost.row("a")["why"],
        timeout=PATIENCE,
        why=f"the reason {part!r} is shown",
        describe=lambda: (roost.message(message_id)["why"], roost.row("a")["why"]),
    )


def test_a_persons_draft_is_never_fused_with_a_message(roost: Roost) -> None:
    with attached(roost, "a") as person:
        typed(roost, person, "half a thought")
        sent = roost.send("a", "@@silent@@\nnot now")
        until_why(roost, sent["id"], "a draft stands in its input line")
        assert "half a thought" in roost.screen("a")
        assert not roost.happened("prompt")
        os.write(person, b"\x15")
        roost.until_message(sent["id"], "done")
    (prompt,) = roost.happened("prompt")
    assert prompt["text"] == roost.pasted(sent["id"], "@@silent@@\nnot now")


def test_a_draft_that_is_sent_goes_first_and_alone(roost: Roost) -> None:
    with attached(roost, "a") as person:
        typed(roost, person, "my own words")
        sent = roost.send("a", "@@silent@@\nafter you")
        roost.until_message(sent["id"], "offered")
        os.write(person, b"\r")
        roost.until_message(sent["id"], "done")
    assert [one["text"] for one in roost.happened("prompt")] == [
        "my own words",
        roost.pasted(sent["id"], "@@silent@@\nafter you"),
    ]


def test_a_draft_that_its_writer_left_is_not_sent_by_a_new_daemon(roost: Roost) -> None:
    """N4 N8: the offer of the daemon before is examined; what stands in the input line is nothing of ours."""
    with attached(roost, "a") as person:
        typed(roost, person, "for later")
        sent = roost.send("a", BODY)
        until_why(roost, sent["id"], "a draft stands in its input line")
        roost.kill()
    roost.start()
    until_why(roost, sent["id"], "send or clear it")
    assert "for later" in roost.screen("a")
    assert roost.happened("prompt") == []
    roost.keys("a", "C-u")
    roost.until_message(sent["id"], "done")
    assert [one["text"] for one in roost.happened("prompt")] == [roost.pasted(sent["id"], BODY)]


@pytest.fixture
def impatient(home: Home) -> Iterator[tuple[Roost, Path]]:
    """A roost whose daemon soon tries again where a draft stands, and the file with a line for each try."""
    with roost_in(home, started=False) as made:
        tries = home.root / "tries"
        tries.touch()
        paths = os.pathsep.join(path for path in sys.path if path)
        made.environ |= {"ROOST_TRIES": str(tries), "PYTHONPATH": paths}
        made.start(sys.executable, str(IMPATIENT))
        made.add("a")
        made.call("wake", name="a")
        yield made, tries


def test_a_draft_that_is_left_is_told_once_and_once_when_it_is_gone(impatient: tuple[Roost, Path]) -> None:
    """However long it stands, the story, the journal and the log do not grow."""
    roost, tries = impatient
    log = find_places(roost.home.variables).logs / "delivery.log"

    def told(message_id: str) -> tuple[list[str], list[str], list[str]]:
        kinds = [event["kind"] for event in roost.events("a") if event["message"] == message_id]
        story = [step["what"] for step in roost.message(message_id)["story"]]
        return kinds, story, [line for line in log.read_text().splitlines() if message_id in line]

    def tried(more: int) -> None:
        lines = len(tries.read_text().splitlines()) + more
        wait_until(
            lambda: len(tries.read_text().splitlines()) >= lines, timeout=PATIENCE, why="it is tried again"
        )

    with attached(roost, "a") as person:
        typed(roost, person, "for later")
        sent = roost.send("a", BODY)
        until_why(roost, sent["id"], "a draft stands in its input line")
        tried(2)
        kinds, story, lines = told(sent["id"])
        assert kinds == ["queued", "offered", "held"]
        assert story[-1] == "held: a draft stands in its input line"
        since = roost.row("a")["why"].partition(", since ")[2]
        tried(4)
        assert told(sent["id"]) == (kinds, story, lines)
        assert roost.row("a")["why"].endswith(f"a draft stands in its input line, since {since}")
        os.write(person, b"\x15")
        roost.until_message(sent["id"], "done")
    assert told(sent["id"])[0] == ["queued", "offered", "held", "released", "accepted", "done"]
    assert "goes on: nobody is in its way any more" in told(sent["id"])[1]
    assert [one["text"] for one in roost.happened("prompt")] == [roost.pasted(sent["id"], BODY)]


@pytest.fixture
def gate(home: Home) -> Iterator[tuple[Roost, Path]]:
    """A roost whose daemon waits at its paste when it is told to."""
    with roost_in(home, started=False) as made:
        path = home.root / "gate"
        paths = os.pathsep.join(path for path in sys.path if path)
        made.environ |= {"ROOST_GATE": str(path), "PYTHONPATH": paths}
        made.start(sys.executable, str(GATED))
        made.add("a")
        made.call("wake", name="a")
        yield made, path


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("ends", ["cleared", "sent"])
def test_typing_at_the_moment_of_the_paste_is_left_to_the_person(
    gate: tuple[Roost, Path], side: str, ends: str
) -> None:
    """Between our look and our paste, or our paste and our Enter: nothing is entered until they decide."""
    roost, path = gate
    reached = path.with_suffix(".at")
    with attached(roost, "a") as person:
        path.with_suffix(f".{side}").touch()
        sent = roost.send("a", BODY)
        wait_until(reached.exists, timeout=PATIENCE, why="the daemon is at its paste")
        typed(roost, person, "oops")
        reached.unlink()
        until_why(roost, sent["id"], "send or clear it")
        assert roost.happened("prompt") == []
        assert "oops" in roost.screen("a")
        os.write(person, b"\x15" if ends == "cleared" else b"\r")
        roost.until_message(sent["id"], "done")
    (prompt,) = roost.prompts(sent["id"])
    ours = roost.pasted(sent["id"], BODY)
    if ends == "cleared":
        assert prompt["text"] == ours
    else:
        assert prompt["text"] == (f"oops{ours}" if side == "before" else f"{ours}oops")
    assert len(roost.happened("prompt")) == 1


def test_a_person_who_only_watches_delays_nothing_for_long(roost: Roost) -> None:
    with attached(roost, "a"):
        sent = roost.send("a", BODY)
        roost.until_message(sent["id"], "done")
        assert roost.prompts(sent["id"])[0]["text"] == roost.pasted(sent["id"], BODY)
