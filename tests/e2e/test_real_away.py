"""C11: a real program (Codex) is away for seconds, as while it is updated, and mail arrives meanwhile."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import clis
from tests.support.home import Home, make_home
from tests.support.processes import kept
from tests.support.real import PATIENCE, Agents, agents_in, cleared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(720)]


@pytest.fixture(scope="module")
def shared() -> Iterator[Agents]:
    """The CLI is found by a link of ours, in a folder that stands first on the search path."""
    with make_home() as home:
        folder = place(home, "codex").parent
        folder.mkdir()
        path = os.pathsep.join([str(folder), os.environ["PATH"]])
        install(home, "codex")
        with kept(home.mark), agents_in(home, "codex", environ={"PATH": path}) as made:
            yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with cleared_agents(shared) as made:
        install(made.roost.home, made.runtime)
        yield made


def place(home: Home, name: str) -> Path:
    return home.user / "bin" / name


def install(home: Home, name: str) -> None:
    fresh = place(home, "new")
    fresh.symlink_to(clis.require(name).path)
    fresh.replace(place(home, name))


@pytest.mark.parametrize("instead", ["a stub", "nothing", "no folder"])
def test_C11_what_is_away_for_seconds_costs_nothing_and_the_mail_goes_in(
    agents: Agents, instead: str
) -> None:
    roost, name, home = agents.roost, agents.runtime, agents.roost.home
    agents.add("a", name, resume="always")
    assert roost.ask("a", "before") == "echo: before"
    roost.call("stop", name="a")
    roost.call("start", name="a")
    ended, folder = len(roost.deaths("a")), home.work / "a"
    if instead == "no folder":
        folder.rename(home.work / "elsewhere")
    else:
        place(home, name).unlink()
    if instead == "a stub":
        place(home, name).write_text("not installed yet\n")
        place(home, name).chmod(0o700)
    sent = roost.send("a", "@@recall@@")["id"]
    wait_until(lambda: len(roost.deaths("a")) >= ended + 4, timeout=PATIENCE, why="four tries have failed")
    row = roost.until_state("a", "blocked")
    assert row["why"].startswith("cannot be started: ")
    words = {
        "nothing": f"the program '{name}' was not found on PATH",
        "a stub": "Exec format error",
        "no folder": f"the directory {folder} is not there",
    }
    assert words[instead] in row["why"]
    assert {death["cause"] for death in roost.deaths("a")[ended:]} == {"not-started"}
    if instead == "no folder":
        (home.work / "elsewhere").rename(folder)
    else:
        install(home, name)
    roost.until_message(sent, "done")
    mail = roost.call("inbox", name="operator")
    assert [item["body"] for item in mail if not item["notice"]] == ["1"], "its conversation went on"
    assert [notice["outcome"] for notice in agents.notices()] == ["cannot be woken"]
    assert roost.events("a", "quarantined") == []
