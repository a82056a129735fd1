"""Threads of a real Codex app-server: of somebody else, and of one that roost runs for a session (L7)."""

import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from roost.errors import RoostError
from roost.fake_model import FakeModel
from roost.host.shimlib.machine import descendants
from tests.e2e.test_real_delivery import body_of
from tests.integration.test_daemon_questions import question_of
from tests.support.codex_client import CodexClient
from tests.support.codex_server import CodexServer, codex_server
from tests.support.daemon import Roost, alive, cleared, roost_in, signal_pid
from tests.support.home import Home, make_home
from tests.support.processes import kept
from tests.support.real import LONG, PATIENCE, Agents, cleared_agents, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]


@dataclass(slots=True)
class Hosted:
    """A server of somebody else and a roost beside it."""

    server: CodexServer
    roost: Roost
    agents: Agents

    def add(self, name: str, **settings: str) -> str:
        """Register a thread; returns its id."""
        self.roost.add(name, "codex-thread", server=self.server.address, **settings)
        self.roost.until_state(name, "idle")
        return self.roost.session(name)["conversation"]

    def client(self) -> CodexClient:
        """Somebody else at the same server."""
        return CodexClient(self.server.address)


@pytest.fixture(scope="module")
def shared() -> Iterator[Hosted]:
    with (
        make_home() as home,
        kept(home.mark),
        FakeModel() as model,
        codex_server(home, model) as server,
        roost_in(home) as roost,
    ):
        yield Hosted(server, roost, Agents(roost, model))


@pytest.fixture
def hosted(shared: Hosted) -> Iterator[Hosted]:
    with cleared(shared.roost):
        yield shared
        shared.agents.model.outage.status = None
        shared.agents.model.delays.begin()


@pytest.fixture
def own(home: Home) -> Iterator[Hosted]:
    """A server that the test ends."""
    with FakeModel() as model, codex_server(home, model) as server, roost_in(home) as roost:
        yield Hosted(server, roost, Agents(roost, model))


def outcomes(roost: Roost, message: str) -> list[str]:
    """What became of its offers."""
    return [attempt["outcome"] for attempt in roost.message(message)["attempts"]]


def test_L7_bodies_arrive_whole_and_in_order_at_a_thread(hosted: Hosted) -> None:
    hosted.add("a")
    row = hosted.roost.row("a")
    assert (row["kind"], row["session"]["server_pid"]) == ("thread", hosted.server.pid)
    assert row["session"]["agent_pid"] is None
    for size in (100 * 1024, 607, 8 * 1024):
        body = body_of(size)
        sent = hosted.roost.send("a", body, wait="done", timeout=PATIENCE)
        # It is the text itself: nothing of a person's typing is in between.
        assert hosted.agents.text(sent["id"]) == hosted.roost.pasted(sent["id"], body).strip(), size
        assert outcomes(hosted.roost, sent["id"]) == ["offered", "accepted", "done"]
    first, second = (hosted.roost.send("a", f"{n}\n@@silent@@")["id"] for n in ("first", "second"))
    hosted.roost.until_message(second, "done")
    assert hosted.agents.arrived(first).number < hosted.agents.arrived(second).number
    assert hosted.agents.shown(first) == hosted.agents.shown(second) == 1
    assert hosted.roost.session("a")["generation"] == 1
    assert hosted.roost.carried("a")[-2:] == [first, second]


def test_L7_a_thread_answers_by_our_tools_and_takes_what_is_sent_into_its_turn(hosted: Hosted) -> None:
    hosted.add("a")
    assert hosted.roost.ask("a", "@@reply from the thread@@") == "from the thread"
    slow = hosted.roost.send("a", f"@@delay {LONG}@@\n@@silent@@", wait="accepted", timeout=PATIENCE)["id"]
    hosted.roost.until_state("a", "working")
    now = hosted.roost.send("a", "into it\n@@silent@@", when="now")["id"]
    wait_until(lambda: outcomes(hosted.roost, now), timeout=PATIENCE, why="it is given to its turn")
    hosted.agents.model.delays.end()
    hosted.roost.until_message(now, "done")
    hosted.roost.until_message(slow, "done")
    assert "into" in hosted.agents.arrived(now).user_texts[-1]
    assert hosted.agents.shown(now) == 1


