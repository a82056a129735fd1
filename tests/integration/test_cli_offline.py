"""The commands that read the store while no daemon runs: same shapes, nothing changed, and it is said."""

import json
import os
from typing import cast

import pytest
from msgspec.structs import replace

from roost.cli.main import main
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import OPERATOR, ProcessId
from roost.core.vocabulary.message import Message, MessageState, Notice
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.session import Cause, Death, Processes, Session, SessionState, WakeCause
from roost.local.paths import find_places
from roost.store.interfaces import Batch
from roost.store.sqlite import SqliteStore
from tests.support.home import Home

pytestmark = pytest.mark.usefixtures("home")
OLD_NEWS = "the daemon is down; this is what it stored last\n"
Captured = pytest.CaptureFixture[str]

BOOT = "boot"
LIVE = Session(
    "s1",
    "alice",
    1,
    "n",
    WakeCause.FIRST_WAKE,
    resumed=False,
    started_at=101.0,
    since=102.0,
    state=SessionState.WORKING,
    why="in a turn",
    processes=Processes(ProcessId(BOOT, 11, 1), ProcessId(BOOT, 12, 1), ProcessId(BOOT, 13, 1), "/s"),
)
DEAD = Death("s0", "bob", 1, 105.0, Cause.CRASHED, signal=9, evidence="record", last_lines=("demo> ",))


def mail(number: int, to: str, state: MessageState = MessageState.QUEUED) -> Message:
    return Message(f"{number:08x}" + "0" * 24, "ann", to, 103.0, 4, "d", state=state)


@pytest.fixture
async def stored(home: Home) -> Home:
    """A store with a live peer, a dead one, a mailbox with mail, and what happened to them."""
    places = find_places(os.environ)
    places.state.mkdir(mode=0o700, parents=True)
    notice = replace(mail(3, "ann"), sender="roost", notice=Notice("00000001", "died", "killed"))
    messages = (mail(1, "bob"), mail(2, "alice", MessageState.ACCEPTED), notice, mail(4, "ann"))
    store = await SqliteStore.open(places.database)
    try:
        for name, runtime in (("alice", "demo"), ("bob", "demo"), ("ann", "human"), (OPERATOR, "human")):
            peer = Peer(name, "seed", Settings("/w", runtime), created_at=100.0, since=100.0)
            await store.commit(Batch(100.0, (c.SavePeer(peer),), (c.Journal("added", name),)))
        dead = replace(LIVE, id="s0", peer="bob")
        await store.commit(Batch(101.0, (c.SaveSession(LIVE), c.SaveSession(dead))))
        await store.commit(Batch(105.0, (c.CloseSession(DEAD),), (c.Journal("stopped", "bob", "s0"),)))
        saves = tuple(c.SaveMessage(message) for message in messages)
        attempt = c.SaveAttempt(messages[1].id, "s1", "accepted", "seen in its transcript")
        await store.commit(
            Batch(106.0, (*saves, attempt), bodies={message.id: b"body" for message in messages})
        )
    finally:
        await store.close()
    return home


