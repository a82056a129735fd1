"""F20: a backup taken while messages arrive as fast as the daemon takes them is one moment of the store."""

import json
import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.support.daemon import PATIENCE, Record, Roost, alive, roost_in
from tests.support.home import Home, environment, make_home
from tests.support.wait import wait_until

SENDERS = 4
ENOUGH = 20
"""Messages that come after a backup has begun and are in it; as many more before it ends that are not."""
BALLAST = 16
"""Messages of half a MiB each: without them a copy would be there in no time."""
LIMITS = {"queue_limit": "100000", "sender_limit": "100000"}
CHANGES = ("state", "why", "not_before", "accepted_at", "done_at", "session", "attempts", "cut", "redriven")
Rows = list[dict[str, Any]]


class Caller:
    """One connection to the daemon, on which one request follows another."""

    def __init__(self, roost: Roost) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(str(roost.places.socket))
        self._answers = self._socket.makefile("rb")

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def ask(self, method: str, **params: object) -> Any:  # noqa: ANN401 -- JSON
        line = json.dumps({"id": 1, "method": method, "params": params})
        self._socket.sendall(line.encode() + b"\n")
        answer = json.loads(self._answers.readline())
        assert "error" not in answer, answer
        return answer["result"]


class Load:
    """What happens while backups are taken: `accepted` are ids in the order in which each sender was told."""

    def __init__(self, roost: Roost) -> None:
        self.accepted: list[str] = []
        self._roost = roost
        self._over = Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        acts = [lambda number=number: self._send(number) for number in range(SENDERS)]
        with ThreadPoolExecutor(SENDERS + 2) as pool:
            futures: list[Future[None]] = [pool.submit(act) for act in (*acts, self._read, self._change)]
            try:
                yield
            finally:
                self._over.set()
        for future in futures:
            future.result()

    def _steps(self, act: Callable[[Caller, int], None]) -> None:
        with closing(Caller(self._roost)) as caller:
            for number in count():
                if self._over.is_set():
                    return
                act(caller, number)

    def _send(self, sender: int) -> None:
        def one(caller: Caller, number: int) -> None:
            body = f"{sender} {number} " + "x" * (number % 50 * 20)
            self.accepted.append(
                caller.ask("send", to=f"box{sender % 2}", body=body, topic=f"t{number % 5}")["id"]
            )

        self._steps(one)

    def _read(self) -> None:
        """Read one mailbox, so that messages change."""

        def one(caller: Caller, _number: int) -> None:
            unread = [item["id"] for item in caller.ask("inbox", name="box0")]
            caller.ask("acknowledge", name="box0", ids=unread[::2])

        self._steps(one)

    def _change(self) -> None:
        """Change the registry, and send the number of each change when it is made."""

        def one(caller: Caller, number: int) -> None:
            settings = {"runtime": "human", "dir": str(self._roost.home.work)}
            caller.ask("add", name=f"new{number}", settings=settings)
            if number % 3 == 2:
                caller.ask("remove", name=f"new{number - 1}")
            caller.ask("set", name="changes", pairs=[["description", str(number)]])
            caller.ask("send", to="changes", body=str(number))

        self._steps(one)


def rows(database: Path, table: str, order: str) -> Rows:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}")]  # noqa: S608


def judge(copy: Path, original: Path) -> None:
    """The copy is the original when its journal was so long: all tables say so, and nothing has a hole."""
    journal = rows(copy, "journal", "seq")
    whole = rows(original, "journal", "seq")
    assert journal == whole[: len(journal)]
    then, later = journal, whole[len(journal) :]
    changed = {row["message"] for row in later}
    state = {row["message"]: row["kind"] for row in then if row["message"]}
    messages = rows(copy, "messages", "seq")
    assert [row["seq"] for row in messages] == list(range(1, len(messages) + 1))
    assert [row["id"] for row in messages] == [row["message"] for row in then if row["kind"] == "queued"]
    for mine, its in zip(messages, rows(original, "messages", "seq"), strict=False):
        assert mine["state"] == state[mine["id"]]
        for column in set(mine) - set(CHANGES if mine["id"] in changed else ()):
            assert mine[column] == its[column], (column, mine, its)
    bodies = rows(original, "bodies", "seq")
    assert rows(copy, "bodies", "seq") == bodies[: len(messages)]
    peers = {row["name"]: row for row in rows(copy, "peers", "name")}
    there: set[str] = set()
    for row in then:
        there |= {row["peer"]} if row["kind"] == "added" else set()
        there -= {row["peer"]} if row["kind"] == "removed" else set()
    assert set(peers) == there
    touched = {row["peer"] for row in later} | {"changes"}
    for row in rows(original, "peers", "name"):
        if row["name"] in there - touched:
            assert peers[row["name"]] == row
    mine, its = (
        [row for row in rows(store, "sessions", "id") if row["peer"] not in touched]
        for store in (copy, original)
    )
    assert mine == its
    told = max(
        int(body["body"])
        for body, row in zip(bodies, messages, strict=False)
        if row["recipient"] == "changes"
    )
    made = int(json.loads(peers["changes"]["data"])["settings"]["description"])
    assert told <= made <= told + 1, (
        "of what one caller did one after another it holds no later without an earlier"
    )


