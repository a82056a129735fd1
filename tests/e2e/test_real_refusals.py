"""C4: what a hook of the user refuses ends with the hook's words, is no turn, and stands in nobody's way."""

import json
from collections.abc import Iterator

import pytest

from tests.support.real import PATIENCE, Agents, cleared_agents, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# The words that a user's hook forbids, what it does then, and what is told of that.
WAYS = {
    "mischief": ("echo 'no mischief here' >&2; exit 2", "no mischief here"),
    "nonsense": ("""echo '{"decision":"block","reason":"policy says no"}'""", "policy says no"),
    "trifles": ("""echo '{"continue":false,"stopReason":"stopped by policy"}'""", "stopped by policy"),
}
LINES = (1, 70)
"""A short message, and one that is longer than the screen: with Claude Code only the first way takes that."""


@pytest.fixture(scope="module", params=["claude", "codex"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with cleared_agents(shared) as made:
        yield made


def refuse(agents: Agents) -> None:
    """The user's own hook on every prompt, which lets all pass but the forbidden words."""
    command = "text=$(cat)"
    for word, (act, _) in WAYS.items():
        command += f'; if echo "$text" | grep -q {word}; then {act}; fi'
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


def test_C4_a_refused_prompt_is_a_dead_letter_with_the_words_and_the_next_one_goes_in(agents: Agents) -> None:
    refuse(agents)
    agents.wake("a")
    session = agents.roost.session("a")["id"]
    for number, (word, (_, words)) in enumerate(WAYS.items()):
        for lines in LINES[: 1 if number and agents.runtime == "claude" else None]:
            is_refused(agents, f"{word}\n" + "a line of words\n" * lines, words)
        assert agents.roost.ask("a", f"harmless {number}") == f"echo: harmless {number}"
    assert agents.roost.session("a")["id"] == session


def is_refused(agents: Agents, body: str, words: str) -> None:
    """What comes of a message that the hook refuses with these words, and of one that waits behind it."""
    roost = agents.roost
    before = len(agents.notices())
    sent, behind = roost.send("a", body), roost.send("a", "behind it")
    ended = roost.until_message(sent["id"], "done", "dead-letter", "unknown")
    assert (ended["state"], ended["why"]) == ("dead-letter", f"a hook refused the prompt: {words}")
    told = wait_until(lambda: agents.notices()[before:], timeout=PATIENCE, why="its sender hears of it")
    assert [(each["outcome"], each["about"]) for each in told] == [("refused", sent["id"])]
    wait_until(
        lambda: roost.row("a")["state"] == "idle" and f"[roost message {sent['id']}" not in tail(agents),
        timeout=PATIENCE,
        why="our text is gone from its input line",
        describe=lambda: (roost.row("a"), roost.screen("a")),
    )
    roost.until_message(behind["id"], "done")
    # Claude Code 2.1.332 keeps what `continue` has stopped, and shows it together with the next prompt.
    assert not any(
        arrival.kind == "turn" and any(sent["id"] in text for text in arrival.user_texts[-1:])
        for arrival in agents.model.journal.all()
    ), "no model was asked"


def tail(agents: Agents) -> str:
    """What stands from the last input line on."""
    mark = {"claude": "\n❯", "codex": "\n›"}[agents.runtime]
    return agents.roost.screen("a").rsplit(mark, 1)[-1]
