"""G12: a limit of processes is nobody's crash: the mail waits, and doctor names the limit."""

from tests.support.daemon import roost_in
from tests.support.home import Home
from tests.support.pids_limit import pids_limit
from tests.support.wait import wait_until

PATIENCE = 30.0
NAMES = [f"p{number}" for number in range(5)]


def test_G12_peers_wait_for_processes_and_the_limit_is_named(home: Home) -> None:
    with pids_limit() as limit, roost_in(home) as roost:
        for name in NAMES:
            roost.add(name)
        limit.take(roost.daemon.pid)
        limit.leave(8)
        sent = [roost.send(name, f"to {name}")["id"] for name in NAMES]
        for name in NAMES:
            wait_until(
                lambda name=name: "processes" in roost.row(name)["why"],
                timeout=PATIENCE,
                why="it waits for processes",
                describe=lambda name=name: roost.row(name),
            )
        assert not roost.events(None, "quarantined")
        named = [one["detail"] for one in roost.call("doctor") if one["check"] == "processes left"]
        assert len(named) == 1
        assert "pids.max" in named[0]
        limit.lift()
        for name, message in zip(NAMES, sent, strict=True):
            roost.until_message(message, "done")
            assert not any(death["counted"] for death in roost.deaths(name))
