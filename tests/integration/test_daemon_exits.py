"""P9: agents that end closely one after another, in different ways: every exit is recorded as it was."""

from collections.abc import Iterator

import pytest

from benchmarks.mortal import CONFIG, ENDS
from tests.support.daemon import Roost, roost_in, signal_pid
from tests.support.home import Home
from tests.support.wait import wait_until

AGENTS = 10
PATIENCE = 30.0


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    home.roost.mkdir(mode=0o700)
    (home.roost / "config.toml").write_text(CONFIG)
    with roost_in(home) as made:
        yield made


def test_P9_every_exit_of_a_burst_is_recorded(roost: Roost) -> None:
    names = [roost.add(f"m{number}", "mortal") for number in range(AGENTS)]
    for burst in range(2):
        for name in names:
            roost.call("wake", name=name)
        sessions = {row["name"]: row["session"] for row in roost.call("list") if row["session"]}
        expected = {}
        for number, name in enumerate(names):
            sent, code, signum = ENDS[number % len(ENDS)]
            expected[sessions[name]["id"]] = (code, signum)
            signal_pid(sessions[name]["agent_pid"], sent)
        wait_until(
            lambda burst=burst: all(len(roost.deaths(name)) == burst + 1 for name in names),
            timeout=PATIENCE,
            why="all are dead",
        )
        deaths = [death for name in names for death in roost.deaths(name)]
        found = {death["session"]: (death["exit_code"], death["signal"]) for death in deaths}
        assert {session: found[session] for session in expected} == expected
