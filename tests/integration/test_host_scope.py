"""Scopes for tmux servers, with a systemd-run that is a fake: given, refused, hanging."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from roost.host import scope
from roost.host.process import SystemProcesses
from roost.host.scope import Scopes, control_group, find_scopes, under_manager
from roost.host.tmux import server
from roost.host.tmux.server import TmuxTerminals
from roost.host.tmux.terminal import TmuxTerminal
from tests.support.control_group import made_group
from tests.support.daemon import alive
from tests.support.fake_systemd import FakeSystemd, runtime_folder
from tests.support.home import Home

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="systemd is on Linux")]
INSIDE = "/user.slice/user-1000.slice/user@1000.service/app.slice/roost.service"
OUTSIDE = "/user.slice/user-1000.slice/session-3.scope"


@pytest.fixture
def systemd(home: Home, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    made = FakeSystemd(home.root / "s", runtime_folder())
    monkeypatch.setenv("PATH", made.environ(os.environ)["PATH"])
    return made


async def find(group: str = INSIDE, *, wanted: bool = True) -> Scopes:
    return await find_scopes(os.environ, wanted=wanted, group=group)


async def test_each_session_gets_a_scope_of_its_own(systemd: FakeSystemd) -> None:
    found = await find()
    assert found.available
    assert found.prefix("abc")[-2:] == ("--unit=roost-abc", "--")
    [probe] = systemd.calls("systemd-run")
    assert probe[:5] == ["--user", "--scope", "--quiet", "--collect", "--property=OOMPolicy=continue"]
    assert probe[-2:] == ["--", "true"]


async def test_a_systemd_that_knows_no_such_policy_gives_a_scope_without(systemd: FakeSystemd) -> None:
    """As those before 253 do; doctor says what that means."""
    systemd.mode("systemd-run", "old")
    found = await find()
    assert found.available
    assert found.prefix("abc") == (
        "systemd-run",
        "--user",
        "--scope",
        "--quiet",
        "--collect",
        "--unit=roost-abc",
        "--",
    )
    assert "ends it as a whole when one of its processes is killed for lack of memory" in found.why
    assert len(systemd.calls("systemd-run")) == 2


MANAGER = """
set -e
mount --make-rprivate /
mkdir -p /run/systemd
mount -t tmpfs none /run/systemd
mkdir /run/systemd/system
echo $$ > "$1/cgroup.procs"
{ exec /lib/systemd/systemd --user > "$XDG_RUNTIME_DIR/log" 2>&1; } &
until test -S "$XDG_RUNTIME_DIR/systemd/private"; do kill -0 $!; sleep 0.05; done
shift
"$@"
"""
TOLD = """
import asyncio, os, subprocess
from roost.host.scope import find_scopes, scope_of

async def main():
    scopes = await find_scopes(os.environ, wanted=True, group="/user@0.service/x")
    show = "systemctl --user show roost-told.scope --property=OOMPolicy; cat /proc/self/cgroup"
    done = subprocess.run([*scopes.prefix("told"), "sh", "-c", show], capture_output=True, text=True)
    print(scopes.available, done.stdout, done.stderr)

asyncio.run(main())
"""


def test_an_agent_outlives_a_process_of_its_scope_that_is_killed_for_lack_of_memory(home: Home) -> None:
    """What a real user manager says of the scope: systemd 252.38 gives `stop` where nobody asks."""
    program = Path("/lib/systemd/systemd")
    runtime = home.root / "m"
    runtime.mkdir(mode=0o700)
    if os.geteuid() != 0 or not program.exists():
        pytest.skip("a user manager of one's own needs root and systemd")
    with made_group("roost-test-manager", "systemd") as group:
        words = [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "sh",
            "-c",
            MANAGER,
            "sh",
        ]
        done = subprocess.run(
            [*words, str(group.folder), sys.executable, "-c", TOLD],
            env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)},
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
    if done.returncode != 0:
        pytest.skip(f"no user manager runs here: {done.stderr[-500:]}")
    assert done.stdout.startswith("True OOMPolicy=continue\n"), done
    assert "/roost-told.scope" in done.stdout


@pytest.mark.parametrize(
    ("group", "linger", "available"),
    [(INSIDE, "", True), (INSIDE, "linger", True), (OUTSIDE, "", False), (OUTSIDE, "linger", True)],
)
async def test_a_scope_that_would_end_at_logout_is_worse_than_none(
    systemd: FakeSystemd, group: str, linger: str, available: bool
) -> None:
    systemd.mode("loginctl", linger)
    found = await find(group)
    assert found.available is available
    assert available or "lingering is off" in found.why


@pytest.mark.parametrize("mode", ["fail", "hang"])
async def test_a_manager_that_fails_or_hangs_gives_no_scope(
    systemd: FakeSystemd, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scope, "PROBE_SECONDS", 0.5 if mode == "hang" else 30.0)
    systemd.mode("systemd-run", mode)
    found = await find()
    assert not found.available
    assert ("No medium found" if mode == "fail" else "no answer within") in found.why


async def test_a_hanging_loginctl_is_no_answer(systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "PROBE_SECONDS", 3.0)
    systemd.mode("loginctl", "hang")
    assert not (await find(OUTSIDE)).available


async def test_nobody_is_asked_where_no_manager_runs(
    systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not (await find(wanted=False)).available
    assert not (await find_scopes(os.environ, wanted=True, platform="darwin")).available
    (runtime_folder() / "systemd" / "private").unlink()
    assert "no systemd user manager" in (await find()).why
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert not (await find()).available
    assert not systemd.calls("systemd-run")


def test_the_control_group_is_read(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text(f"1:name=systemd:/x\n0::{INSIDE}\n")
    assert control_group(tmp_path / "cgroup") == INSIDE
    assert control_group(tmp_path / "none") == ""
    assert under_manager(INSIDE)
    assert not under_manager(OUTSIDE)


async def start(home: Home, scopes: Scopes, name: str) -> TmuxTerminal:
    terminals = TmuxTerminals(home.root / "c", SystemProcesses(), scopes=scopes)
    env = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_RUNTIME_DIR", "ROOST_TEST_RUN")}
    return await terminals.start(home.root / name, ["cat"], env, home.work)


async def test_a_server_starts_in_a_scope_named_after_its_socket(home: Home, systemd: FakeSystemd) -> None:
    terminal = await start(home, Scopes(available=True), "s1")
    [call] = systemd.calls("systemd-run")
    assert call[4:6] == ["--property=OOMPolicy=continue", "--unit=roost-s1"]
    assert call[call.index("--") + 1].endswith("/tmux")
    server_pid = terminal.server.pid
    await terminal.kill()
    assert not alive(server_pid)


async def test_a_refused_scope_costs_no_session(home: Home, systemd: FakeSystemd) -> None:
    systemd.mode("systemd-run", "fail")
    scopes = Scopes(available=True)
    terminal = await start(home, scopes, "s1")
    assert scopes.available
    assert "No medium found" in scopes.why
    await terminal.kill()


async def test_a_hanging_scope_costs_time_once(
    home: Home, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "START_DEADLINE", 2.0)
    systemd.mode("systemd-run", "hang")
    scopes = Scopes(available=True)
    first = await start(home, scopes, "s1")
    assert not scopes.available
    second = await start(home, scopes, "s2")
    assert len(systemd.calls("systemd-run")) == 1
    await first.kill()
    await second.kill()