def backups(roost: Roost, load: Load) -> list[Path]:
    """Backups, one after another, until enough was accepted while the last of them was taken."""
    made: list[Path] = []

    def enough() -> bool:
        path = roost.home.root / f"{len(made)}.db"
        before = list(load.accepted)
        done = roost.cli("backup", str(path), "--json")
        after = set(load.accepted)
        assert done.returncode == 0, done
        made.append(path)
        held = {row["id"] for row in rows(path, "messages", "seq")}
        assert held.issuperset(before), "what was accepted before is in it"
        return len(held & after) >= len(before) + ENOUGH and len(after - held) >= ENOUGH

    wait_until(enough, timeout=PATIENCE, why="messages were accepted before and after the moment of a backup")
    return made


@pytest.fixture
def other() -> Iterator[Home]:
    with make_home() as home:
        yield home


def test_F20_a_backup_under_load_restores_to_one_moment_of_the_original(home: Home, other: Home) -> None:
    """In another folder; an agent that runs in the first one is left alone."""
    with roost_in(home) as roost:
        for name in ("box0", "box1", "changes"):
            roost.add(name, "human", **LIMITS)
        for name in ("worker", "resting"):
            roost.add(name)
            assert roost.ask(name, "hello") == "echo: hello"
            roost.until_state(name, "idle")
        resting = roost.session("resting")["agent_pid"]
        for number in range(BALLAST):
            roost.send("box1", f"{number}" + "y" * (1 << 19))
        load = Load(roost)
        with load.running():
            wait_until(lambda: len(load.accepted) > ENOUGH, timeout=PATIENCE, why="messages arrive")
            made = backups(roost, load)
        for path in made:
            judge(path, roost.places.database)
        restored = Roost(other, environment(os.environ, other))
        done = restored.cli("restore", str(made[-1]))
        assert done.returncode == 0, done
        restored.start()
        try:
            same(restored, made[-1])
            begun_anew(restored, roost)
        finally:
            restored.finish()
        assert alive(resting), "`down --agents` in the copy ends none of the original's"


def begun_anew(restored: Roost, roost: Roost) -> None:
    """A peer that runs in the original is shown there; the printed cure gives it a session here, too."""
    row = restored.until_state("worker", "unknown")
    assert row["why"] == f"it runs in the roost of {roost.places.home}"
    assert "`roost restart worker` gives it a session here" in restored.cli("show", "worker").stdout
    found = next(each for each in restored.call("doctor") if each["check"] == "session of worker")
    assert restored.cli(*found["fix"].split()[1:]).returncode == 0
    assert "session of worker" not in [each["check"] for each in restored.call("doctor")]
    for each in (restored, roost):
        assert each.ask("worker", "hello") == "echo: hello"
    assert restored.session("worker")["agent_pid"] != row["session"]["agent_pid"]
    assert roost.session("worker")["agent_pid"] == row["session"]["agent_pid"]


def same(restored: Roost, copy: Path) -> None:
    """What the restored daemon tells is what the backup holds."""
    peers = {row["name"] for row in rows(copy, "peers", "name")}
    assert {row["name"] for row in restored.call("list")} == peers - {"operator"}
    messages = rows(copy, "messages", "seq")
    told: list[Record] = restored.call("messages", limit=len(messages) + 1)
    assert [(each["id"], each["state"]) for each in told] == [(row["id"], row["state"]) for row in messages]
    assert [each["text"] for each in restored.call("show", name="changes")["messages"]][:2] == ["0", "1"]
    mail = {item["id"]: item["body"] for item in restored.call("inbox", name="box0", all=True)}
    bodies = {row["seq"]: row["body"].decode() for row in rows(copy, "bodies", "seq")}
    assert mail == {row["id"]: bodies[row["seq"]] for row in messages if row["recipient"] == "box0"}


def test_a_session_of_a_folder_that_was_moved_is_ended_as_any_other(home: Home) -> None:
    """Nobody else has it: the folder that it was started for is not there any more."""
    with roost_in(home) as roost:
        roost.add("worker")
        roost.call("wake", name="worker")
        agent = roost.session("worker")["agent_pid"]
        roost.down(agents=False)
        there = home.root / "moved"
        home.roost.rename(there)
        moved = Roost(home, environment(os.environ, home) | {"ROOST_HOME": str(there)})
        moved.start()
        try:
            moved.until_state("worker", "unknown")
            assert moved.cli("restart", "worker").returncode == 0
            wait_until(lambda: not alive(agent), timeout=PATIENCE, why="the agent of before has ended")
            assert moved.ask("worker", "hello") == "echo: hello"
        finally:
            moved.finish()
