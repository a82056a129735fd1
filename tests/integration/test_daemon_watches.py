"""Watching: an agent or a person is told once when another ends, rests, is blocked, or writes on a topic."""

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest
from mcp import ClientSession

from roost.core.vocabulary.watch import EACH, WINDOW
from roost.errors import RoostError
from tests.integration.test_daemon_agent_surface import as_agent, said
from tests.support.daemon import Record, Roost, roost_in, shared_roost
from tests.support.home import Home
from tests.support.wait import wait_until

PATIENCE = 30.0


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        for name in ("a", "b"):
            made.add(name)
            made.call("wake", name=name)
            made.until_state(name, "idle")
        yield made


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        made.add("a")
        yield made


def prompts(roost: Roost, agent: str, words: str) -> list[Record]:
    """The prompts of an agent with these words."""
    session = roost.session(agent)["id"]
    return [one for one in roost.happened("prompt") if one["session"] == session and words in one["text"]]


def until_told(roost: Roost, agent: str, words: str, times: int = 1) -> None:
    wait_until(
        lambda: len(prompts(roost, agent, words)) >= times,
        timeout=PATIENCE,
        why=f"{agent} is told: {words}",
        describe=lambda: (roost.happened("prompt"), roost.call("messages"), roost.call("watches")),
    )


def mail(roost: Roost, words: str) -> list[str]:
    """What the operator was told with these words."""
    return [item["body"] for item in roost.call("inbox", name="operator", all=True) if words in item["body"]]


def test_an_agent_watches_by_its_tool_and_is_told_once(roost: Roost) -> None:
    made: list[Record] = []

    async def watch(client: ClientSession) -> None:
        for what in ("ended", "idle"):
            result = await client.call_tool("watch", {"peer": " A ", "what": what})
            assert not result.is_error, said(result)
            made.append(json.loads(said(result)))
        again = await client.call_tool("watch", {"peer": "a", "what": "idle"})
        assert again.is_error
        assert "watches that already" in said(again)

    as_agent(roost, "b", watch)
    assert [(each["watcher"], each["told"]) for each in made] == [("b", False), ("b", True)]
    until_told(roost, "b", f"'a' is idle (watch {made[1]['id']})")
    os.kill(roost.session("a")["agent_pid"], signal.SIGKILL)
    until_told(roost, "b", f"'a' crashed (signal 9) (watch {made[0]['id']})")
    roost.until_state("b", "idle")
    assert len(prompts(roost, "b", "(watch ")) == 2

    async def unwatch(client: ClientSession) -> None:
        for each in made:
            assert not (await client.call_tool("unwatch", {"id": each["id"]})).is_error
        assert (await client.call_tool("unwatch", {"id": made[0]["id"]})).is_error

    as_agent(roost, "b", unwatch)
    assert roost.call("watches") == []


def test_two_agents_that_watch_each_other_come_to_rest(roost: Roost) -> None:
    for watcher, name in (("a", "b"), ("b", "a")):
        roost.call("watch", name=name, kind="idle", watcher=watcher)
        until_told(roost, watcher, f"'{name}' is idle")
    roost.ask("a", "hello")
    until_told(roost, "b", "'a' is idle", 2)
    for name in ("a", "b"):
        roost.until_state(name, "idle")
    sent = roost.ask("b", "hello")  # it was told of `a` before this, and whatever follows is in order
    assert sent == "echo: hello"
    until_told(roost, "a", "'b' is idle", 2)
    assert {name: len(prompts(roost, name, "is idle")) for name in ("a", "b")} == {"a": 2, "b": 2}


def test_a_person_watches_lists_and_ends_by_the_command(roost: Roost) -> None:
    done = roost.cli("watch", "a", "blocked", "--ttl", "2h")
    assert done.returncode == 0, done.stderr
    assert "'a' blocked, for operator, until" in done.stdout
    (watch,) = json.loads(roost.cli("watch", "--json").stdout)
    assert watch["id"] in roost.cli("watch").stdout
    roost.send("a", "@@silent@@\n@@ask@@")
    wait_until(lambda: mail(roost, "'a' is blocked: "), timeout=PATIENCE, why="the operator is told")
    (ended,) = [roost.cli("watch", "--remove", watch["id"][:12])]
    assert "ended watch" in ended.stdout
    assert roost.cli("watch").stdout == "no watches; `roost watch PEER idle` makes one\n"


def test_a_topic_is_told_of_whoever_writes_to_whom(roost: Roost) -> None:
    roost.call("watch", topic="deploy", watcher="b")
    sent = roost.send("a", "hello", topic="deploy")
    roost.send("a", "hello", topic="other")
    until_told(roost, "b", f"'operator' wrote to 'a' on topic 'deploy' (message {sent['id']})")
    assert len(prompts(roost, "b", "on topic")) == 1


