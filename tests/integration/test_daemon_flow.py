"""What keeps one sender from harming others, and one message from being two: quota and keys on real parts."""

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from roost.client.connection import ConnectionLostError, RemoteError
from roost.errors import NoDaemonError
from tests.support.daemon import Roost, cleared, shared_roost
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


def test_a_sender_over_its_share_is_refused_aloud_and_others_are_not(roost: Roost) -> None:
    roost.add("a", sender_limit="2")
    roost.add("wild", "human")
    roost.call("stop", name="a")
    for number in range(2):
        roost.send("a", f"{number}", from_="wild")
    refused = roost.cli("send", "a", "one too many", "--from", "wild")
    assert refused.returncode == 1
    assert "2 messages from 'wild' wait for 'a' already" in refused.stderr
    assert roost.cli("send", "a", "from the operator").returncode == 0
    assert roost.row("a")["queued"] == 3
    assert roost.cli("set", "a", "sender_limit=3").returncode == 0
    assert roost.cli("send", "a", "room again", "--from", "wild").returncode == 0


def test_N4_many_sends_with_one_key_at_once_are_one_message(roost: Roost) -> None:
    """Half of them with another body: whichever came first has the key, the others are refused."""
    roost.add("a")
    outcomes: list[str] = []

    def send(number: int) -> str:
        try:
            return roost.send("a", f"@@silent@@\n{number % 2}", key="k")["id"]
        except RemoteError as error:
            return error.message

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(send, range(32)))
    ids = {each for each in outcomes if len(each) == 32}
    (message_id,) = ids
    assert sum(each == message_id for each in outcomes) == 16
    assert all("was used for another message" in each for each in outcomes if each != message_id)
    roost.until_message(message_id, "done")
    assert len(roost.happened("prompt")) == 1


def test_N4_a_key_means_the_same_message_while_the_daemon_is_killed_again_and_again(roost: Roost) -> None:
    roost.add("a")

    def once() -> str | None:
        try:
            return roost.send("a", "@@silent@@\nonce", key="k")["id"]
        except (ConnectionLostError, NoDaemonError):
            return None

    def send(_number: int) -> str:
        sent = wait_until(once, timeout=PATIENCE, why="the daemon takes it")
        assert sent
        return sent

    ids: set[str] = set()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            asked = [pool.submit(send, number) for number in range(16)]
            roost.kill()
            roost.start()
            ids |= {each.result() for each in asked}
    (message_id,) = ids
    roost.until_message(message_id, "done")
    assert len(roost.happened("prompt")) == 1
    with pytest.raises(RemoteError, match="used for another message"):
        roost.send("a", "something else", key="k")


def test_N4_hooks_and_replies_that_come_many_times_at_once_show_and_end_a_message_once(roost: Roost) -> None:
    """Every fact is told by many at the same time, before, while and after the agent has the message."""
    roost.add("a")
    roost.call("wake", name="a")
    token, place = roost.token("a"), urlsplit(roost.call("status")["url"])
    sent = roost.send("a", "@@silent@@\n@@delay 0.3@@")["id"]
    header = f"[roost message {sent} from operator topic - at 2026-01-01T00:00:00Z boundary {'0' * 16}]"

    def hook(number: int) -> int:
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=PATIENCE)
        name = ("UserPromptSubmit", "Stop", "SessionEnd", "PermissionRequest")[number % 4]
        try:
            body = json.dumps({"prompt": header, "session_id": "x"})
            connection.request("POST", f"/hooks/{name}", body, {"Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        finally:
            connection.close()

    def reply(_number: int) -> str:
        return roost.call("send", token=token, to="operator", body="once", reply_to=sent, key="r")["id"]

    with ThreadPoolExecutor(16) as pool:
        hooks = [pool.submit(hook, number) for number in range(48)]
        roost.until_message(sent, "accepted", "done")
        replies = [pool.submit(reply, number) for number in range(24)]
        hooks += [pool.submit(hook, number) for number in range(48)]
        assert {each.result() for each in hooks} == {200}
        assert len({each.result() for each in replies}) == 1
    story = roost.until_message(sent, "done")
    assert len(roost.prompts(sent)) == 1
    assert len(story["replies"]) == 1
    kinds = Counter(event["kind"] for event in roost.events("a") if event["message"] == sent)
    assert (kinds["offered"], kinds["accepted"], kinds["done"]) == (1, 1, 1)
