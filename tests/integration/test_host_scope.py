"""Scopes for tmux servers, with a systemd-run that is a fake: given, refused, hanging."""

import os
import sys
from pathlib import Path

import pytest

from roost.host import scope
from roost.host.process import SystemProcesses
from roost.host.scope import Scopes, control_group, find_scopes, under_manager
from roost.host.tmux import server
from roost.host.tmux.server import TmuxTerminals
from roost.host.tmux.terminal import TmuxTerminal
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
    assert probe[:4] == ["--user", "--scope", "--quiet", "--collect"]
    assert probe[-2:] == ["--", "true"]


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
    assert call[4] == "--unit=roost-s1"
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
