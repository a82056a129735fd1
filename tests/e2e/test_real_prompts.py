"""C13, C15: what is an input line of the real Codex, and what only looks like one."""

import pytest

from tests.support.daemon import Roost
from tests.support.home import Home
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
KNOWN = "gpt-6-sol"
"""A model that Codex knows: of any other it warns in a row below its prompt."""


def configure(agents: Agents, model: str, more: str = "") -> None:
    """A model of that name in the user's configuration of Codex, and more below it."""
    path = agents.roost.home.user / ".codex/config.toml"
    path.write_text(path.read_text().replace('model = "fake-model"', f'model = "{model}"') + more)


def dismiss_warnings(roost: Roost, peer: str) -> None:
    """Close what Codex 0.171.0 warns of: as long as there is a warning, a row of its own tells it."""
    roost.keys(peer, "F2")
    wait_until(lambda: "Warnings" in roost.screen(peer), timeout=PATIENCE, why="the warnings are shown")
    roost.keys(peer, "Escape")
    wait_until(
        lambda: "warning" not in roost.screen(peer).lower(), timeout=PATIENCE, why="no warning is left"
    )


@pytest.mark.parametrize("rows", ["[]", '["model-with-reasoning"]'])
def test_C13_the_input_line_is_found_without_the_rows_below_it(home: Home, rows: str) -> None:
    with agents_in(home, "codex") as agents:
        configure(agents, KNOWN, f"\n[tui]\nstatus_line = {rows}\n")
        agents.add("a", "codex")
        agents.roost.send("a", "to begin with", wait="done", timeout=PATIENCE)
        dismiss_warnings(agents.roost, "a")
        for body in ("one line", "a line\n" * 40):
            sent = agents.roost.send("a", body, wait="done", timeout=PATIENCE)
            # A model that Codex knows is asked without a list of tools, which the fake one takes for no turn.
            asked = agents.model.journal.all()[-1].user_texts
            assert sum(text.count(f"[roost message {sent['id']} from ") for text in asked) == 1


def test_C15_a_list_at_the_start_is_a_question_and_no_input_line(home: Home) -> None:
    with agents_in(home, "codex") as agents:
        roost = agents.roost
        configure(agents, "gpt-5.5")
        agents.add("a", "codex")
        sent = roost.send("a", "one line")
        row = roost.until_state("a", "blocked")
        assert "Meet " in row["why"], (row, roost.screen("a"))
        (told,) = wait_until(agents.notices, timeout=PATIENCE, why="the sender hears of it")
        assert (told["outcome"], "Meet " in told["why"]) == ("blocked", True)
        assert roost.message(sent["id"])["state"] in ("queued", "offered")  # the list comes after the prompt
        roost.keys("a", "2")
        roost.keys("a", "Enter")
        roost.until_message(sent["id"], "done")
        assert agents.shown(sent["id"]) == 1
