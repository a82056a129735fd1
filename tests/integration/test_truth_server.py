"""The end of a tmux server (P10): told with its forensics whoever sees it, and only when it was dirty."""

import signal
from collections.abc import Callable, Iterator

import pytest

from tests.support.daemon import Roost, alive, cleared, roost_in, shared_roost, signal_pid
from tests.support.home import Home
from tests.support.lines import whole_lines
from tests.support.truth import carriers
from tests.support.wait import wait_until

PATIENCE = 30.0
SECTIONS = (
    "# memory",
    "# swap",
    "# control group",
    "# pressure memory",
    "# oom kills since boot",
    "# largest processes",
    "# kernel messages about memory",
    "# last lines of the screen",
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def exits(roost: Roost, kind: str) -> list[str]:
    """Lines of this kind in exits.log."""
    return [line for line in whole_lines(roost.places.exits_log) if f" ev={kind} " in line]


def test_P10_forensics_hold_what_the_machine_and_the_screen_told(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "a line to remember")
    session = roost.session("a")
    signal_pid(session["server_pid"], signal.SIGKILL)
    wait_until(lambda: exits(roost, "server-exit"), timeout=PATIENCE, why="the canary's line")
    roost.until_death("a")
    (report,) = roost.places.forensics.iterdir()
    text = report.read_text()
    assert [section for section in SECTIONS if section not in text] == []
    assert "MemAvailable" in text
    assert "some avg10=" in text or "not readable" in text
    assert "demo>" in text.partition("# last lines of the screen")[2]
    assert "\x1b" not in text
    assert oct(report.stat().st_mode & 0o777) == "0o600"
    assert f"forensics={report}" in exits(roost, "server-exit")[0]
    wait_until(lambda: exits(roost, "exit"), timeout=PATIENCE, why="the end is logged")
    assert len(exits(roost, "exit")) == 1


@pytest.mark.parametrize("way", ["stop", "remove", "restart", "sleep", "down", "done"])
def test_P10_a_deliberate_end_leaves_no_trace_of_a_dirty_one(roost: Roost, way: str) -> None:
    roost.add("a", idle="1h")
    roost.call("wake", name="a")
    session = roost.row("a")["session"]
    token = roost.token("a") if way == "done" else None
    ways: dict[str, Callable[[], object]] = {
        "stop": lambda: roost.call("stop", name="a"),
        "remove": lambda: roost.call("remove", name="a", force=True),
        "restart": lambda: roost.call("restart", name="a"),
        "sleep": lambda: (roost.call("set", name="a", pairs=[["idle", "200ms"]]), roost.until_death("a")),
        "down": lambda: roost.down(agents=True),
        "done": lambda: (roost.call("done", token=token, summary="all done"), roost.until_death("a")),
    }
    ways[way]()
    wait_until(lambda: not alive(session["shim_pid"]), timeout=PATIENCE, why="the shim has left")
    assert carriers(session["id"]) == []
    assert exits(roost, "server-exit") == []
    assert exits(roost, "terminal-closed") == []
    assert list(roost.places.forensics.glob("*")) == []
    wait_until(lambda: exits(roost, "exit"), timeout=PATIENCE, why="the end is logged")
    assert len(exits(roost, "exit")) == 1


@pytest.mark.parametrize("also", [(), ("shim",)], ids=["server", "server-shim"])
def test_P10_N7_an_agent_that_survives_its_server_unseen_is_found(
    roost: Roost, also: tuple[str, ...]
) -> None:
    """With the daemon down: the agent and its children ignore the hang-up, and are not forgotten."""
    roost.add("a")
    for number in ("HUP", "TERM"):
        roost.send("a", f"@@silent@@\n@@ignore {number}@@", wait="done", timeout=PATIENCE)
    roost.send("a", "@@silent@@\n@@fork 2@@", wait="done", timeout=PATIENCE)
    session = roost.session("a")
    roost.kill()
    for part in (*also, "server"):
        signal_pid(session[f"{part}_pid"], signal.SIGKILL)
    if not also:
        wait_until(lambda: exits(roost, "server-exit"), timeout=PATIENCE, why="the canary's line")
    roost.start()
    death = roost.until_death("a")
    assert death["cause"] in ({"shim-lost", "server-exit"} if also else {"server-exit"})
    wait_until(lambda: carriers(session["id"]) == [], timeout=PATIENCE, why="nothing of it is left")
    assert len(roost.events("a", "stopped")) == 1
    assert roost.ask("a", "go on") == "echo: go on"


def test_P10_the_daemon_sees_the_server_go_with_its_own_eyes(roost: Roost) -> None:
    """The agent ignores the hang-up, so it lives for a while without its terminal: that is shown at once."""
    roost.add("a")
    for number in ("HUP", "TERM"):
        roost.send("a", f"@@silent@@\n@@ignore {number}@@", wait="done", timeout=PATIENCE)
    signal_pid(roost.session("a")["server_pid"], signal.SIGKILL)
    sent = roost.send("a", "not into the void")["id"]
    seen = wait_until(
        lambda: [event for event in roost.events("a", "unknown") if "tmux server" in event["data"]["why"]],
        timeout=PATIENCE,
        why="it is known that its terminal is gone",
    )
    assert seen[0]["seq"] < roost.events("a", "stopped")[0]["seq"] if roost.events("a", "stopped") else True
    roost.until_message(sent, "done")
    assert len(roost.prompts(sent)) == 1


def test_P12_the_canarys_log_is_bounded_with_the_daemon_down(home: Home) -> None:
    home.roost.mkdir(mode=0o700)
    (home.roost / "config.toml").write_text("[logs]\nsize = 2000\nfiles = 2\n")
    with roost_in(home) as roost:
        roost.add("a")
        roost.call("wake", name="a")
        session = roost.session("a")
        roost.kill()
        with roost.places.exits_log.open("a") as log:
            log.write("x" * 1999 + "\n")
        signal_pid(session["server_pid"], signal.SIGKILL)
        wait_until(lambda: not alive(session["shim_pid"]), timeout=PATIENCE, why="the shim has left")
        assert "ev=server-exit" in roost.places.exits_log.with_suffix(".log.1").read_text()
        assert not roost.places.exits_log.exists()
