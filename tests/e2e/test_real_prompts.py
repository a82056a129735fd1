"""C13, C15: what is an input line of the real Codex, and what only looks like one."""

import pytest

from tests.support.home import Home
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


def configure(agents: Agents, before: str = "", after: str = "") -> None:
    """Add to the user's configuration of Codex: before its tables, and after them."""
    path = agents.roost.home.user / ".codex/config.toml"
    path.write_text("\n".join(part for part in (before, path.read_text(), after) if part))


@pytest.mark.parametrize("rows", ["[]", '["model-with-reasoning"]'])
def test_C13_the_input_line_is_found_without_the_rows_below_it(home: Home, rows: str) -> None:
    with agents_in(home, "codex") as agents:
        configure(agents, after=f"[tui]\nstatus_line = {rows}")
        agents.add("a", "codex")
        assert agents.roost.ask("a", "one line") == "echo: one line"
        sent = agents.roost.send("a", "a line\n" * 40, wait="done", timeout=PATIENCE)
        assert agents.shown(sent["id"]) == 1


def test_C15_a_list_at_the_start_is_a_question_and_no_input_line(home: Home) -> None:
    with agents_in(home, "codex") as agents:
        roost = agents.roost
        path = roost.home.user / ".codex/config.toml"
        path.write_text(path.read_text().replace('model = "fake-model"', 'model = "gpt-5.5"'))
        agents.add("a", "codex")
        sent = roost.send("a", "one line")
        row = roost.until_state("a", "blocked")
        assert "Meet " in row["why"], (row, roost.screen("a"))
        wait_until(
            lambda: roost.call("inbox", name="operator"), timeout=PATIENCE, why="the sender hears of it"
        )
        (told,) = roost.call("inbox", name="operator")
        assert (told["notice"]["outcome"], "Meet " in told["notice"]["why"]) == ("blocked", True)
        assert roost.message(sent["id"])["state"] in ("queued", "offered")  # the list comes after the prompt
        roost.keys("a", "2")
        roost.keys("a", "Enter")
        roost.until_message(sent["id"], "done")
        assert agents.shown(sent["id"]) == 1
