"""`interrupt` and `compact` on real parts with the demo agent and a config-file runtime (P7)."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.support.daemon import Record, Roost, cleared, roost_in, shared_roost
from tests.support.home import Home
from tests.support.person import attached
from tests.support.wait import wait_until

PATIENCE = 30.0


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def busy(roost: Roost, name: str, body: str) -> str:
    """A message in whose turn the peer is now."""
    sent = roost.send(name, body, wait="accepted", timeout=PATIENCE)["id"]
    roost.until_state(name, "working", "blocked")
    return sent


def notices(roost: Roost) -> list[Record]:
    return [mail["notice"] for mail in roost.call("inbox", name="operator") if mail["notice"]]


def test_P7_interrupt_ends_the_turn_tells_the_sender_and_the_queue_goes_on(roost: Roost) -> None:
    roost.add("a")
    sent = busy(roost, "a", "@@delay 300@@")
    following = roost.send("a", "next")["id"]
    done = roost.cli("interrupt", "a")
    assert (done.returncode, done.stdout) == (0, "a: its turn was ended\n")
    story = roost.message(sent)
    assert (story["state"], story["why"]) == (
        "dead-letter",
        "the turn was interrupted as the operator asked",
    )
    roost.until_message(following, "done")
    assert [one["text"] for one in roost.happened("turn_end")] == ["interrupted", "done"]
    wait_until(lambda: notices(roost), timeout=PATIENCE, why="the sender is told")
    assert [(one["about"], one["outcome"]) for one in notices(roost)] == [(sent, "interrupted")]
    assert len(roost.happened("start")) == 1


def collapsed(roost: Roost) -> str:
    """The screen of a program with the placeholder of a paste in its input line."""
    roost.until_screen("a", "demo> [Pasted text #")
    return roost.screen("a")


def test_P7_interrupt_takes_back_a_prompt_that_comes_back_as_a_placeholder(roost: Roost) -> None:
    """Claude Code 2.1.332 that may ask nobody for its features; its number is not that of our paste."""
    roost.add("a")
    for _ in range(2):
        sent = busy(roost, "a", "@@restore@@\n@@delay 300@@")
        assert roost.call("interrupt", name="a")["done"]
        assert roost.message(sent)["state"] == "dead-letter"
        assert "Pasted text" not in roost.screen("a")
    assert roost.ask("a", "and now") == "echo: and now"
    assert not [one for one in roost.happened("prompt") if one["text"].count("[roost message ") > 1]


def test_P7_a_paste_that_a_person_made_after_an_interrupt_is_never_taken_back(roost: Roost) -> None:
    """The same program, and the same placeholder alone in its input line: a key was pressed since."""
    roost.add("a")
    with attached(roost, "a") as person:
        busy(roost, "a", "@@restore@@\n@@delay 300@@")
        assert roost.call("interrupt", name="a")["done"]
        os.write(person, b"\x1b[200~mine\nof three\nlines\x1b[201~")
        shown = collapsed(roost)
        sent = roost.send("a", "wait for me")["id"]
        wait_until(
            lambda: "a draft stands in its input line" in roost.row("a")["why"],
            timeout=PATIENCE,
            why="the reason is shown",
        )
        assert roost.screen("a") == shown
        os.write(person, b"\x15")
        roost.until_message(sent, "done")


def test_P7_interrupt_where_nothing_runs_says_so(roost: Roost) -> None:
    roost.add("a")
    asleep = roost.cli("interrupt", "a")
    assert asleep.returncode == 0
    assert "nothing to interrupt" in asleep.stdout
    roost.ask("a", "hello")
    idle = roost.cli("interrupt", "a")
    assert (idle.returncode, "nothing to interrupt" in idle.stdout) == (0, True)
    assert roost.cli("interrupt", "nobody").returncode == 4


def test_P7_interrupt_answers_an_open_dialog_with_no_and_ends_the_turn(roost: Roost) -> None:
    roost.add("a")
    busy(roost, "a", "@@ask@@\n@@delay 300@@")
    roost.until_state("a", "blocked")
    roost.call("interrupt", name="a")
    assert [one["text"] for one in roost.happened("dialog")] == ["open", "denied"]
    assert roost.happened("turn_end")[-1]["text"] == "interrupted"


@pytest.mark.slow
def test_P7_interrupt_fails_aloud_when_the_agent_does_not_listen(
    roost: Roost, monkeypatch: pytest.MonkeyPatch
) -> None:
    del monkeypatch
    roost.add("a")
    sent = busy(roost, "a", "@@hang@@")
    done = subprocess.run(
        [*roost.program(), "interrupt", "a"],
        capture_output=True,
        text=True,
        env=roost.environ,
        timeout=90,
        check=False,
    )
    assert done.returncode == 1
    assert "did not end within" in done.stderr
    assert "roost attach a" in done.stderr
    assert roost.message(sent)["state"] == "accepted"


def test_P7_compact_forgets_the_texts_and_messages_wait_meanwhile(roost: Roost) -> None:
    roost.add("a", resume="always")
    roost.ask("a", "one")
    done = roost.cli("compact", "a")
    assert (done.returncode, done.stdout) == (0, "a: its conversation was compacted\n")
    assert [one["text"] for one in roost.happened("compact")] == ["1"]
    assert roost.ask("a", "@@recall@@") == "1"
    sent = busy(roost, "a", "@@delay 1@@")
    compacting = threading.Thread(target=roost.call, args=("compact",), kwargs={"name": "a"})
    compacting.start()
    wait_until(lambda: len(roost.events("a", "compacting")) == 2, timeout=PATIENCE, why="it was asked")
    following = roost.send("a", "after")["id"]
    roost.until_message(following, "done")
    compacting.join(PATIENCE)
    roost.until_message(sent, "done")
    kinds = [one["what"] for one in roost.happened()]
    assert kinds[-5:] == ["prompt", "turn_end", "compact", "prompt", "turn_end"]


def test_P7_a_compaction_asked_for_survives_the_daemon(roost: Roost) -> None:
    roost.add("a")
    busy(roost, "a", "@@delay 3@@")
    asking = threading.Thread(target=lambda: roost.cli("compact", "a"))
    asking.start()
    wait_until(lambda: roost.events("a", "compacting"), timeout=PATIENCE, why="it was asked")
    roost.kill()
    asking.join(PATIENCE)
    roost.start()
    wait_until(lambda: roost.events("a", "compacted"), timeout=PATIENCE, why="it was done")
    assert len(roost.happened("compact")) == 1


@pytest.mark.slow
def test_P7_a_draft_is_left_alone(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "hello")
    roost.keys("a", "my draft")
    wait_until(lambda: "my draft" in roost.screen("a"), timeout=PATIENCE, why="the draft stands there")
    failed = roost.cli("compact", "a")
    assert failed.returncode == 1
    assert "draft" in failed.stderr
    assert "my draft" in roost.screen("a")
    assert not roost.happened("compact")


def test_P7_compact_refuses_with_a_way_out(home: Home) -> None:
    home.roost.mkdir(mode=0o700)
    program = f'"{sys.executable}", "-m", "tests.support.line_agent"'
    (home.roost / "config.toml").write_text(f'[runtimes.mine]\nargv = [{program}]\nready = "^mine> $"\n')
    with roost_in(home) as roost:
        roost.add("a", "mine")
        refused = roost.cli("compact", "a")
        assert refused.returncode == 1
        assert "[runtimes.mine]" in refused.stderr
        roost.add("mail", "human")
        assert "mailbox" in roost.cli("compact", "mail").stderr
        roost.add("b")
        asleep = roost.cli("compact", "b")
        assert asleep.returncode == 1
        assert "roost wake b --resume" in asleep.stderr