def test_many_ends_at_once_are_told_together(roost: Roost) -> None:
    names = [roost.add(f"w{number}") for number in range(5)]
    for name in names:
        roost.call("wake", name=name)
        roost.call("watch", name=name, kind="ended", once=True)
    for pid in [roost.session(name)["agent_pid"] for name in names]:
        os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: all(mail(roost, f"'{name}' crashed") for name in names), timeout=PATIENCE, why="all are told"
    )
    bodies = mail(roost, "crashed")
    assert len(bodies) <= 2
    assert sum(body.count("crashed") for body in bodies) == len(names)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"name": "nobody", "kind": "idle"}, "there is no peer 'nobody'"),
        ({"name": "a", "kind": "happy"}, "say what to watch 'a' for: ended, idle, blocked"),
        ({"name": "a"}, "say what to watch 'a' for"),
        ({"name": "a", "kind": "idle", "topic": "x"}, "say what to watch: a peer, a topic, or a file"),
        ({"topic": "x", "file": "/x"}, "say what to watch: a peer, a topic, or a file"),
        ({}, "say what to watch: a peer, a topic, or a file"),
        ({"file": "x"}, "a file is named by an absolute path of up to 4096 characters"),
        ({"file": ""}, "a file is named by an absolute path"),
        ({"file": "/" + "x" * 5000}, "a file is named by an absolute path"),
        ({"topic": ""}, "a topic is a text of up to"),
        ({"name": "a", "kind": "idle", "ttl": 0}, "a watch lasts for up to 30d"),
        ({"name": "a", "kind": "idle", "ttl": 1e9}, "a watch lasts for up to 30d"),
        ({"name": "a", "kind": "idle", "watcher": "a"}, "'a' cannot watch itself"),
        ({"name": "a", "kind": "idle", "watcher": "nobody"}, "there is no peer 'nobody'"),
        ({"name": "operator", "kind": "idle", "watcher": "a"}, "'operator' is a mailbox"),
    ],
)
def test_what_cannot_be_watched_is_refused_with_the_reason(shared: Roost, asked: Record, words: str) -> None:
    with pytest.raises(RoostError) as refused:
        shared.call("watch", **asked)
    assert words in refused.value.message


def test_one_has_a_number_of_watches_at_most(shared: Roost) -> None:
    for number in range(EACH):
        shared.call("watch", topic=f"t{number}", watcher="a")
    with pytest.raises(RoostError) as refused:
        shared.call("watch", topic="one more", watcher="a")
    assert f"'a' has {EACH} watches, the most that one has" in refused.value.message
    for watch in shared.call("watches"):
        shared.call("unwatch", id=watch["id"])


def test_a_watch_whose_time_is_over_says_so(shared: Roost) -> None:
    watch = shared.call("watch", topic="silence", ttl=0.2)
    words = f"messages on topic 'silence': nothing to tell until its time was over (watch {watch['id']})"
    wait_until(lambda: mail(shared, words), timeout=PATIENCE, why="the watch is over")
    assert shared.call("watches") == []


def writes(roost: Roost, name: str, path: object) -> None:
    """Have an agent write a file."""
    sent = roost.send(name, f"@@silent@@\n@@write {path}@@")
    roost.until_message(sent["id"], "done")


def test_a_file_that_two_peers_write_is_told_once_though_the_daemon_dies_in_between(roost: Roost) -> None:
    shared = roost.home.work / "shared"
    shared.mkdir()
    (roost.home.work / "linked").symlink_to(shared)
    writes(roost, "a", shared / "early")  # nobody watches yet
    made = roost.cli("watch", "--file", str(roost.home.work / "linked"))
    assert made.returncode == 0, made.stderr
    assert f"two peers writing {shared.resolve()}/*, for operator" in made.stdout
    for name, file in (("b", "early"), ("a", "alone"), ("a", "alone")):
        writes(roost, name, shared / file)

    def both_write(turn: int) -> float:
        """They write one file, and the daemon dies in between; how many seconds lay between."""
        begun = time.monotonic()
        for name, file in (("a", f"../linked/both{turn}"), ("a", f"seen{turn}"), ("b", f"seen{turn}")):
            writes(roost, name, shared / file)
        # Writes are judged in order: the first of them stands in the store once the others were told of.
        wait_until(lambda: mail(roost, f"seen{turn} at"), timeout=PATIENCE, why="the operator is told")
        roost.kill()
        roost.start()
        for name in ("b", "a", "b"):
            writes(roost, name, shared / f"both{turn}")
        return time.monotonic() - begun

    turn = next(turn for turn in range(5) if both_write(turn) < WINDOW)
    wait_until(lambda: mail(roost, f"both{turn} at"), timeout=PATIENCE, why="the operator is told")
    (told,) = mail(roost, f"both{turn} at")
    assert f"'a' wrote {shared.resolve()}/both{turn} at " in told
    assert "and 'b' at " in told
    assert told.count(f"both{turn} at") == 1
    assert mail(roost, "alone") == mail(roost, "early") == []


def test_an_agent_is_told_of_a_file_that_another_writes_too(roost: Roost) -> None:
    async def watch(client: ClientSession) -> None:
        result = await client.call_tool("watch", {"file": "notes.md"})
        assert not result.is_error, said(result)

    as_agent(roost, "b", watch)
    notes = roost.home.work / "b/notes.md"

    def told() -> bool:
        for name in ("a", "b"):
            writes(roost, name, notes)
        return bool(prompts(roost, "b", f"'a' wrote {notes.resolve()} at "))

    wait_until(told, timeout=PATIENCE, why="the agent is told")
