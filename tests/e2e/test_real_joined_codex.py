"""Issue 17: Codex that a person started in a terminal of theirs (a tmux of the test's) joins."""

import signal
from collections.abc import Iterator

import pytest

from tests.support.codex_terminal import FOLDER, person
from tests.support.daemon import signal_pid
from tests.support.home import make_home
from tests.support.processes import kept
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def agents() -> Iterator[Agents]:
    with make_home() as home, kept(home.mark), agents_in(home, "codex", peers=(FOLDER,)) as made:
        yield made


def results(agents: Agents) -> str:
    """What its tools have given its model, in the conversation as it was asked last."""
    turns = [arrival for arrival in agents.model.journal.all() if arrival.kind == "turn"]
    return "\n".join(turns[-1].results) if turns else ""


def given_once(agents: Agents, body: str) -> None:
    """A text comes to its model as what a tool gave it, and once."""
    wait_until(lambda: body in results(agents), timeout=PATIENCE, why="its model is asked with it")
    assert results(agents).count(body) == 1


def test_17_codex_joins_reads_its_mail_in_a_turn_answers_and_its_end_is_seen(agents: Agents) -> None:
    roost = agents.roost
    with person(agents) as me:
        me.join()
        assert roost.row("me")["kind"] == "joined-reader"
        given_once(agents, "read messages by `roost listen`")
        # Nothing hands it a message, and the sender hears why.
        told = roost.cli("send", "me", "what waits")
        assert "reads its mail itself" in told.stderr
        sent = roost.call("messages", name="me")[-1]
        assert "reads its mail itself" in roost.row("me")["why"]
        assert "what waits" not in results(agents)
        me.shell("listen")
        roost.until_message(sent["id"], "done")
        given_once(agents, "what waits")
        me.at_rest()
        # One that comes while it waits is printed in that very turn.
        me.shell("listen", "--timeout", "60s")
        roost.until_state("me", "working")
        late = roost.send("me", "while it waits")
        roost.until_message(late["id"], "done")
        given_once(agents, "while it waits")
        me.at_rest()
        me.shell("send", "operator", "an-answer", "--reply-to", late["id"])
        answer = wait_until(
            lambda: next(
                (item for item in roost.call("inbox", name="operator") if item["body"] == "an-answer"), None
            ),
            timeout=PATIENCE,
            why="it answers",
            describe=me.pane.screen,
        )
        assert answer
        assert (answer["from"], answer["reply_to"]) == ("me", late["id"])
        me.at_rest()
        conversation = roost.session("me")["conversation"]
        unread = roost.send("me", "never read")
        signal_pid(roost.session("me")["agent_pid"], signal.SIGKILL)
        assert roost.until_death("me")["cause"] == "program-ended"
        assert roost.message(unread["id"])["state"] == "queued"
        (notice,) = [item for item in roost.call("inbox", name="operator") if item["notice"]]
        assert "before it read the message" in notice["body"]
        assert roost.call("show", name="me")["conversation"] == conversation
