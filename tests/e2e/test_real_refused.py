"""C7: a conversation that the model refuses for what it holds is left, and its mail is answered in another.

Claude Code 2.1.332: after a 400 each turn ends with a line `isApiErrorMessage` ("API Error: 400 ..."), whose
`error` is "unknown"; Codex 0.171.0: with `task_complete` whose `codex_error_info` is "other". Both keep the
prompt that failed in their history, so that all later ones fail as well.
"""

import os
from collections.abc import Iterator

import pytest

from roost.present.finding import Code
from tests.support.cures import Case, Doctor, cured
from tests.support.real import PATIENCE, Agents, cleared_agents, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(960)]

POISON = "a text that the model takes offence at"


@pytest.fixture(scope="module", params=["claude", "codex"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with cleared_agents(shared) as made:
        made.add("a", made.runtime, resume="always")
        assert made.roost.ask("a", "before") == "echo: before"
        made.model.outage.poison = POISON
        yield made


def notices(agents: Agents) -> list[tuple[str, str]]:
    """What the sender was told: about which message, and how it is."""
    return [(notice["about"], notice["outcome"]) for notice in agents.notices()]


def test_C7_a_conversation_that_the_model_refuses_is_left_and_its_mail_is_answered(agents: Agents) -> None:
    roost = agents.roost
    old = roost.session("a")["conversation"]
    poison = roost.send("a", POISON)["id"]
    behind = [roost.send("a", f"behind {number}")["id"] for number in range(2)]
    assert "400" in roost.until_message(poison, "dead-letter")["why"]
    for message_id in behind:
        roost.until_message(message_id, "done")
    answers = [item["body"] for item in roost.call("inbox", name="operator") if not item["notice"]]
    assert answers == ["echo: behind 0", "echo: behind 1"]
    session = roost.session("a")
    assert (session["wake_cause"], session["resumed"]) == ("conversation-refused", False)
    assert session["conversation"] != old
    (death,) = roost.deaths("a")
    assert (death["cause"], death["counted"]) == ("conversation-refused", False)
    assert "its conversation is refused by the model: " in death["evidence"]
    assert notices(agents) == [(poison, "failed"), (behind[0], "conversation refused")]
    assert "is refused by the model" in roost.cli("message", behind[0]).stdout


@pytest.mark.parametrize("shared", ["codex"], indirect=True)
def test_C7_it_is_told_before_it_is_sure_survives_a_restart_and_refresh_helps(agents: Agents) -> None:
    roost = agents.roost
    roost.until_message(roost.send("a", POISON)["id"], "dead-letter")
    wait_until(lambda: "refused its latest turn" in roost.row("a")["why"], timeout=PATIENCE, why="it is said")
    row = roost.row("a")
    assert row["state"] == "idle"
    assert "400" in row["why"]
    assert "roost refresh a" in roost.cli("show", "a").stdout
    roost.kill()
    roost.start()
    roost.until_state("a", "idle")
    # Where it finds no agent program it asks none for its version, which costs seconds each time.
    doctor = Doctor(roost, {**roost.environ, "PATH": os.environ["PATH"]})
    cured(doctor, Case(Code.CONVERSATION_REFUSED, check="conversation of a"))
    assert roost.ask("a", "after") == "echo: after"
    assert not roost.session("a")["resumed"]
