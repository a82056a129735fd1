"""A2: a row that cannot be read hides no other one. Each list shows the rest, and says what is left out."""

# ruff: noqa: S608 -- statements are put together from constants of this module

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Record, Roost, roost_in
from tests.support.home import Home

BROKEN = "cannot be read from the store"


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        yield made


def change(roost: Roost, statement: str, *values: object) -> None:
    """Change the store by hand, also under a daemon."""
    connection = sqlite3.connect(roost.places.database)
    try:
        assert connection.execute(statement, values).rowcount == 1
        connection.commit()
    finally:
        connection.close()


def rows(roost: Roost, *words: str) -> tuple[list[Record], str]:
    """What a command shows, and what it says."""
    done = roost.cli(*words, "--json")
    assert done.returncode == 0, done
    return [json.loads(line) for line in lines_of(done.stdout)], done.stderr


def lines_of(text: str) -> list[str]:
    """`events` prints an object in each line, the others one list."""
    return [json.dumps(each) for each in json.loads(text)] if text.startswith("[") else text.splitlines()


def test_A2_a_row_that_cannot_be_read_hides_no_other(roost: Roost, tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_text("x")
    roost.add("box", "human")
    roost.add("a")
    roost.add("odd", "human")
    sent = [roost.send("box", f"mail {n}", attach=[str(note)])["id"] for n in range(6)]
    for _ in range(2):
        assert roost.ask("a", "hello") == "echo: hello"
        roost.call("sleep", name="a")
        roost.until_state("a", "asleep")
    deaths = [death["session"] for death in roost.deaths("a")]
    good = [sent[0], sent[5]]
    for number, (column, value) in enumerate(
        [("state", "dreaming"), ("created_at", "soon"), ("notice", "{"), ("why", b"\xff")], 1
    ):
        # A blob would stay one: a text of these bytes is what a damaged page holds.
        cast = "CAST(? AS TEXT)" if isinstance(value, bytes) else "?"
        change(roost, f"UPDATE messages SET {column} = {cast} WHERE id = ?", value, sent[number])
    change(roost, "UPDATE deaths SET cause = 'boredom' WHERE session = ?", deaths[0])
    change(roost, "UPDATE journal SET data = '{' WHERE kind = 'queued' AND message = ?", sent[0])

    for daemon in ("up", "down"):
        if daemon == "down":
            roost.down(agents=True)
            change(roost, "UPDATE peers SET data = '{' WHERE name = 'odd'")
        shown, said = rows(roost, "messages", "box")
        assert [each["id"] for each in shown] == good
        assert f"message {sent[1]} {BROKEN}" in said
        shown, said = rows(roost, "inbox", "box")
        assert [each["id"] for each in shown] == good
        assert BROKEN in said
        shown, said = rows(roost, "deaths", "a")
        assert [each["session"] for each in shown] == deaths[1:]
        assert BROKEN in said
        shown, _ = rows(roost, "events")
        (unreadable,) = [each for each in shown if "unreadable" in each["data"]]
        assert unreadable["message"] == sent[0]
        assert "stopped" in {each["kind"] for each in shown}
        shown, said = rows(roost, "list")
        assert {each["name"] for each in shown} >= {"a", "box"}
        assert BROKEN in said
        assert roost.cli("show", "a").returncode == 0
        assert roost.cli("message", sent[5]).returncode == 0
        if daemon == "up":
            assert BROKEN in roost.call("status")["alarm"]
            wrong = [each["check"] for each in roost.call("doctor") if each["ok"] is False]
            assert wrong.count("row of the store") == 5
    like_box = "SELECT json_set(data, '$.name', 'odd') FROM peers WHERE name = 'box'"
    change(roost, f"UPDATE peers SET data = ({like_box}) WHERE name = 'odd'")
    roost.start()
    assert [each["id"] for each in roost.call("inbox", name="box")] == good
    assert BROKEN in roost.call("status")["alarm"]


def test_A2_texts_that_a_program_has_cut_in_a_character_or_that_hold_an_odd_path_are_shown(
    roost: Roost,
) -> None:
    """Such texts stood in stores of earlier versions: half of a character, as an escape."""
    roost.add("box", "human")
    sent = roost.send("box", "mail")["id"]
    roost.down(agents=True)
    odd = r'{"why": "cut \ud83d, \udc80 and /caf\udce9"}'
    change(roost, "UPDATE journal SET data = ? WHERE kind = 'queued' AND message = ?", odd, sent)
    for daemon in ("down", "up"):
        if daemon == "up":
            roost.start()
        shown, _ = rows(roost, "events")
        (why,) = (each["data"]["why"] for each in shown if each["kind"] == "queued")
        assert why.startswith("cut \ufffd, ")
        assert (why == "cut \ufffd, \ufffd and /caf\ufffd") is (daemon == "up")
        assert roost.cli("events").returncode == 0