def test_L7_an_approval_is_shown_with_its_text_and_no_delivery_answers_it(hosted: Hosted) -> None:
    thread = hosted.add("a")
    asked = hosted.roost.send("a", "@@bash id@@\n@@silent@@")["id"]
    row = hosted.roost.until_state("a", "blocked")
    assert "/bin/bash -lc id" in row["why"]
    waits = hosted.roost.send("a", "later\n@@silent@@")["id"]
    with hosted.client() as other:
        other.resume(thread)
        request = other.until("item/commandExecution/requestApproval")  # it is open, for anybody
        assert hosted.roost.message(waits)["state"] == "queued"
        assert hosted.roost.row("a")["state"] == "blocked"
        other.reply(request, decision="accept")
        hosted.roost.until_message(asked, "done")
        hosted.roost.until_message(waits, "done")
    # The daemon ends while it is asked: it is shown again, and still nobody has answered.
    asked = hosted.roost.send("a", "@@bash id@@\n@@silent@@")["id"]
    hosted.roost.until_state("a", "blocked")
    hosted.roost.kill()
    hosted.roost.start()
    hosted.roost.until_state("a", "blocked")
    assert "/bin/bash -lc id" in hosted.roost.row("a")["why"]
    hosted.roost.call("interrupt", name="a")
    hosted.roost.until_state("a", "idle")
    hosted.roost.until_message(asked, "done", "dead-letter")


def test_L7_an_approval_is_answered_by_its_server_from_the_command_line(hosted: Hosted) -> None:
    """Codex 0.171.0: a new connection numbers the request anew; it is the same question all the same."""
    roost, work = hosted.roost, hosted.roost.home.work
    hosted.add("a")
    sent = roost.send("a", "@@bash touch yes@@\n@@silent@@")["id"]
    question = question_of(roost, "a")
    assert question["command"] == "touch yes"
    roost.kill()
    roost.start()
    roost.until_state("a", "blocked")
    assert question_of(roost, "a") == question
    assert roost.cli("answer", question["id"], "accept").returncode == 0
    roost.until_message(sent, "done")
    assert (work / "a/yes").exists()
    sent = roost.send("a", "@@bash touch no@@\n@@silent@@")["id"]
    assert roost.cli("deny", question_of(roost, "a")["id"]).returncode == 0
    roost.until_message(sent, "done", "dead-letter")
    assert not (work / "a/no").exists()
    assert roost.call("questions") == []


def test_L7_a_thread_of_somebody_else_is_registered_as_it_is(hosted: Hosted) -> None:
    with hosted.client() as other:
        thread = other.begin(str(hosted.roost.home.work))
        # It had no turn yet, so that the server cannot resume it: it is followed all the same.
        assert hosted.add("a", thread=thread) == thread
        sent = hosted.roost.send("a", "ours\n@@silent@@", wait="done", timeout=PATIENCE)
        assert outcomes(hosted.roost, sent["id"]) == ["offered", "accepted", "done"]
        other.turn(thread, f"theirs\n@@delay {LONG}@@")
        hosted.roost.until_state("a", "working")
        hosted.agents.model.delays.end()
        hosted.roost.until_state("a", "idle")
        said = hosted.roost.cli("screen", "a")
        assert said.returncode != 0
        assert "has no terminal" in said.stderr
        assert f"codex resume --remote unix://{hosted.roost.home.root}" in said.stderr
        with pytest.raises(RoostError, match="has no terminal"):
            hosted.roost.call("attach", name="a")
        for act in ("restart", "put_to_sleep", "stop"):
            before = len(hosted.roost.deaths("a"))
            hosted.roost.cli({"put_to_sleep": "sleep"}.get(act, act), "a")
            assert "goes on at its server" in hosted.roost.until_death("a", before + 1)["evidence"]
            assert thread in other.loaded()
            hosted.roost.call("start", name="a")
            hosted.roost.call("wake", name="a")
            hosted.roost.until_state("a", "idle")
            assert hosted.roost.session("a")["conversation"] == thread
        hosted.roost.call("remove", name="a", force=True)
        assert thread in other.loaded()
        assert alive(hosted.server.pid)