def data(capsys: Captured, *arguments: str) -> list[dict[str, object]]:
    """What a command prints with --json, after it has said that this is old news."""
    assert main([*arguments, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == OLD_NEWS
    lines = [json.loads(line) for line in captured.out.splitlines()]
    return lines[0] if len(lines) == 1 and isinstance(lines[0], list) else lines


@pytest.mark.usefixtures("stored")
def test_what_was_live_is_unknown_and_never_listed_as_live(capsys: Captured) -> None:
    rows = {row["name"]: row for row in data(capsys, "list")}
    assert list(rows) == ["alice", "ann", "bob"]
    assert (rows["alice"]["state"], rows["alice"]["why"]) == ("unknown", "the daemon is down; it was working")
    assert rows["alice"]["session"] is not None
    assert (rows["bob"]["state"], rows["bob"]["queued"]) == ("asleep", 1)
    assert set(rows["bob"]) >= {
        *("name", "runtime", "dir", "wake", "state", "why", "since", "queued", "stopped", "session")
    }


@pytest.mark.usefixtures("stored")
def test_show_tells_how_its_messages_begin_and_list_leaves_out_what_is_so_of_all(capsys: Captured) -> None:
    (peer,) = data(capsys, "show", "bob")
    assert [message["text"] for message in cast("list[dict[str, str]]", peer["messages"])] == ["body"]
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4, "the reason why nobody knows is told once, above"
    assert next(line for line in lines if line.startswith("alice")).partition("  it was working (from ann, ")[
        1
    ]


def test_pane_logs_are_read_and_the_next_step_is_up(stored: Home, capsys: Captured) -> None:
    log = find_places(stored.variables).pane_log("alice")
    log.parent.mkdir(mode=0o700, parents=True)
    log.write_text("demo> \n")
    assert main(["logs", "alice"]) == 0
    assert capsys.readouterr().out == "demo> \n"
    assert main(["logs", "nobody"]) == 4
    assert main(["show", "alice"]) == 0
    assert "`roost up`" in capsys.readouterr().out


@pytest.mark.usefixtures("stored")
def test_show_message_and_deaths(capsys: Captured) -> None:
    (shown,) = data(capsys, "show", "alice")
    assert shown["state"] == "unknown"
    assert [row["id"] for row in data(capsys, "messages", "bob")] == [mail(1, "bob").id]
    assert [row["state"] for row in data(capsys, "messages", "--state", "accepted")] == ["accepted"]
    (story,) = data(capsys, "message", "00000002")
    assert "seen in its transcript" in json.dumps(story["story"])
    (death,) = data(capsys, "deaths", "bob")
    assert (death["cause"], death["signal"], death["last_lines"]) == ("crashed", 9, ["demo> "])
    for command in (
        ["show", "alice"],
        ["message", "00000002"],
        ["deaths"],
        ["deaths", "bob"],
        ["messages"],
        ["list"],
    ):
        assert main(command) == 0
        assert capsys.readouterr().err == OLD_NEWS


@pytest.mark.usefixtures("stored")
def test_inbox_is_shown_but_not_marked_read(capsys: Captured) -> None:
    items = data(capsys, "inbox", "ann")
    assert [item["from"] for item in items] == ["roost", "ann"]
    assert items[0]["notice"] == {"about": "00000001", "outcome": "died", "why": "killed"}
    assert main(["inbox", "ann", "--ack"]) == 5
    assert main(["inbox", "ann", "--follow"]) == 5


@pytest.mark.usefixtures("stored")
def test_events_are_resumable_by_number(capsys: Captured) -> None:
    events = data(capsys, "events")
    assert [event["seq"] for event in events] == [1, 2, 3, 4, 5]
    assert [event["seq"] for event in data(capsys, "events", "--after", "1", "--limit", "2")] == [2, 3]
    assert [event["kind"] for event in data(capsys, "events", "--peer", "bob")] == ["added", "stopped"]
    assert data(capsys, "events", "--after", "5") == []
    assert main(["events", "--after", "6"]) == 4
    assert "has no line 6 yet, its newest is 5" in capsys.readouterr().err
    assert main(["events", "--follow"]) == 5


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "alcie"], "there is no peer 'alcie'; did you mean alice?"),
        (["messages", "nobody"], "there is no peer 'nobody'"),
        (["deaths", "nobody"], "there is no peer 'nobody'"),
        (["message", "ffffffff"], "there is no message 'ffffffff'"),
    ],
)
def test_what_is_not_there_is_exit_code_4(arguments: list[str], said: str, capsys: Captured) -> None:
    assert main(arguments) == 4
    assert said in capsys.readouterr().err


def test_L5_reading_changes_nothing(stored: Home, capsys: Captured) -> None:
    before = {path: path.read_bytes() for path in stored.roost.rglob("*.db")}
    assert len(before) == 1
    for command in (["list"], ["show", "bob"], ["messages"], ["events"], ["deaths"], ["inbox", "ann"]):
        assert main(command) == 0
    capsys.readouterr()
    assert {path: path.read_bytes() for path in stored.roost.rglob("*.db")} == before


@pytest.mark.parametrize("command", ["list", "messages", "events", "deaths", "inbox"])
def test_L6_no_store_is_a_clean_nothing(command: str, capsys: Captured) -> None:
    assert main([command, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.out in ("[]\n", "")
    assert "has not stored anything here yet" in captured.err


def test_a_few_digits_are_no_id_and_the_command_says_so(home: Home, capsys: Captured) -> None:
    assert main(["message", "01"]) == 4
    assert capsys.readouterr().err == "roost: '01' is too short: give at least 4 digits of a message's id\n"
    assert not home.roost.exists()


def test_a_damaged_store_is_one_line(home: Home, capsys: Captured) -> None:
    database = find_places(os.environ).database
    database.parent.mkdir(mode=0o700, parents=True)
    database.write_bytes(b"no database at all" * 100)
    assert main(["list"]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert str(home.roost) in captured.err


@pytest.mark.usefixtures("stored")
def test_N5_down_with_agents_tells_when_an_agent_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr("roost.cli.app.App.call", lambda *_, **__: {})
    monkeypatch.setattr("roost.cli.offline._answers", lambda _terminal: True)
    assert main(["down", "--agents"]) == 1
    assert "the daemon ended before these agents did: alice;" in capsys.readouterr().err
