"""Threads of a server, through the real daemon: faults, numbers, each rung of the ladder (L7, L1-L4, P5)."""

import contextlib
import json
import signal
from collections.abc import Iterator

import pytest

from roost.client.connection import ConnectionLostError
from roost.errors import NoDaemonError, RoostError
from tests.support.daemon import Record, Roost, alive, roost_in
from tests.support.home import Home
from tests.support.processes import sockets
from tests.support.stand_in import StandIn, stand_in
from tests.support.victim import WITHOUT_END, Victim, points
from tests.support.wait import wait_until

PATIENCE = 30.0
MANY = 200
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def server(home: Home) -> Iterator[StandIn]:
    with stand_in(home) as made:
        yield made


@pytest.fixture
def roost(home: Home, server: StandIn) -> Iterator[Roost]:
    del server
    with roost_in(home) as made:
        yield made


def register(roost: Roost, server: StandIn, *names: str, **settings: str) -> None:
    for name in names:
        roost.add(name, "codex-thread", server=server.address, **settings)
    for name in names:
        roost.until_state(name, "idle")


def thread_of(roost: Roost, name: str) -> str:
    return roost.session(name)["conversation"]


def gc(roost: Roost, *arguments: str) -> Record:
    done = roost.cli("gc", "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_L7_a_prompt_whose_answer_is_lost_comes_once(roost: Roost, server: StandIn) -> None:
    register(roost, server, "a")
    for fault in ("unheard", "lost"):
        server.order("fault", fault=fault)
        sent = roost.send("a", f"with a connection that breaks: {fault}", wait="done", timeout=PATIENCE)["id"]
        assert len(server.prompts(sent)) == 1, fault
    assert roost.session("a")["generation"] == 1
    assert roost.deaths("a") == []


def test_L7_an_approval_blocks_with_its_text_and_is_answered_by_no_delivery(
    roost: Roost, server: StandIn
) -> None:
    register(roost, server, "a")
    asked = roost.send("a", "@@ask@@", wait="accepted", timeout=PATIENCE)["id"]
    roost.until_state("a", "blocked")
    wait_until(  # that it waits comes before what for
        lambda: "/bin/bash -lc id" in roost.row("a")["why"],
        timeout=PATIENCE,
        why="the command that it asks for is told",
        describe=lambda: roost.row("a"),
    )
    assert roost.row("a")["state"] == "blocked"
    now = roost.send("a", "into it", when="now")["id"]
    with server.client() as other:
        other.resume(thread_of(roost, "a"))
        request = other.until("item/commandExecution/requestApproval")
        assert roost.message(now)["state"] == "queued"
        other.reply(request, decision="accept")
    roost.until_message(asked, "done")
    roost.until_message(now, "done")
    held = roost.send("a", "@@hold@@", wait="accepted", timeout=PATIENCE)["id"]
    assert roost.call("interrupt", name="a")["done"]
    assert roost.until_message(held, "dead-letter", "done")["why"]


def test_L7_L1_what_its_server_tells_closes_the_row_with_that_cause(roost: Roost, server: StandIn) -> None:
    told: dict[str, tuple[str, Record, str]] = {
        "closed": ("thread/closed", {}, "thread-closed"),
        "deleted": ("thread/deleted", {}, "thread-closed"),
        "archived": ("thread/archived", {}, "thread-archived"),
        "unloaded": ("thread/status/changed", {"status": {"type": "notLoaded"}}, "thread-unloaded"),
    }
    register(roost, server, *told, "beside")
    for name, (method, params, cause) in told.items():
        server.tell(method, threadId=thread_of(roost, name), **params)
        death = roost.until_death(name)
        assert (death["cause"], death["counted"]) == (cause, False)
        assert roost.row(name)["session"] is None
        assert roost.row("beside")["state"] == "idle"
        # The next message joins the same thread again.
        before = death["conversation"]
        sent = roost.send(name, "again", wait="done", timeout=PATIENCE)["id"]
        assert len(server.prompts(sent)) == 1
        assert thread_of(roost, name) == before
    assert roost.deaths("beside") == []


def test_L7_L1_two_hundred_threads_cost_one_connection_and_end_with_their_server(
    roost: Roost, server: StandIn
) -> None:
    for index in range(MANY):
        roost.add(f"t{index}", "codex-thread", server=server.address)
    wait_until(
        lambda: all(row["state"] == "idle" for row in roost.call("list")),
        timeout=PATIENCE * 2,
        why="all threads are followed",
    )
    assert sockets(server.pid) <= 4
    server.kill()
    wait_until(
        lambda: all(row["session"] is None for row in roost.call("list")),
        timeout=PATIENCE,
        why="all rows are closed",
    )
    causes = [event["cause"] for event in roost.events(None, "stopped")]
    assert causes.count("server-gone") == MANY
    assert all(row["state"] == "asleep" for row in roost.call("list"))


def test_L7_L2_a_start_compares_each_row_with_what_its_server_has_loaded(
    roost: Roost, server: StandIn
) -> None:
    register(roost, server, "a", "b", "c")
    sent = roost.send("a", "@@hold@@", wait="accepted", timeout=PATIENCE)["id"]
    gone, kept = thread_of(roost, "b"), thread_of(roost, "a")
    roost.kill()
    server.order("unload", threadId=gone)
    server.order("finish", threadId=kept)
    roost.start()
    assert roost.until_death("b")["cause"] == "thread-unloaded"
    for name in ("a", "c"):
        roost.until_state(name, "idle")
        assert roost.deaths(name) == []
        assert roost.session(name)["generation"] == 1
    roost.until_message(sent, "done")  # the turn ended while nobody followed it
    assert len(server.prompts(sent)) == 1
    roost.kill()
    server.kill()
    server.start()
    roost.start()
    for name in ("a", "c"):
        roost.until_state(name, "asleep")
        assert roost.deaths(name)[-1]["cause"] == "server-gone"


def test_L7_L3_L4_gc_without_a_daemon_climbs_the_ladder_of_threads(roost: Roost, server: StandIn) -> None:
    register(roost, server, "a", "b")
    gone = thread_of(roost, "a")
    roost.kill()

    def found(*arguments: str) -> dict[str, tuple[str, str]]:
        report = gc(roost, *arguments)
        return {each["peer"]: (each["action"], each["outcome"]) for each in report["found"]}

    # Its server has both loaded; the pass leaves no trace there.
    assert found() == {"a": ("keep", "alive"), "b": ("keep", "alive")}
    # Its server has it no more: confirmed, at any age.
    server.order("unload", threadId=gone)
    assert found("--dry-run")["a"] == ("close", "gone")
    assert found()["a"] == ("close", "gone")
    assert found()["a"][1] == "gone"  # its row is over, and stays so
    # Its server does not answer: young, it is kept for the grace; then for the time to live; then it goes.
    server.signal(signal.SIGSTOP)
    assert found()["b"] == ("keep", "unknown")
    roost.places.config.parent.mkdir(parents=True, exist_ok=True)
    roost.places.config.write_text('[registry]\ngrace = "1ms"\n')
    assert found()["b"] == ("keep", "unknown")
    roost.places.config.write_text('[registry]\ngrace = "1ms"\nttl = "1ms"\n')
    assert found("--dry-run")["b"] == ("close", "gone")
    roost.places.config.unlink()
    server.signal(signal.SIGCONT)
    assert found()["b"] == ("keep", "alive")
    # Its server's process is dead: at any age.
    server.kill()
    assert found()["b"] == ("close", "gone")
    server.start()
    roost.start()
    assert {death["cause"] for name in ("a", "b") for death in roost.deaths(name)} == {
        "thread-unloaded",
        "server-gone",
    }


def test_L7_P5_what_ends_a_peer_only_lets_go_of_its_thread(roost: Roost, server: StandIn) -> None:
    register(roost, server, "a")
    held = roost.send("a", "@@hold@@", wait="accepted", timeout=PATIENCE)["id"]
    thread = thread_of(roost, "a")
    assert roost.cli("stop", "a").returncode == 0
    assert "goes on at its server" in roost.until_death("a")["evidence"]
    with server.client() as other:
        assert thread in other.loaded()
    server.order("finish", threadId=thread)
    roost.call("start", name="a")
    # The turn went on without us and came to its end: it is not driven again.
    roost.until_message(held, "done")
    assert len(server.prompts(held)) == 1
    with pytest.raises(RoostError, match="has no terminal"):
        roost.call("screen", name="a")
    roost.call("remove", name="a", force=True)
    assert alive(server.pid)


def test_L7_N4_an_offer_whose_session_is_over_is_asked_for_at_its_server(
    roost: Roost, server: StandIn
) -> None:
    register(roost, server, "a")
    server.signal(signal.SIGSTOP)
    sent = roost.send("a", "on its way")["id"]
    roost.until_message(sent, "offered")
    roost.call("stop", name="a")  # its session is over, and what was sent lies in the server's socket
    roost.call("start", name="a")
    assert roost.message(sent)["state"] == "offered"
    server.signal(signal.SIGCONT)
    roost.until_message(sent, "done")
    assert len(server.prompts(sent)) == 1


def test_L7_a_server_that_is_away_is_no_fault_of_the_peer_and_its_mail_is_kept(
    roost: Roost, server: StandIn
) -> None:
    register(roost, server, "a")
    server.kill()
    roost.until_death("a")
    sent = roost.send("a", "kept")["id"]
    row = roost.until_state("a", "blocked")
    assert f"nobody listens at {server.address}" in row["why"]
    told = roost.call("show", name="a")
    assert (told["failures"], told["quarantine"], told["queued"]) == (0, None, 1)
    server.start()
    roost.call("wake", name="a")
    roost.until_message(sent, "done")  # its thread is gone with the stand-in: another one is begun
    assert len(server.prompts(sent)) == 1


def test_L7_a_thread_that_its_server_does_not_know_is_refused_in_its_words(
    roost: Roost, server: StandIn
) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    roost.add("a", "codex-thread", server=server.address, thread=unknown)
    sent = roost.send("a", "kept")["id"]
    assert "no rollout found" in roost.until_state("a", "blocked")["why"]
    assert roost.message(sent)["state"] == "queued"
    for settings, words in (
        ({"server": "tcp:1"}, "is no address of a server"),
        ({"server": "ws://192.0.2.1:1"}, "is not on this machine"),
        ({"server": server.address, "wake": "ephemeral"}, "one conversation"),
    ):
        with pytest.raises(RoostError, match=words):
            roost.add("b", "codex-thread", **settings)
    with pytest.raises(RoostError, match="runtime codex-thread alone"):
        roost.add("b", "demo", server=server.address)


@pytest.mark.timeout(280)
def test_L7_N4_N8_a_daemon_killed_at_each_step_of_a_delivery_by_call_delivers_once(
    home: Home, server: StandIn
) -> None:
    """At each step that leaves something else behind than the one before."""
    with roost_in(home, started=False) as roost:
        victim = Victim(roost)
        victim.start()
        register(roost, server, "a")
        steps = _told(victim, server, 0, WITHOUT_END)
        assert any("ask" in step for step in steps), steps
        for number in points(steps):
            _told(victim, server, number, number)
        assert roost.deaths("a") == []


def _told(victim: Victim, server: StandIn, number: int, step: int) -> list[str]:
    """One delivery; the daemon dies at that step, or else at the end. Returns the steps until then."""
    roost = victim.roost
    victim.command(step)
    with contextlib.suppress(ConnectionLostError, NoDaemonError):
        roost.send("a", f"run {number}", key=f"k{number}", wait="done", timeout=PATIENCE)
        roost.until_state("a", "idle")
    if roost.daemon.poll() is None:
        roost.kill()
    seen = victim.seen()
    victim.order.unlink(missing_ok=True)
    victim.start()
    sent = roost.send("a", f"run {number}", key=f"k{number}", wait="done", timeout=PATIENCE)["id"]
    assert len(server.prompts(sent)) == 1, (step, seen)
    roost.until_state("a", "idle")
    return seen
