"""The models of the real CLIs fail: the state says so, and the message is kept until they answer."""

from collections.abc import Iterator

import pytest

from tests.support.real import PATIENCE, Agents, settled_agent, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(720)]


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        if made.runtime == "claude":
            made.settings["claude"]["env.CLAUDE_CODE_MAX_RETRIES"] = "1"
        else:
            made.settings["codex"]["args"] += " -c model_providers.fake.request_max_retries=1"
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with settled_agent(shared) as made:
        yield made


@pytest.mark.parametrize(
    ("shared", "status"),
    [
        *(("claude", status) for status in (429, 529, 401, 402, 404)),
        *(("codex", status) for status in (529, 401, 404)),
    ],
    indirect=["shared"],
)
def test_N4_an_outage_of_the_model_is_shown_and_costs_no_message(agents: Agents, status: int) -> None:
    assert agents.roost.ask("a", "first") == "echo: first"
    agents.model.outage.status = status
    sent = agents.roost.send("a", "@@reply at last@@")["id"]

    def held() -> str:
        row = agents.roost.row("a")
        failing = row["state"] in ("working", "blocked") and (
            "fails" in row["why"] or str(status) in row["why"] or "selected model" in row["why"]
        )
        return row["why"] if failing else ""

    why = wait_until(held, timeout=PATIENCE, why="the state says that the model fails")
    wait_until(
        lambda: any(step["outcome"] == "failed" for step in agents.roost.message(sent)["attempts"]),
        timeout=2 * PATIENCE,
        why="the turn has failed",
    )
    words = "selected model" if (agents.runtime, status) == ("claude", 404) else str(status)
    assert words in agents.roost.row("a")["why"] or words in why
    second = agents.roost.send("a", "@@reply behind it@@")["id"]
    assert agents.roost.message(second)["state"] == "queued"
    agents.model.outage.status = None
    if status == 401 and agents.runtime == "claude":  # Claude Code wants a person now
        assert agents.roost.row("a")["state"] == "blocked"
        agents.roost.keys("a", "I have logged in again", "Enter")
    agents.roost.until_message(sent, "done")
    agents.roost.until_message(second, "done")
    answers = [item["body"] for item in agents.roost.call("inbox", name="operator") if not item["notice"]]
    assert [answer for answer in answers if "was cut off" not in answer] == ["at last", "behind it"]
