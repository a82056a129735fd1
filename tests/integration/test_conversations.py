"""What agents said and where words stand, as people ask for it: with a daemon, and without."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from roost.client.connection import RemoteError
from tests.support.daemon import PATIENCE, Record, Roost, cleared, shared_roost
from tests.support.wait import wait_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def items(roost: Roost, name: str, **params: Any) -> list[Record]:  # noqa: ANN401 -- JSON
    """What `transcript` tells, one after the other."""
    return roost.transcript(name, **params)


def turns(roost: Roost, name: str, **params: Any) -> list[Record]:  # noqa: ANN401 -- JSON
    return [item for item in items(roost, name, **params) if item["kind"] == "turn"]


def refused(roost: Roost, name: str, **params: Any) -> str:  # noqa: ANN401 -- JSON
    with pytest.raises(RemoteError) as caught:
        items(roost, name, **params)
    return caught.value.message


def said(roost: Roost, *arguments: str, code: int = 0) -> str:
    """What a command says, on both of its outputs."""
    done = roost.cli(*arguments)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout + done.stderr


@contextmanager
def followed(roost: Roost, *arguments: str) -> Iterator[list[str]]:
    """The lines of a command that follows a transcript."""
    process = subprocess.Popen(
        [*roost.program(), "transcript", *arguments, "--follow"],
        stdout=subprocess.PIPE,
        env={**roost.environ, "PYTHONUNBUFFERED": "1"},
        text=True,
    )
    assert process.stdout is not None
    out, lines = process.stdout, list[str]()

    reader = threading.Thread(target=lambda: lines.extend(iter(out.readline, "")), daemon=True)
    reader.start()
    try:
        yield lines
    finally:
        process.kill()
        process.wait(PATIENCE)
        reader.join(PATIENCE)
        out.close()


def until(lines: list[str], *texts: str) -> None:
    wait_until(
        lambda: all(any(text in line for line in lines) for text in texts),
        timeout=PATIENCE,
        why=f"{texts} are shown",
        describe=lambda: lines,
    )


def test_what_was_said_is_read_awake_asleep_and_with_the_daemon_down(roost: Roost) -> None:
    roost.add("a")
    roost.add("b", "demo-acp")
    first = roost.send("a", "hello \x1b[31mred\x1b[0m", wait="done", timeout=PATIENCE)["id"]
    roost.send("b", "hello acp", wait="done", timeout=PATIENCE)
    roost.send("a", "second", wait="done", timeout=PATIENCE)
    head, *told, end = items(roost, "a")
    assert (head["peer"], head["runtime"], head["conversation"]) == (
        "a",
        "demo",
        roost.session("a")["conversation"],
    )
    assert [(turn["number"], turn["role"], turn["message"]) for turn in told[:2]] == [
        (1, "user", first),
        (2, "assistant", None),
    ]
    assert end == {"kind": "end", "count": 4, "skipped": 0}
    assert [turn["text"] for turn in turns(roost, "b")][1:] == ["echo: hello acp"]
    assert [turn["number"] for turn in turns(roost, "a", first=2, last=3)] == [2, 3]

    shown = said(roost, "transcript", "a")
    assert "hello [31mred[0m" in shown
    assert "[roost message" not in shown
    assert "[roost message" in said(roost, "transcript", "a", "--full")
    whole = json.loads(said(roost, "transcript", "a", "3", "--json"))
    assert [turn["number"] for turn in whole["turns"]] == [3]

    assert "has 4 turns so far, there is no turn 9" in said(roost, "transcript", "a", "9", code=4)
    assert "counted from 1" in refused(roost, "a", first=0)
    assert "is a mailbox" in refused(roost, "operator")
    assert "no peer 'nobody'" in refused(roost, "nobody")
    roost.add("c")
    assert "no conversation yet" in refused(roost, "c")

    roost.call("stop", name="a")
    assert turns(roost, "a") == told
    record = next((roost.places.state / "demo").glob(f"{head['conversation']}.jsonl"))
    with record.open("a") as file:
        file.write(json.dumps({"type": "assistant", "text": "\x1b]0;x\x07\x1b[2Jwiped"}) + "\n")
    for shown in (
        said(roost, "transcript", "a", "5"),
        said(roost, "search", "2Jwiped", "--in", "transcripts"),
    ):
        assert "wiped" in shown
        assert "\x1b" not in shown, "nothing drives the terminal"
    roost.down(agents=False)
    try:
        shown = said(roost, "transcript", "a", "1-2")
        assert "hello [31mred[0m" in shown
        assert "the daemon is down" in shown
        assert "echo: hello acp" in said(roost, "transcript", "b")
        assert "no peer 'nobody'" in said(roost, "transcript", "nobody", code=4)
        assert "there is no turn 9" in said(roost, "transcript", "a", "9", code=4)
        assert "is not running" in said(roost, "transcript", "a", "--follow", code=5)
        found = json.loads(roost.cli("search", "hello", "--json").stdout)
        assert {each["to"] for each in found} == {"a", "b", "operator"}
        assert "a, turn 1 (user)" in said(roost, "search", "hello", "--in", "transcripts", "--peer", "a")
        assert "no word to look for" in said(roost, "search", "@@", code=2)
    finally:
        roost.start()
    record.unlink()
    assert f"no record of conversation {head['conversation']}" in refused(roost, "a")


def test_a_conversation_is_followed_as_it_goes_on_and_when_another_begins(roost: Roost) -> None:
    roost.add("a")
    roost.send("a", "one", wait="done", timeout=PATIENCE)
    first = roost.session("a")["conversation"]
    with followed(roost, "a") as lines, followed(roost, "a", "2-", "--json") as objects:
        until(lines, "echo: one")
        roost.send("a", "two", wait="done", timeout=PATIENCE)
        until(lines, "echo: two")
        roost.call("restart", name="a")
        roost.send("a", "three", wait="done", timeout=PATIENCE)
        until(lines, "it goes on in another conversation", "echo: three")
        until(objects, '"echo: three"')
        assert sum("echo: two" in line for line in lines) == 1, "nothing is shown twice"
    told = [json.loads(line) for line in objects]
    assert [(item["kind"], item.get("number")) for item in told[:2]] == [("head", None), ("turn", 2)]
    assert [item["text"] for item in told if item["kind"] == "news"] == [
        f"it goes on in another conversation, {roost.session('a')['conversation']}"
    ]
    assert roost.session("a")["conversation"] != first


def test_words_are_found_in_messages_events_and_conversations(roost: Roost) -> None:
    roost.add("a")
    roost.add("box", "human")
    roost.send("a", "look at multi-agent things", topic="review-7", wait="done", timeout=PATIENCE)
    roost.send("box", "the multi-agent plan")

    def found(text: str, **params: Any) -> list[Record]:  # noqa: ANN401 -- JSON
        return roost.call("search", text=text, **params)

    messages = found("multi-agent", in_=["messages"])
    assert [each["to"] for each in messages] == ["box", "operator", "a"]
    assert [each["to"] for each in found("multi-agent", topic="review-7")][-1] == "a"
    assert [each["to"] for each in found("multi-agent", to="box")] == ["box"]
    assert [each["to"] for each in found("multi-agent", peer="box")] == ["box"]
    assert [each["to"] for each in found("multi-agent", limit=1)] == ["box"]
    assert found("multi-agent", since=3600.0, in_=["messages"]) == messages
    assert found("multi-agent", since=0.0) == []
    snippet = messages[0]
    assert [snippet["snippet"][begin:end] for begin, end in snippet["marks"]] == ["multi-agent"]
    turn = found("multi-agent", in_=["transcripts"])[-1]
    assert (turn["peer"], turn["number"], turn["role"]) == ("a", 1, "user")
    assert {each["kind"] for each in found("demo", in_=["events"], peer="a")} == {"added"}
    for text in ('"open', "a AND", "don't", "x:y", "NEAR("):
        found(text)
    for wrong, why in (
        ({"text": "@@"}, "no word to look for"),
        ({"text": "x", "in": ["heads"]}, "cannot be searched"),
        ({"text": "x", "in": ["events"], "topic": "t"}, "of messages"),
        ({"text": "x", "state": "lost"}, "no state"),
        ({"text": "x", "peer": "nobody"}, "no peer"),
    ):
        with pytest.raises(RemoteError, match=why):
            roost.call("search", **wrong)
    roost.call("rename", old="box", new="crate")
    assert [each["to"] for each in found("multi-agent", peer="crate")] == ["crate"]
    shown = said(roost, "search", "multi-agent", "--peer", "crate")
    assert "from operator to crate" in shown
    assert "  the multi-agent plan" in shown
    assert "`--in transcripts`" in said(roost, "search", "nowhere")


def test_a_restored_backup_is_searched_as_it_was(roost: Roost) -> None:
    roost.add("box", "human")
    roost.send("box", "needle before")
    backup = roost.home.root / "backup.db"
    backup.unlink(missing_ok=True)
    roost.call("backup", path=str(backup))
    roost.send("box", "needle after")
    assert len(roost.call("search", text="needle")) == 2
    assert roost.places.search_index.exists()
    roost.down(agents=False)
    try:
        assert roost.cli("restore", str(backup)).returncode == 0
        assert not roost.places.search_index.exists()
    finally:
        roost.start()
    roost.send("box", "another needle")
    assert [each["snippet"] for each in roost.call("search", text="needle")] == [
        "another needle",
        "needle before",
    ]


def test_agents_may_not_read_what_others_say(roost: Roost) -> None:
    roost.add("a")
    roost.send("a", "one", wait="done", timeout=PATIENCE)
    for method, params in (("transcript", {"name": "a"}), ("search", {"text": "one"})):
        with pytest.raises(RemoteError, match="agent"):
            roost.call(method, roost.token("a"), **params)
