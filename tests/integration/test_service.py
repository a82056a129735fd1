"""`roost service` with a user manager that is a fake, and a real daemon below it."""

import json
import sys
from collections.abc import Iterator

import pytest

from tests.support.daemon import Roost, alive, environ_of
from tests.support.fake_systemd import FakeSystemd, runtime_folder
from tests.support.home import Home
from tests.support.wait import wait_until

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="systemd is on Linux")]


@pytest.fixture
def systemd(home: Home) -> FakeSystemd:
    return FakeSystemd(home.root / "s", runtime_folder())


@pytest.fixture
def roost(home: Home, systemd: FakeSystemd) -> Iterator[Roost]:
    made = Roost(home)
    made.environ = systemd.environ(made.environ)
    yield made
    systemd.mode("systemctl", "")
    ended = made.cli("down", "--agents")
    if ended.returncode and any(made.places.sessions.glob("*")):
        made.cli("up")
        ended = made.cli("down", "--agents")
    assert ended.returncode in (0, 5), ended.stderr
    if made.process is not None:
        made.process.wait(30)


def done(roost: Roost, *words: str) -> str:
    result = roost.cli(*words)
    assert result.returncode == 0, (result.stdout, result.stderr)
    return result.stdout


def test_install_starts_the_daemon_as_a_service_and_again_changes_nothing(
    roost: Roost, systemd: FakeSystemd
) -> None:
    said = done(roost, "service", "install")
    pid = systemd.main_pid()
    assert f"pid {pid}" in said
    assert roost.call("status")["pid"] == pid
    assert systemd.calls() == [
        ["--user", "--no-pager", "daemon-reload"],
        ["--user", "--no-pager", "enable", "roost.service", "roost-gc.timer"],
        ["--user", "--no-pager", "start", "roost.service", "roost-gc.timer"],
    ]
    assert "READY=1\nSTATUS=answering on " in systemd.told()
    assert all(len(line) <= 80 or "/" in line for line in said.splitlines())
    folder = roost.home.user / ".config/systemd/user"
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(times) == 3
    systemd.forget()
    assert "nothing had to change" in done(roost, "service", "install")
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == times
    assert systemd.calls() == [["--user", "--no-pager", "start", "roost.service", "roost-gc.timer"]]
    assert roost.call("status")["pid"] == pid


def test_N8_a_daemon_started_by_hand_hands_over_and_its_agents_live_on(
    roost: Roost, systemd: FakeSystemd
) -> None:
    roost.start()
    name = roost.add("worker")
    assert roost.ask(name, "hello") == "echo: hello"
    agent = roost.session(name)["agent_pid"]
    assert "handed over" in done(roost, "service", "install")
    assert roost.call("status")["pid"] == systemd.main_pid() != roost.daemon.pid
    assert roost.session(name)["agent_pid"] == agent
    assert roost.ask(name, "again") == "echo: again"


def test_up_and_down_next_to_the_service_and_its_manager(roost: Roost, systemd: FakeSystemd) -> None:
    done(roost, "service", "install")
    assert "already up" in done(roost, "up")
    assert "its service starts it again" in done(roost, "down")
    pid = systemd.main_pid()
    assert pid is not None
    wait_until(lambda: not alive(pid), timeout=30, why="the daemon is gone")
    systemd.forget()
    done(roost, "up")
    assert systemd.calls() == [["--user", "--no-pager", "start", "roost.service"]]
    assert roost.call("status")["pid"] == systemd.main_pid()
    # Without an answer from the manager it starts by hand.
    done(roost, "down")
    systemd.mode("systemctl", "fail")
    done(roost, "up")
    assert roost.call("status")["pid"] != systemd.main_pid()


