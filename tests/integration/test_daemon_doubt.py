"""`roost message ID --resend | --drop` on real parts; the agents' own logs are the truth."""

import asyncio
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from roost.client.connection import RemoteError
from roost.core.vocabulary.commands import SaveMessage
from roost.core.vocabulary.message import MessageState
from roost.store.interfaces import Batch
from roost.store.sqlite import SqliteStore
from tests.support.daemon import Roost, roost_in
from tests.support.home import Home
from tests.support.lines import json_lines
from tests.support.wait import wait_until

PATIENCE = 30.0
PROGRAM = Path(__file__).resolve().parent.parent / "support" / "line_agent.py"
CONFIG = """
[runtimes.silent]
argv = [{python}, {program}, "{{dir}}/log"]
ready = '(?m)^line> $'
busy = 'busy with it'
"""


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    """With a runtime that leaves no record of what it was told; its own log is unknown to the daemon."""
    home.roost.mkdir(mode=0o700)
    words = {"python": json.dumps(sys.executable), "program": json.dumps(str(PROGRAM))}
    (home.roost / "config.toml").write_text(CONFIG.format(**words))
    with roost_in(home) as made:
        yield made


def told(roost: Roost, text: str) -> int:
    """How often the silent program was told this."""
    return sum(text in entry.get("text", "") for entry in json_lines(roost.home.work / "a" / "log"))


def in_doubt(roost: Roost, text: str) -> str:
    """A message that the silent program has, and nobody but its own log can tell."""
    sent = roost.send("a", text)["id"]
    wait_until(lambda: told(roost, text), timeout=PATIENCE, why="it was told")
    roost.kill()
    roost.start()
    roost.until_message(sent, "unknown")
    return sent


def test_a_message_in_doubt_is_sent_again_on_the_operators_word_and_dropped_on_it(roost: Roost) -> None:
    roost.add("a", "silent")
    sent = in_doubt(roost, "first")
    again = roost.cli("message", sent[:16], "--resend")
    assert (again.returncode, again.stdout) == (0, f"{sent}\n"), again
    wait_until(lambda: told(roost, "first") == 2, timeout=PATIENCE, why="it was told again")
    refused = roost.cli("message", sent, "--resend")
    assert refused.returncode == 1
    assert "is not in doubt" in refused.stderr
    roost.kill()
    roost.start()
    roost.until_message(sent, "unknown")
    dropped = json.loads(roost.cli("message", sent, "--drop", "--json").stdout)
    assert (dropped["id"], dropped["state"]) == (sent, "dead-letter")
    assert told(roost, "first") == 2
    wait_until(
        lambda: "dropped" in {mail["notice"]["outcome"] for mail in roost.call("inbox", name="operator")},
        timeout=PATIENCE,
        why="the sender is told",
    )
    outcomes = [each["outcome"] for each in roost.message(sent)["attempts"]]
    assert outcomes.count("offered") == 2
    assert outcomes[-1] == "dead-letter"
    assert "resent" in outcomes


def test_N4_a_message_that_turns_out_to_be_taken_is_not_pasted_again(roost: Roost) -> None:
    """The store says doubt, the agent's record knows better: `--resend` looks before it pastes."""
    roost.add("b", resume="always")
    sent = roost.send("b", "@@silent@@\nonce", wait="done", timeout=PATIENCE)["id"]
    roost.call("stop", name="b")
    roost.call("start", name="b")
    roost.kill()
    asyncio.run(_doubt(roost, sent))
    roost.start()
    assert roost.message(sent)["state"] == "unknown"
    with ThreadPoolExecutor(8) as pool:
        assert any(pool.map(lambda _: _resend(roost, sent), range(8)))
    story = roost.until_message(sent, "done")
    assert len(roost.prompts(sent)) == 1
    assert "record" in story["why"]


def test_N4_evidence_and_an_operators_word_at_the_same_time_do_not_double(roost: Roost) -> None:
    """The adopted session's record is read while the operator asks: it is shown once either way."""
    roost.add("b")
    sent = roost.send("b", "@@silent@@\nonce", wait="done", timeout=PATIENCE)["id"]
    roost.kill()
    asyncio.run(_doubt(roost, sent))
    roost.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: _resend(roost, sent), range(8)))
    roost.until_message(sent, "done")
    assert len(roost.prompts(sent)) == 1


async def _doubt(roost: Roost, message_id: str) -> None:
    store = await SqliteStore.open(roost.places.database)
    try:
        stored = await store.message(message_id)
        assert stored is not None
        doubtful = replace(stored.message, state=MessageState.UNKNOWN, done_at=None, accepted_at=None)
        await store.commit(Batch(at=1.0, changes=(SaveMessage(doubtful),)))
    finally:
        await store.close()


def _resend(roost: Roost, message_id: str) -> bool:
    try:
        roost.call("resend", id=message_id)
    except RemoteError:
        return False
    return True


def test_N2_an_expired_message_is_sent_once_more_as_a_new_one(roost: Roost) -> None:
    roost.add("b")
    roost.call("stop", name="b")
    sent = roost.send("b", "@@silent@@\nlate", topic="t", ttl=0.1)["id"]
    roost.until_message(sent, "expired")
    roost.call("start", name="b")
    again = json.loads(roost.cli("message", sent, "--resend", "--json").stdout)
    assert again["id"] != sent
    assert again["topic"] == "t"
    roost.until_message(again["id"], "done")
    assert roost.message(sent)["attempts"][-1]["why"] == f"as message {again['id']}"
    assert roost.cli("message", sent, "--resend").stdout == again["id"] + "\n"
    assert len(roost.happened("prompt")) == 1
    refused = roost.cli("message", again["id"], "--resend")
    assert refused.returncode == 1
    assert "roost send b" in refused.stderr


def test_wrong_ways_to_decide_are_refused_plainly(roost: Roost) -> None:
    roost.add("b")
    sent = roost.send("b", "hello", wait="done", timeout=PATIENCE)["id"]
    assert roost.cli("message", sent, "--resend", "--drop").returncode == 2
    assert roost.cli("message", "f" * 32, "--drop").returncode == 4
    assert roost.cli("message", sent, "--drop").returncode == 1
    roost.call("wake", name="b")
    with pytest.raises(RemoteError, match="for operators"):
        roost.call("drop", token=roost.token("b"), id=sent)
    roost.kill()
    assert roost.cli("message", sent, "--drop").returncode == 5
