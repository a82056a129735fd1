"""`roost join` from a thread of an app-server that runs many: it joins through that server (issue 17).

`codex` starts such a server by itself, for all terminals of a CODEX_HOME.
"""

from collections.abc import Iterator

import pytest

from tests.support.app_server import HOLD
from tests.support.codex_client import CodexClient
from tests.support.codex_guest import codex
from tests.support.daemon import Roost, cleared, roost_in, shared_roost
from tests.support.home import Home
from tests.support.stand_in import StandIn, stand_in
from tests.support.wait import wait_until

PATIENCE = 30.0
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
def server(roost: Roost) -> Iterator[StandIn]:
    with stand_in(roost.home) as made:
        yield made


def begun(client: CodexClient, roost: Roost, text: str = "hello") -> str:
    """A thread that has had a turn, or that is in one that HOLDs."""
    folder = roost.home.work / "w"
    folder.mkdir(parents=True, exist_ok=True)
    thread = client.begin(str(folder))
    client.turn(thread, text)
    if HOLD not in text:
        client.until("turn/completed")
    return thread


def senders(roost: Roost) -> list[str]:
    return [item["from"] for item in roost.call("inbox", name="operator")]


def test_17_a_terminal_of_codexs_shared_server_joins_as_its_thread_and_is_told_at_rest_and_in_a_turn(
    roost: Roost, server: StandIn
) -> None:
    with server.client() as person:
        mine = begun(person, roost, HOLD)
        code, out, error = server.run(mine, "join", "me")  # within the turn that the person began
        assert (code, error, "joined as 'me'; messages come in by themselves" in out) == (0, "", True)
        session = roost.session("me")
        assert (session["conversation"], session["server_pid"]) == (mine, server.pid)
        assert (roost.row("me")["kind"], session["agent_pid"]) == ("thread", None)
        roost.until_state("me", "working")
        waits = roost.send("me", "after the turn")["id"]
        person.ask("test/finish", threadId=mine)
        roost.until_message(waits, "done")
        # at rest: a turn of its own, and no tool of ours is spoken of
        rest = roost.send("me", "at rest")["id"]
        roost.until_message(rest, "done")
        (prompt,) = server.prompts(rest)
        assert (prompt["thread"], f"roost send operator TEXT --reply-to {rest}" in prompt["text"]) == (
            mine,
            True,
        )
        # into a turn
        person.turn(mine, HOLD)
        roost.until_state("me", "working")
        now = roost.send("me", "into it", when="now")["id"]
        wait_until(lambda: server.prompts(now), timeout=PATIENCE, why="it is given to the turn")
        person.ask("test/finish", threadId=mine)
        roost.until_message(now, "done")
        assert [len(server.prompts(each)) for each in (waits, rest, now)] == [1, 1, 1]


def test_F31_threads_of_one_server_are_told_apart_by_what_their_shells_run(
    roost: Roost, server: StandIn
) -> None:
    with server.client() as person:
        mine, other, third = (begun(person, roost) for _ in range(3))
        assert server.run(mine, "join", "me")[0] == server.run(other, "join", "you")[0] == 0
        assert server.run(mine, "send", "operator", "mine")[0] == 0
        assert server.run(other, "send", "operator", "theirs")[0] == 0
        assert sorted(senders(roost)[-2:]) == ["me", "you"]
        assert "not for agents" in server.run(other, "stop", "--all")[2]
        assert "this session has joined as 'you'" in server.run(other, "join", "me")[2]
        # One that has not joined is its person's, and no name is taken over by saying it.
        taken = server.run(third, "join", "me")
        assert (taken[0], "'me' is the name of another conversation" in taken[2]) == (1, True), taken
        assert "has not joined" in server.run(third, "leave")[2]
        assert server.run(mine, "join")[0] == 0  # once more changes nothing
        roost.add("ours", "codex-thread", server=server.address)
        roost.until_state("ours", "idle")
        roost.kill()
        roost.start()
        roost.until_state("you", "idle")
        assert server.run(other, "send", "operator", "again")[0] == 0
        assert senders(roost)[-1] == "you"
        for name, way in (("you", "answer by the shell with"), ("ours", "answer with send_message")):
            told = roost.send(name, "after the kill")["id"]
            roost.until_message(told, "done")
            assert way in server.prompts(told)[0]["text"]


def test_17_what_has_left_keeps_its_name_and_its_mail_and_its_thread_goes_on(
    roost: Roost, server: StandIn
) -> None:
    with server.client() as person:
        mine = begun(person, roost)
        assert server.run(mine, "join", "me")[0] == 0
        roost.until_state("me", "idle")
        assert server.run(mine, "leave")[0] == 0
        assert roost.until_death("me")["cause"] == "left"
        kept = roost.send("me", "meanwhile")["id"]
        assert (roost.row("me")["state"], mine in person.loaded()) == ("stopped", True)
        assert "joined as 'me'" in server.run(mine, "join")[1]
        roost.until_message(kept, "done")
        assert len(server.prompts(kept)) == 1


def test_17_a_server_that_takes_nobody_else_is_refused_with_what_to_do(roost: Roost) -> None:
    with codex(roost, words=("app-server",)) as who:
        code, _, error = who.run("join", "me")
        assert (code, "roost add NAME --runtime human" in error) == (1, True), error
        assert "me" not in {row["name"] for row in roost.call("list")}


def test_17_who_answers_in_place_of_its_server_is_not_believed(roost: Roost, server: StandIn) -> None:
    with codex(roost, words=("app-server", "--listen", f"unix://{server.path}")) as who:
        code, _, error = who.run("join", "me")
        assert (code, "does not run this session" in error) == (1, True), error
    with codex(roost, words=("app-server", "--listen", f"unix://{roost.home.root}/none")) as who:
        code, _, error = who.run("join", "me")
        assert (code, "does not answer" in error) == (1, True), error
    assert "me" not in {row["name"] for row in roost.call("list")}


def test_L1_its_servers_end_closes_the_row(home: Home) -> None:
    with stand_in(home) as server, roost_in(home) as roost:
        with server.client() as person:
            mine = begun(person, roost)
            assert server.run(mine, "join", "me")[0] == 0
            roost.until_state("me", "idle")
        server.kill()
        assert roost.until_death("me")["cause"] == "server-gone"
        # The message waits for a server, and what was in its way is no matter once there is one.
        kept = roost.send("me", "meanwhile")["id"]
        wait_until(lambda: "nobody listens" in roost.row("me")["why"], timeout=PATIENCE, why="it is told why")
        server.start()
        with server.client() as person:
            person.ask("thread/start", cwd=str(roost.home.work / "w"), **{"test/id": mine})
            person.turn(mine, "hello")
            assert server.run(mine, "join")[::2] == (0, "")
            roost.until_message(kept, "done")
            assert len(server.prompts(kept)) == 1
