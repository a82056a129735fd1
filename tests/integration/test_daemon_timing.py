"""`send --when now|next|idle` to a busy, an idle and a sleeping demo agent; their log is the truth."""

import json
from collections.abc import Iterator

import pytest

from tests.support.chaos_oracle import HEADER
from tests.support.daemon import Roost, roost_in
from tests.support.home import Home

PATIENCE = 20.0


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        yield made


def shown(roost: Roost) -> list[str]:
    """The messages that the agents were shown, in order."""
    return [found[1] for one in roost.happened("prompt") if (found := HEADER.match(one["text"]))]


def send(roost: Roost, body: str, when: str) -> str:
    sent = roost.cli("send", "a", f"@@silent@@\n{body}", "--when", when)
    assert sent.returncode == 0, sent
    return sent.stdout.strip()


def test_a_busy_agent_gets_urgent_mail_first_and_what_can_wait_last(roost: Roost) -> None:
    """Nothing is pasted into the running turn, and the order survives a daemon that is killed meanwhile."""
    roost.add("a")
    busy = roost.send("a", "@@silent@@\n@@ask@@")["id"]
    roost.until_state("a", "blocked")
    waits, first, second, urgent = (send(roost, when, when) for when in ("idle", "next", "next", "now"))
    roost.kill()
    roost.start()
    roost.until_state("a", "blocked")
    assert shown(roost) == [busy]
    roost.keys("a", "Escape")
    for message_id in (waits, first, second, urgent):
        roost.until_message(message_id, "done")
    assert shown(roost) == [busy, urgent, first, second, waits]
    story = json.loads(roost.cli("message", waits, "--json").stdout)
    assert story["when"] == "idle"


def test_what_can_wait_wakes_no_sleeper_and_is_kept_for_it(roost: Roost) -> None:
    roost.add("a")
    sent = roost.cli("send", "a", "@@silent@@\nlater", "--when", "idle")
    assert "sleeps" in sent.stderr
    waits = sent.stdout.strip()
    roost.kill()
    roost.start()
    assert roost.row("a")["state"] == "asleep"
    assert not roost.happened("start")
    other = send(roost, "wakes it", "next")
    roost.until_message(waits, "done")
    assert shown(roost) == [other, waits]
    assert roost.cli("send", "a", "x", "--when", "never").returncode == 2