def test_the_agents_get_nothing_of_the_service_managers_environment_and_live_on_without_it(
    roost: Roost,
) -> None:
    """`uninstall` leaves them alive, and says so."""
    done(roost, "service", "install")
    name = roost.add("worker")
    assert roost.ask(name, "hello") == "echo: hello"
    session = roost.session(name)
    for process in ("agent_pid", "shim_pid", "server_pid"):
        names = set(environ_of(session[process]))
        assert not names & {"NOTIFY_SOCKET", "WATCHDOG_USEC", "INVOCATION_ID", "JOURNAL_STREAM"}
    agent = session["agent_pid"]
    said = done(roost, "service", "uninstall")
    assert "agents live on" in said
    assert alive(agent)
    assert not any((roost.home.user / ".config/systemd/user").iterdir())
    assert "no service is installed" in done(roost, "service", "uninstall")
    done(roost, "up")
    assert roost.session(name)["agent_pid"] == agent


def test_print_needs_no_manager_and_changes_nothing(roost: Roost, systemd: FakeSystemd) -> None:
    systemd.mode("systemctl", "fail")
    assert "Type=notify" in done(roost, "service", "print")
    listed = json.loads(done(roost, "service", "print", "--platform", "launchd", "--json"))
    assert [each["path"].rpartition("/")[2] for each in listed] == ["roost.daemon.plist", "roost.gc.plist"]
    assert not systemd.calls()
    assert not (roost.home.user / ".config").exists()


def test_a_manager_that_does_not_answer_is_named_with_the_next_step(
    roost: Roost, systemd: FakeSystemd
) -> None:
    systemd.mode("systemctl", "fail")
    failed = roost.cli("service", "install")
    assert failed.returncode == 1
    assert "enable-linger" in failed.stderr
    assert "No medium found" in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert not (roost.home.user / ".config").exists()


def test_a_service_of_another_folder_is_left_alone(roost: Roost, systemd: FakeSystemd) -> None:
    done(roost, "service", "install")
    other = str(roost.home.root / "other")
    for action in ("install", "uninstall"):
        refused = roost.cli("--home", other, "service", action)
        assert refused.returncode == 1
        assert f"roost --home {roost.places.home} service uninstall" in refused.stderr
    done(roost, "--home", other, "up")
    assert roost.call("status")["pid"] == systemd.main_pid()
    done(roost, "--home", other, "down")


def test_an_agent_cannot_install_a_service(roost: Roost, systemd: FakeSystemd) -> None:
    for action in ("install", "uninstall"):
        refused = roost.cli("service", action, environ={"ROOST_TOKEN": "x"})
        assert refused.returncode == 1
        assert "an agent cannot" in refused.stderr
    assert not systemd.calls()


def findings(roost: Roost) -> dict[str, dict[str, object]]:
    return {each["check"]: each for each in json.loads(roost.cli("doctor", "--json").stdout)}


def test_sessions_of_the_service_live_in_scopes_and_end_as_others_do(
    roost: Roost, systemd: FakeSystemd
) -> None:
    systemd.mode("loginctl", "linger")
    done(roost, "service", "install")
    name = roost.add("worker")
    assert roost.ask(name, "hello") == "echo: hello"
    session = roost.session(name)
    probe, started = systemd.calls("systemd-run")
    assert f"--unit=roost-{session['id'][:16]}" in started
    roost.call("stop", name=name)
    assert roost.until_death(name)["cause"] == "operator-stop"
    assert not any(alive(session[process]) for process in ("agent_pid", "shim_pid", "server_pid"))
    assert len(systemd.calls("systemd-run")) == 2, probe
    found = findings(roost)
    assert found["scopes"]["ok"] is True
    assert found["service"]["ok"] is True
    assert found["linger"]["ok"] is True


def test_scopes_can_be_turned_off(roost: Roost, systemd: FakeSystemd) -> None:
    roost.places.config.parent.mkdir(parents=True, exist_ok=True)
    roost.places.config.write_text('scope = "never"\n')
    done(roost, "up")
    assert "never" in str(findings(roost)["scopes"]["detail"])
    assert not systemd.calls("systemd-run")