def test_L7_L1_each_end_that_its_server_tells_closes_the_row_with_its_cause(hosted: Hosted) -> None:
    thread = hosted.add("a")
    sent = hosted.roost.send("a", "one\n@@silent@@", wait="done", timeout=PATIENCE)
    with hosted.client() as other:
        other.ask("thread/archive", threadId=thread)
        assert hosted.roost.until_death("a")["cause"] == "thread-archived"
        assert hosted.roost.row("a")["session"] is None
        kept = hosted.roost.send("a", "two\n@@silent@@")["id"]
        wait_until(
            lambda: "codex unarchive" in hosted.roost.row("a")["why"],
            timeout=PATIENCE,
            why="the server's own words say what to do",
            describe=lambda: hosted.roost.row("a"),
        )
        assert hosted.roost.message(kept)["state"] == "queued"
        assert hosted.roost.call("show", name="a")["failures"] == 0
        other.ask("thread/unarchive", threadId=thread)
        hosted.roost.call("wake", name="a")
        hosted.roost.until_message(kept, "done")
        assert hosted.roost.session("a")["conversation"] == thread
        deaths = len(hosted.roost.deaths("a"))
        other.ask("thread/delete", threadId=thread)
        assert hosted.roost.until_death("a", deaths + 1)["cause"] == "thread-closed"
        assert all(not death["counted"] for death in hosted.roost.deaths("a"))
    assert hosted.agents.shown(sent["id"]) == 1


def test_L7_L1_L2_a_server_that_is_killed_takes_its_rows_along_and_comes_back_with_their_threads(
    own: Hosted,
) -> None:
    thread = own.add("a")
    other = own.add("b")
    done = own.roost.send("a", "one\n@@silent@@", wait="done", timeout=PATIENCE)["id"]
    cut = own.roost.send("a", f"@@delay {LONG}@@\n@@silent@@", wait="accepted", timeout=PATIENCE)["id"]
    own.server.kill()
    own.agents.model.delays.end()
    for name in ("a", "b"):
        own.roost.until_death(name)
        assert own.roost.deaths(name)[0]["cause"] == "server-gone"
        assert own.roost.row(name)["state"] not in ("idle", "working")
    own.server.start()
    # The turn that the server's end cut off is gone on with, by a note: the conversation holds the message.
    own.roost.until_state("a", "working", "idle")
    assert own.roost.session("a")["conversation"] == thread
    own.roost.until_message(cut, "done")
    assert own.agents.shown(done) == 1
    last = own.agents.model.journal.all()[-1]
    assert sum(text.count(f"@@delay {LONG}@@") for text in last.user_texts) == 1
    # `b` had no turn, so its server has forgotten it: it begins anew, and nobody waited for anything of it.
    sent = own.roost.send("b", "x\n@@silent@@", wait="done", timeout=PATIENCE)["id"]
    assert own.agents.shown(sent) == 1
    assert own.roost.session("b")["conversation"] != other
    # Restarted while no daemon ran: the rows of before are over, none is invented.
    own.roost.kill()
    own.server.kill()
    own.server.start()
    own.roost.start()
    for name in ("a", "b"):
        own.roost.until_state(name, "asleep")
        assert own.roost.deaths(name)[-1]["cause"] == "server-gone"


