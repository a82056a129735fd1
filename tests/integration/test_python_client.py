"""`from roost import connect`: what Python programs ask, typed, with the errors of `roost.errors`."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from roost import connect
from roost.client.connection import ConnectionLostError, RemoteError
from roost.client.once import LOSSES
from roost.client.results import Message, Peer
from roost.client.roost import Roost as Client
from roost.errors import (
    DeniedError,
    NoDaemonError,
    NotFoundError,
    RefusedError,
    RoostError,
    UsageError,
    WaitTimeoutError,
)
from roost.local.paths import find_places
from tests.support import walk
from tests.support.daemon import PATIENCE, Record, Roost, cleared, roost_in, shared_roost
from tests.support.home import Home
from tests.support.rpc_server import Handler, error, hang_up, result, serve

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


@pytest.fixture
def client(roost: Roost) -> Iterator[Client]:
    with connect(home=str(roost.home.roost)) as made:
        yield made


def shown(roost: Roost, *arguments: str) -> Any:  # noqa: ANN401 -- JSON
    return json.loads(roost.cli(*arguments, "--json").stdout)


def test_the_package_loads_nothing_until_connect_is_asked_for() -> None:
    code = "import sys, roost; assert not [m for m in sys.modules if m.startswith('roost.')]; roost.connect"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)


def test_a_message_goes_its_way(roost: Roost, client: Client) -> None:
    client.add("reviewer", "demo", roost.home.work)
    sent = client.send("reviewer", "look", topic="a", wait="replied", timeout=PATIENCE)
    assert sent.reply is not None
    assert sent.reply.sender == "reviewer"
    assert list(client.inbox()) == []  # what was returned counts as read
    assert [mail.id for mail in client.inbox(everything=True)] == [sent.reply.id]
    message = client.wait(sent.id, PATIENCE)
    assert (message.state, message.body, message.topic, message.replies) == (
        "done",
        "look",
        "a",
        (sent.reply.id,),
    )
    assert message.done_at is not None
    assert message.done_at.tzinfo is not None
    events = [event for event in client.events(peer="reviewer") if event.message == sent.id]
    assert events[0].seq < events[-1].seq
    said = list(client.transcript("reviewer"))
    assert sent.id in [turn.message for turn in said]
    assert [found.id for found in client.search("look", places=["messages"], to="reviewer")] == [sent.id]


def test_sessions_are_begun_and_ended(roost: Roost, client: Client) -> None:
    client.add("worker", "demo", roost.home.work)
    session = client.wake("worker").session
    assert session is not None
    assert session.agent_pid == roost.session("worker")["agent_pid"]
    assert client.wait_for("worker", "idle", PATIENCE) is not None
    assert client.sleep("worker").state == "asleep"
    assert client.stop("worker").stopped
    assert not client.start("worker").stopped
    assert client.peer("worker").settings["runtime"] == "demo"
    assert client.set("worker", {"description": "works"}).description == "works"
    assert client.rename("worker", "builder").name == "builder"
    assert [death.peer for death in client.deaths()] == ["builder"]
    client.remove("builder")
    assert client.peers() == []


def test_it_says_what_the_command_says(roost: Roost, client: Client) -> None:
    """One truth: what a value holds is what `--json` prints for it."""
    roost.add("reviewer")
    roost.call("stop", name="reviewer")
    sent = client.send("reviewer", "look", topic="a")
    assert sent.notes  # it is stopped
    rows: list[tuple[list[str], Any]] = [
        (["list"], client.peers()),
        (["messages"], client.messages()),
        (["show", "reviewer"], client.peer("reviewer")),
        (["questions"], client.questions()),
        (["search", "look", "--in", "messages"], client.search("look", places=["messages"])),
    ]
    for command, value in rows:
        told = shown(roost, *command)
        for of_command, of_client in zip(
            *((each if isinstance(each, list) else [each]) for each in (told, value)), strict=True
        ):
            fields = msgspec.to_builtins(of_client)
            same = {name for name in fields if not isinstance(of_command.get(name), dict | list)}
            same -= {name for name in same if name in ("since", "at") or name.endswith("_at")}
            assert {name: fields[name] for name in same} == {name: of_command.get(name) for name in same}


@dataclass(frozen=True)
class Wrong:
    ask: Callable[[Client], object]
    command: list[str]
    error: type[RoostError]


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong(lambda c: c.send("nobody", "x"), ["send", "nobody", "x"], NotFoundError),
        Wrong(lambda c: c.peer("nobody"), ["show", "nobody"], NotFoundError),
        Wrong(lambda c: c.message("beef"), ["message", "beef"], NotFoundError),
        Wrong(lambda c: c.send("reviewer", ""), ["send", "reviewer", ""], UsageError),
        Wrong(lambda c: c.add("No", "demo"), ["add", "No", "--runtime", "demo"], UsageError),
        Wrong(lambda c: c.search('a"', limit=-1), ["search", "a", "--limit", "-1"], UsageError),
        Wrong(lambda c: c.deny("beef"), ["deny", "beef"], NotFoundError),
    ],
    ids=lambda wrong: " ".join(wrong.command),
)
def test_what_is_refused_is_the_error_that_the_command_ends_with(
    roost: Roost, client: Client, wrong: Wrong
) -> None:
    if not roost.call("list"):
        roost.add("reviewer")
    with pytest.raises(wrong.error) as raised:
        wrong.ask(client)
    assert roost.cli(*wrong.command).returncode == raised.value.exit_code


def test_a_wait_that_runs_out_keeps_the_message(roost: Roost, client: Client) -> None:
    roost.add("reviewer")
    roost.call("stop", name="reviewer")
    with pytest.raises(WaitTimeoutError) as late:
        client.send("reviewer", "look", wait="done", timeout=0.01)
    sent = str(late.value.facts["id"])
    assert client.message(sent).state == "queued"
    with pytest.raises(WaitTimeoutError, match="queued"):
        client.wait(sent, 0.01)
    done = threading.Thread(target=lambda: client.start("reviewer"))
    done.start()
    assert client.wait(sent, PATIENCE).state == "done"
    done.join(PATIENCE)


def test_an_agent_is_known_as_itself(roost: Roost, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    roost.add("worker")
    client.wake("worker")
    client.add("boss", "human", roost.home.work)
    monkeypatch.setenv("ROOST_TOKEN", roost.token("worker"))
    with connect(home=str(roost.home.roost)) as own:
        sent = own.send("boss", "done")
        assert own.message(sent.id).sender == "worker"
        with pytest.raises(DeniedError):
            own.stop("worker")
    assert [mail.sender for mail in client.inbox("boss")] == ["worker"]


def test_a_closed_one_asks_nothing(roost: Roost) -> None:
    with connect(home=str(roost.home.roost)) as own:
        assert own.peers() == []
    with pytest.raises(UsageError, match="closed"):
        own.peers()


def test_no_daemon(home: Home) -> None:
    with pytest.raises(NoDaemonError):
        connect(home=str(home.roost))


def test_N4_a_send_whose_daemon_dies_is_stored_once(home: Home) -> None:
    """N4: the daemon is killed while the send waits; the client asks the next one."""
    with roost_in(home) as roost:
        roost.add("reviewer")
        roost.call("stop", name="reviewer")
        sent: list[Any] = []

        def send() -> None:
            with connect(home=str(home.roost)) as own:
                sent.append(own.send("reviewer", "look", wait="done", timeout=PATIENCE))

        sending = threading.Thread(target=send)
        with connect(home=str(home.roost)) as client:
            following = client.events(peer="reviewer", follow=True)
            sending.start()
            assert next(event for event in following if event.message is not None)
            roost.kill()
            roost.start()
            client.start("reviewer")
            sending.join(PATIENCE)
            assert [message.id for message in client.messages("reviewer")] == [sent[0].id]
            assert sent[0].state == "done"


SENT: Record = {"id": "ab", "state": "queued", "why": "", "reply": None}


def one_after_the_other(*handlers: Handler) -> Handler:
    left = list(handlers)

    def handle(request: Record) -> Iterator[Record]:
        return left.pop(0)(request)

    return handle


def test_a_number_that_the_journal_has_not_come_to_is_refused_and_not_waited_for(client: Client) -> None:
    """As of a program that goes on by number after a backup was restored: what comes would not be told."""
    with pytest.raises(NotFoundError, match="has no line 1000000 yet, its newest is"):
        next(client.events(after=1_000_000, follow=True))


def test_N4_a_lost_send_is_repeated_with_its_key(home: Home) -> None:
    with serve(find_places(home.variables).socket) as server, connect(home=str(home.roost)) as client:
        server.on("send", one_after_the_other(hang_up(), result(SENT)))
        assert client.send("a", "b").id == "ab"
        first, second = (request["params"] for request in server.requests)
        assert first == second
        assert first["key"]
        server.on("send", hang_up())
        with pytest.raises(ConnectionLostError) as lost:
            client.send("a", "b", key="mine")
        assert lost.value.facts["key"] == "mine"
        assert [request["params"]["key"] for request in server.requests[2:]] == ["mine"] * LOSSES


def test_a_newer_daemon_is_understood_as_far_as_it_goes(home: Home) -> None:
    row: Record = {
        "name": "a",
        "runtime": "demo",
        "dir": "/w",
        "wake": "warm",
        "state": "idle",
        "why": "",
        "since": None,
    }
    row |= {"queued": 0, "colour": "red", "session": {"id": "s", "generation": 1, "mood": 2}}
    with serve(find_places(home.variables).socket) as server, connect(home=str(home.roost)) as client:
        server.on("list", result([row]))
        (peer,) = client.peers()
        assert isinstance(peer, Peer)
        assert not hasattr(peer, "colour")
        with pytest.raises(AttributeError):
            peer.name = "b"  # pyright: ignore[reportAttributeAccessIssue] -- it is frozen
        server.on("messages", result([{"id": "x"}]))
        with pytest.raises(RoostError, match="another version"):
            client.messages()
        server.on("show", error("brand-new", "nobody here", 4))
        with pytest.raises(NotFoundError, match="nobody here"):
            client.peer("a")
        server.on("show", error("brand-new", "no", 1))
        with pytest.raises(RemoteError):
            client.peer("a")
        server.on("show", error("queue-full", "full", 1))
        with pytest.raises(RefusedError):
            client.peer("a")
        assert Message.__doc__


def test_the_program_of_the_page_runs(roost: Roost) -> None:
    (program,) = (block.text for block in walk.blocks("docs/how-to/python.md") if block.language == "python")
    roost.add("scout")
    words = [sys.executable, "-c", program.replace(", follow=True", "")]  # which would go on for ever
    done = subprocess.run(
        words, env=roost.environ, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "echo: Is the build green?" in done.stdout
    assert "\nscout " in done.stdout
    assert " accepted\n" in done.stdout
