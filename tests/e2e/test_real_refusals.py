"""C4: what a hook of the user refuses ends with the hook's words, is no turn, and stands in nobody's way."""

import json
from collections.abc import Iterator

import pytest

from tests.support.real import PATIENCE, Agents, cleared_agents, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# The word that a user's hook forbids, and the ways in which a hook can say so.
FORBIDDEN = "mischief"
WAYS = {
    "exit code": ("echo 'no mischief here' >&2; exit 2", "no mischief here"),
    "decision": ("""echo '{"decision":"block","reason":"policy says no"}'""", "policy says no"),
    "stop": ("""echo '{"continue":false,"stopReason":"stopped by policy"}'""", "stopped by policy"),
}


@pytest.fixture(scope="module", params=["claude", "codex"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with cleared_agents(shared) as made:
        yield made


def refuse(agents: Agents, way: str) -> None:
    """The user's own hook on every prompt, which lets all pass but the forbidden word."""
    command = f"if grep -q {FORBIDDEN}; then {WAYS[way][0]}; fi"
    hooks = {"UserPromptSubmit": [{"hooks": [{"type": "command", "command": command}]}]}
    user = agents.roost.home.user
    if agents.runtime == "claude":
        path = user / ".claude/settings.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "hooks": hooks}))
        agents.add("a", "claude")
        return
    (user / ".codex/hooks.json").write_text(json.dumps({"hooks": hooks}))
    agents.settings["codex"]["args"] += " --dangerously-bypass-hook-trust"
    agents.add("a", "codex")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("lines", [1, 70], ids=["short", "longer than the screen"])
def test_C4_a_refused_prompt_is_a_dead_letter_with_the_words_and_the_next_one_goes_in(
    agents: Agents, way: str, lines: int
) -> None:
    refuse(agents, way)
    roost = agents.roost
    sent = roost.send("a", f"{FORBIDDEN}\n" + "a line of words\n" * lines)
    ended = roost.until_message(sent["id"], "done", "dead-letter", "unknown")
    assert (ended["state"], ended["why"]) == ("dead-letter", f"a hook refused the prompt: {WAYS[way][1]}")
    told = wait_until(agents.notices, timeout=PATIENCE, why="its sender hears of it")
    assert [(each["outcome"], each["about"]) for each in told] == [("refused", sent["id"])]
    wait_until(
        lambda: roost.row("a")["state"] == "idle" and f"[roost message {sent['id']}" not in tail(agents),
        timeout=PATIENCE,
        why="our text is gone from its input line",
        describe=lambda: (roost.row("a"), roost.screen("a")),
    )
    assert not any(
        arrival.kind == "turn" and any(sent["id"] in text for text in arrival.user_texts)
        for arrival in agents.model.journal.all()
    ), "no model was asked"
    assert roost.ask("a", "harmless") == "echo: harmless"


def tail(agents: Agents) -> str:
    """What stands from the last input line on."""
    mark = {"claude": "\n❯", "codex": "\n›"}[agents.runtime]
    return agents.roost.screen("a").rsplit(mark, 1)[-1]