def test_L7_L2_a_daemon_that_is_killed_follows_its_threads_again(own: Hosted) -> None:
    own.add("a")
    own.add("b")
    own.add("c")
    turn = own.roost.send("a", "@@delay 1@@\n@@silent@@", wait="accepted", timeout=PATIENCE)["id"]
    closed = own.roost.session("b")["conversation"]
    own.roost.send("b", "one\n@@silent@@", wait="done", timeout=PATIENCE)
    own.roost.kill()
    with own.client() as other:
        other.ask("thread/archive", threadId=closed)
    arrived = own.agents.arrived(turn).number
    wait_until(
        lambda: own.agents.model.journal.ended(arrived) is not None, timeout=PATIENCE, why="the turn goes on"
    )
    own.roost.start()
    own.roost.until_message(turn, "done")
    assert outcomes(own.roost, turn) == ["offered", "accepted", "done"]
    for name in ("a", "c"):
        own.roost.until_state(name, "idle")
        assert own.roost.session(name)["generation"] == 1
        assert own.roost.deaths(name) == []
    assert own.roost.until_death("b")["cause"] == "thread-unloaded"
    assert own.agents.shown(turn) == 1
    sent = own.roost.send("c", "its first\n@@silent@@", wait="done", timeout=PATIENCE)["id"]
    assert own.agents.shown(sent) == 1


