"""Walks through the documentation: each command of each page as printed, in an empty home at 80 columns.

A command that no walk runs has its reason in `walk.NOT_RUN`, so a new one that nobody runs is red.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from roost.local.config import load_config
from roost.local.program import FOLDER
from tests.support import walk
from tests.support.fake_systemd import FakeSystemd
from tests.support.home import Home
from tests.support.walk import DEMO, FLEET, HOST, LANGUAGES, NOT_RUN, OWN, REAL, Walker, walker


def test_every_command_of_the_docs_is_walked_or_has_a_reason() -> None:
    shells = {page for page in walk.pages() if walk.commands(page)}
    assert shells == {*DEMO, *FLEET, *HOST, *OWN, *REAL}
    assert {block.language for page in walk.pages() for block in walk.blocks(page)} == set(LANGUAGES)
    every = [line for page in shells for line in walk.commands(page)]
    assert [start for start in NOT_RUN if not any(line.startswith(start) for line in every)] == []


@pytest.mark.parametrize("page", [page for page in walk.pages() if "toml" in dict(walk.blocks(page))])
def test_every_config_of_the_docs_is_one(page: str, tmp_path: Path) -> None:
    for number, block in enumerate(walk.blocks(page)):
        if block.language == "toml":
            path = tmp_path / f"{number}.toml"
            path.write_text(block.text)
            load_config(path)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_newcomers_walk(home: Home) -> None:
    with walker(home, dict(os.environ), claude="demo", NAME="scout") as newcomer:
        for page in DEMO:
            newcomer.walk(page)


@contextmanager
def host(home: Home) -> Iterator[Walker]:
    """Someone who sets nothing: the places of XDG, and a user manager."""
    runtime = home.root / "x"
    systemd = FakeSystemd(home.root / "s", runtime)
    unset = ("ROOST_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME")
    environ = {name: value for name, value in os.environ.items() if name not in unset}
    with walker(home, systemd.environ(environ), NAME="scout") as made:
        yield made


def told(walker: Walker, command: str) -> Any:  # noqa: ANN401 -- JSON
    """What a command says to programs."""
    return json.loads(walker.shell.run(f"{command} --json")[1])


def agent(walker: Walker, name: str) -> int | None:
    """The process of a peer's agent."""
    session = next(row["session"] for row in told(walker, "roost list") if row["name"] == name)
    return session and session["agent_pid"]


def as_printed(page: str) -> str:
    """The page's runtime, which is a program of the tests."""
    (text,) = [block.text for block in walk.blocks(page) if block.language == "toml"]
    program = [sys.executable, str(walk.ROOT / "tests/support/line_agent.py"), "{dir}/transcript.jsonl"]
    text = text.replace('"/path/to/mycli"', ", ".join(f'"{word}"' for word in program))
    return text.replace("^mycli> $", "^line> $")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_walk_of_whoever_runs_the_host(home: Home) -> None:
    """An upgrade from another copy of the program, the service, a runtime, backups, and the end."""
    old = home.root / "old"
    shutil.copytree(FOLDER, old / "roost")
    with (old / "roost/host/ids.py").open("a") as file:
        file.write("# another version\n")
    upgrade, service, runtime, backup, places, web, completion = HOST
    with host(home) as operator:
        operator.run(f"PYTHONPATH={old} roost up")
        operator.run("roost add scout --runtime demo --dir ~/src/app; roost wake scout")
        assert told(operator, "roost status")["program"]["path"] == str(old / "roost")
        operator.walk(upgrade)
        assert told(operator, "roost status")["program"]["path"] == str(FOLDER)
        assert len(told(operator, "roost deaths scout")) == 1, (
            "by the page's last command, and by none before"
        )
        lives = agent(operator, "scout")
        operator.walk(service)
        assert agent(operator, "scout") == lives
        config = home.work / ".config/roost/config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(as_printed(runtime))
        operator.walk(runtime)
        operator.run("roost send helper hello --wait done")
        operator.walk(web)
        operator.walk(completion)
        operator.walk(backup)
        operator.walk(places)
        assert not (home.work / ".local/state/roost").exists()
        assert not config.parent.exists()
        assert not any((home.work / ".config/systemd/user").iterdir())
