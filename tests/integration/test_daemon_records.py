"""P12: the logs tell what the store tells, a line for each thing, and never a body."""

import re
import shlex
from collections import Counter
from collections.abc import Iterator

import pytest

from roost.store.reader import Reader
from tests.support.chaos_oracle import journal
from tests.support.daemon import Roost, roost_in
from tests.support.home import Home

PATIENCE = 30.0
SECRET = "the-body-of-a-message"


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        yield made


def lines(roost: Roost, name: str) -> list[dict[str, str]]:
    path = roost.places.logs / name
    found: list[dict[str, str]] = []
    for line in path.read_text().splitlines():
        pairs = [pair.partition("=") for pair in shlex.split(line)]
        found.append({name: value for name, _, value in pairs})
    return found


def test_P12_each_decision_attempt_and_exit_is_one_line_without_a_body(roost: Roost) -> None:
    roost.add("a")
    sent = roost.send("a", SECRET, topic="t", wait="replied", timeout=PATIENCE)["id"]
    roost.until_message(sent, "done")
    crashed = roost.send("a", f"{SECRET}\n@@kill 9@@", wait="accepted", timeout=PATIENCE)["id"]
    roost.until_death("a")
    roost.call("stop", name="a")
    roost.send("a", SECRET, ttl=0.1)
    roost.until_message(crashed, "accepted", "dead-letter", "queued")
    roost.down(agents=True)
    reader = Reader(roost.places.database)
    try:
        rows = list(journal(reader))
        stories = [reader.message(message.id) for message in reader.messages(limit=1000)]
    finally:
        reader.close()
    deliveries, lifecycle, exits = (
        lines(roost, name) for name in ("delivery.log", "lifecycle.log", "exits.log")
    )
    wanted = Counter((row.kind, row.message) for row in rows if row.message)
    assert Counter((one["ev"], one["message"]) for one in deliveries if one["ev"] != "attempt") == wanted
    attempts = Counter((s.message.id, each.outcome) for s in stories if s for each in s.attempts)
    assert attempts[sent, "offered"] == 1
    logged = Counter((one["message"], one["outcome"]) for one in deliveries if one["ev"] == "attempt")
    assert logged == attempts
    assert Counter(one["ev"] for one in lifecycle) == Counter(row.kind for row in rows if not row.message)
    ended = [row for row in rows if row.kind == "stopped"]
    assert [one["cause"] for one in exits if one["ev"] == "exit"] == [row.cause for row in ended]
    for one in (*deliveries, *lifecycle, *exits):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", next(iter(one.values()))), one
        assert SECRET not in str(one), "a log line holds a body"