def test_L7_a_server_on_a_port_that_is_held_takes_its_message_once_it_goes_on(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with FakeModel() as model, codex_server(home, model, port=port) as server, roost_in(home) as roost:
        hosted = Hosted(server, roost, Agents(roost, model))
        hosted.add("a")
        assert roost.session("a")["server_pid"] == server.pid
        server.signal(signal.SIGSTOP)
        sent = roost.send("a", "held\n@@silent@@")["id"]
        roost.until_message(sent, "offered")
        assert roost.deaths("a") == []
        server.signal(signal.SIGCONT)
        roost.until_message(sent, "done")
        assert hosted.agents.shown(sent) == 1


# a server that roost runs itself


@pytest.fixture(scope="module")
def shared_own() -> Iterator[Agents]:
    with shared_agents("codex-thread") as made:
        yield made


@pytest.fixture
def agents(shared_own: Agents) -> Iterator[Agents]:
    with cleared_agents(shared_own) as made:
        made.add("a", "codex-thread")
        yield made


def words_of(pid: int) -> list[str]:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def server_of(agents: Agents, name: str = "a") -> int:
    """The process that serves the session: below the wrapper that the package starts."""
    shim = agents.roost.session(name)["shim_pid"]
    found = [pid for pid in descendants(shim) if words_of(pid)[1:2] == ["app-server"]]
    assert len(found) == 1, found
    return found[0]


def test_L7_a_server_of_our_own_takes_whole_messages_and_its_pane_shows_the_conversation(
    agents: Agents,
) -> None:
    roost = agents.roost
    for size in (607, 8 * 1024, 100 * 1024):
        body = body_of(size)
        sent = roost.send("a", body, wait="done", timeout=PATIENCE)
        assert agents.text(sent["id"]) == roost.pasted(sent["id"], body).strip(), size
        assert outcomes(roost, sent["id"]) == ["offered", "accepted", "done"]
    row = roost.row("a")
    assert (row["kind"], row["session"]["generation"]) == ("terminal", 1)
    assert roost.session("a")["conversation"]
    # A person sees it, and types there: it is a turn like any other, and of no message.
    roost.until_screen("a", f"[end of roost message {sent['id']}")
    roost.keys("a", "-l", "typed by hand")
    roost.until_screen("a", "typed by hand")
    roost.keys("a", "Enter")
    agents.model.journal.wait_for(
        lambda one: one.kind == "turn" and one.user_texts[-1] == "typed by hand", timeout=PATIENCE
    )
    roost.until_state("a", "idle")
    # Agent to agent, by the tools; and into a running turn.
    roost.add("b", "demo")
    assert roost.ask("a", "@@send b from a thread@@\n@@reply told it@@") == "told it"
    wait_until(
        lambda: [each for each in roost.call("messages", name="b") if each["from"] == "a"],
        timeout=PATIENCE,
        why="the agent has written to another",
    )
    slow = roost.send("a", "@@delay 1.5@@\n@@silent@@", wait="accepted", timeout=PATIENCE)["id"]
    now = roost.send("a", "into it\n@@silent@@", when="now")["id"]
    for message in (slow, now):
        roost.until_message(message, "done")
        assert agents.shown(message) == 1


def test_L7_an_approval_of_our_own_server_is_shown_and_answered_by_a_person_alone(agents: Agents) -> None:
    roost = agents.roost
    asked = roost.send("a", "@@bash id@@\n@@silent@@")["id"]
    assert "/bin/bash -lc id" in roost.until_state("a", "blocked")["why"]
    waits = roost.send("a", "later\n@@silent@@")["id"]
    roost.until_screen("a", "Would you like to run the following command?")
    # The daemon ends while it is asked: it is shown again, and nobody has answered.
    session = roost.session("a")
    roost.kill()
    roost.start()
    wait_until(lambda: roost.events("a", "adopted"), timeout=PATIENCE, why="the session is found again")
    assert "/bin/bash -lc id" in roost.until_state("a", "blocked")["why"]
    assert roost.session("a")["agent_pid"] == session["agent_pid"]
    assert roost.message(waits)["state"] == "queued"
    roost.until_screen("a", "Would you like to run the following command?")
    roost.keys("a", "Enter")  # the person says yes
    for message in (asked, waits):
        roost.until_message(message, "done")
        assert agents.shown(message) == 1


def test_L7_N2_whatever_of_a_session_is_killed_ends_it_and_its_conversation_goes_on(agents: Agents) -> None:
    """P3, N7: the row closes at once with a cause, the tree is empty, the turn is driven again."""
    roost = agents.roost
    assert roost.cli("set", "a", "restarts=9").returncode == 0
    first = roost.send("a", "remember me\n@@silent@@", wait="done", timeout=PATIENCE)["id"]
    for lives, killed in enumerate(("pane", "server", "both"), start=1):
        cut = roost.send("a", f"@@delay {LONG}@@\n@@reply {killed}@@", wait="accepted", timeout=PATIENCE)[
            "id"
        ]
        agents.arrived(cut)
        before = roost.session("a")
        tree, server = list(descendants(before["shim_pid"])), server_of(agents)
        if killed == "both":
            roost.kill()  # and no daemon sees it
        pids = {"pane": [before["agent_pid"]], "server": [server]}
        for pid in pids.get(killed, [before["agent_pid"], server]):
            signal_pid(pid, signal.SIGKILL)
        if killed == "both":
            roost.start()
        death = roost.until_death("a", lives)
        wait_until(
            lambda tree=tree: not [pid for pid in tree if alive(pid)], timeout=PATIENCE, why="its tree ends"
        )
        agents.model.delays.end()
        assert (death["cause"], death["signal"]) == ("crashed", 9), killed
        assert ("its app-server" in death["evidence"]) == (killed == "server"), death
        story = roost.until_message(cut, "done")
        assert story["replies"], story
        after = roost.session("a")
        assert (after["generation"], after["conversation"]) == (lives + 1, before["conversation"])
        texts = agents.model.journal.all()[-1].user_texts
        assert any(f"[roost message {first} from" in text for text in texts), "the conversation goes on"
        assert agents.shown(cut) == 2, "the message, and the note that drives it again"
        agents.model.delays.begin()


def test_L7_a_person_who_begins_another_thread_in_the_pane_is_followed_there(agents: Agents) -> None:
    roost = agents.roost
    roost.send("a", "in the first\n@@silent@@", wait="done", timeout=PATIENCE)
    first = roost.session("a")["conversation"]
    roost.keys("a", "-l", "/new")
    roost.until_screen("a", "/new")
    roost.keys("a", "Enter")
    wait_until(
        lambda: roost.session("a")["conversation"] not in (None, first),
        timeout=PATIENCE,
        why="the session goes on in the new thread",
    )
    sent = roost.send("a", "in the second\n@@silent@@", wait="done", timeout=PATIENCE)["id"]
    roost.until_screen("a", f"[roost message {sent} from")
    assert not any("in the first" in text for text in agents.arrived(sent).user_texts)
    second = roost.session("a")["conversation"]
    roost.kill()
    roost.start()
    wait_until(lambda: roost.events("a", "adopted"), timeout=PATIENCE, why="the session is found again")
    roost.until_state("a", "idle")
    assert roost.session("a")["conversation"] == second
    assert roost.deaths("a") == []
    roost.call("restart", name="a", resume=True)
    roost.until_state("a", "idle")
    assert roost.session("a")["conversation"] == second
