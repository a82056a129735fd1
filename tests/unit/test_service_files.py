"""The files of the service: systemd units and launchd property lists."""

import os
import plistlib
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.cli.app import App
from roost.cli.doctor_service import examine_service
from roost.cli.launch import StartError
from roost.cli.service import launchd, systemd
from roost.cli.service.ask import ServiceError
from roost.cli.service.install import install, setup_of, uninstall
from roost.cli.service.setup import Setup, current_setup, machine_id, places_of

SETUP = Setup(
    "/usr/a b/bin/python", {"PATH": "/usr/bin:/bin", "ROOST_HOME": '/srv/50% "x"\\$y'}, machine="0" * 32
)


def settings(text: str, section: str) -> list[tuple[str, str]]:
    block = text.partition(f"[{section}]\n")[2].partition("\n[")[0]
    return [(key, value) for line in block.splitlines() if "=" in line for key, value in [line.split("=", 1)]]


def test_the_daemon_is_restarted_when_it_fails_or_hangs_and_its_end_ends_no_agent() -> None:
    text = systemd.unit_files(SETUP)["roost.service"]
    unit = dict(settings(text, "Service"))
    assert unit["Type"] == "notify"
    assert unit["Restart"] == "on-failure"
    assert dict(settings(text, "Unit"))["StartLimitIntervalSec"] == "0", "it is tried for ever,"
    assert int(unit["RestartSec"]) < int(unit["RestartMaxDelaySec"]), "less and less often"
    assert int(unit["WatchdogSec"]) > 0
    assert unit["KillMode"] == "process"
    assert unit["OOMPolicy"] == "continue"


def test_the_interpreter_is_named_by_its_absolute_path() -> None:
    unit = dict(settings(systemd.unit_files(SETUP)["roost.service"], "Service"))
    assert unit["ExecStart"].startswith('"/usr/a b/bin/python" "-P" "-X" "utf8" "-m" "roost.daemon"')
    assert Path(current_setup({}, None).python).is_absolute()


def test_L8_the_sweep_is_a_timer_that_follows_the_host() -> None:
    files = systemd.unit_files(SETUP)
    assert dict(settings(files["roost-gc.timer"], "Timer"))["OnUnitActiveSec"] == "600"
    assert dict(settings(files["roost-gc.timer"], "Install")) == {"WantedBy": "timers.target"}
    assert '"-m" "roost" "gc"' in dict(settings(files["roost-gc.service"], "Service"))["ExecStart"]
    for text in files.values():
        assert dict(settings(text, "Unit"))["ConditionHost"] == "0" * 32


def test_a_machine_without_an_id_has_no_condition(tmp_path: Path) -> None:
    assert machine_id(tmp_path / "none") is None
    (tmp_path / "id").write_text("uninitialized\n")
    assert machine_id(tmp_path / "id") is None
    assert all("Condition" not in text for text in systemd.unit_files(Setup("/p", {})).values())


def test_what_was_installed_can_be_read_back() -> None:
    text = systemd.unit_files(SETUP)["roost.service"]
    assert systemd.environment_in(text) == SETUP.environ
    assert systemd.interpreter_in(text) == SETUP.python


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")))
def test_every_word_survives_quoting(word: str) -> None:
    quoted = systemd.quote(word)
    assert "\n" not in quoted
    assert systemd.unquote(quoted[1:-1]) == word
    assert re.fullmatch(r"(?:[^%]|%%)*", quoted)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_quoting_is_what_others_understand(word: str) -> None:
    assert shlex.split(systemd.quote(word).replace("%%", "%")) == [word]


def test_the_environment_holds_what_decides_where_things_are() -> None:
    kept = {
        "PATH": "/bin",
        "XDG_CONFIG_HOME": "/x",
        "XDG_STATE_HOME": "/s",
        "CLAUDE_CONFIG_DIR": "/l",
        "CODEX_HOME": "/c",
    }
    others = ("HOME", "LANG", "SSH_AUTH_SOCK", "TMUX", "XDG_RUNTIME_DIR", "ANTHROPIC_API_KEY", "ROOST_TOKEN")
    environ = kept | dict.fromkeys(others, "of the shell")
    assert current_setup(environ, "/r").environ == {**kept, "ROOST_HOME": "/r"}
    assert current_setup({"PATH": "/bin", "CODEX_HOME": ""}, None).environ == {"PATH": "/bin"}
    assert places_of({"ROOST_HOME": "/r"}).home == Path("/r")


def test_the_jobs_of_launchd() -> None:
    files = launchd.job_files(SETUP)
    daemon, sweep = (plistlib.loads(files[f"{name}.plist"].encode()) for name in ("roost.daemon", "roost.gc"))
    assert daemon["ProgramArguments"] == list(SETUP.daemon)
    assert daemon["EnvironmentVariables"] == SETUP.environ
    assert daemon["RunAtLoad"] is True
    assert daemon["KeepAlive"] == {"SuccessfulExit": False}
    assert daemon["AbandonProcessGroup"] is True
    assert sweep["StartInterval"] == 600
    assert sweep["ProgramArguments"][-2:] == ["roost", "gc"]
    assert "KeepAlive" not in sweep
    for job in (daemon, sweep):
        assert list(job) == sorted(job), "a text that is compared with the installed one has one order"


def test_launchd_reads_back_what_was_installed(tmp_path: Path) -> None:
    manager = launchd.Launchd({"HOME": str(tmp_path), "PATH": "/nowhere"})
    assert manager.installed() is None
    for path, text in manager.files(SETUP).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    text = manager.installed()
    assert text is not None
    assert manager.environment_in(text) == SETUP.environ
    assert manager.interpreter_in(text) == SETUP.python
    assert manager.environment_in("no list") == {}


@pytest.mark.parametrize("text", ["", "[Service]\n", "ExecStart=\n"])
def test_a_unit_of_another_hand_tells_nothing(text: str) -> None:
    assert systemd.environment_in(text) == {}
    assert systemd.interpreter_in(text) is None


def of_home(folder: str) -> App:
    """The command line with `--home`."""
    app = App()
    app.home = folder
    return app


@pytest.mark.parametrize("of", [systemd.Systemd, launchd.Launchd])
def test_a_service_is_removed_for_its_own_folder_or_where_it_tells_none(
    of: type[systemd.Systemd] | type[launchd.Launchd], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROOST_TOKEN", raising=False)
    mine, other = of_home("/srv/a b"), of_home("/srv/other")
    manager = of({"HOME": str(tmp_path), "PATH": "/nowhere"})
    files = manager.files(setup_of(mine))
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with pytest.raises(ServiceError, match="`roost --home '/srv/a b' service uninstall`"):
        uninstall(other, manager)
    assert all(path.exists() for path in files)
    assert uninstall(mine, manager) == tuple(files)
    daemon, *_ = files
    daemon.write_text(files[daemon][:100])
    assert uninstall(other, manager) == (daemon,)


class Manager(systemd.Systemd):
    """One that runs the daemon, and does not answer when it is to go by the files."""

    def __init__(self, folder: Path) -> None:
        super().__init__({"HOME": str(folder)})
        self.answers = False
        self.changed: list[bool] = []

    def check(self) -> None:
        """It is there."""

    def state(self) -> str:
        return "active"

    timer_state = state

    def apply(self, *, changed: bool) -> None:
        self.changed.append(changed)
        if not self.answers:
            raise ServiceError("no answer")

    def leave(self) -> None:
        """Nothing runs."""

    forget = leave


def test_an_installation_that_was_cut_off_is_finished_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ROOST_HOME": "/srv/r", "PATH": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ROOST_TOKEN", raising=False)
    app, manager, refusals = App(), Manager(tmp_path), ["it could not start"]

    def check_start(_app: App, environ: dict[str, str]) -> None:
        assert (environ["ROOST_HOME"], environ["PATH"]) == ("/srv/r", "/nowhere")
        if refusals:
            raise StartError(refusals.pop())

    monkeypatch.setattr("roost.cli.service.install.check_start", check_start)
    with pytest.raises(StartError):
        install(app, manager)
    assert (list(tmp_path.iterdir()), manager.changed) == ([], []), "the daemon that runs goes on"
    monkeypatch.setattr("roost.cli.doctor_service.manager_for", lambda _platform: manager)
    for _ in range(2):
        with pytest.raises(ServiceError):
            install(app, manager)
        assert "was cut off" in examine_service(app, up=True)[0]["detail"]
    manager.answers = True
    assert install(app, manager) == ((), False, True)
    assert install(app, manager) == ((), False, False)
    assert manager.changed == [True, True, True, False]
    assert examine_service(app, up=True)[0]["ok"]
    manager.answers = False
    monkeypatch.setenv("CODEX_HOME", "/srv/codex")
    with pytest.raises(ServiceError):
        install(app, manager)
    uninstall(app, manager)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


LAUNCHCTL = """#!/bin/sh
echo "$*" >> {folder}/calls
case "$1" in
print) test "$2" = "{domain}" || test -e "{folder}/$(basename "$2").loaded" ;;
bootstrap) if test -e "{folder}/busy"; then rm "{folder}/busy"; exit 5; fi
    touch "{folder}/$(basename "$3" .plist).loaded" ;;
bootout) rm "{folder}/$(basename "$2").loaded" 2>/dev/null || exit 3 ;;
esac
"""


def test_launchd_is_asked_in_order_and_a_job_that_still_leaves_is_waited_for(tmp_path: Path) -> None:
    program = tmp_path / "launchctl"
    program.write_text(LAUNCHCTL.format(folder=tmp_path, domain=f"gui/{os.getuid()}"))
    program.chmod(0o755)
    environ = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}
    manager = launchd.Launchd(environ, pauses=(0.0, 0.0))
    manager.check()
    (tmp_path / "busy").touch()
    manager.apply(changed=True)
    assert manager.timer_state() == "active"
    calls = [line.split()[0] for line in (tmp_path / "calls").read_text().splitlines()]
    assert [call for call in calls if call != "print"] == [
        *("bootout", "bootstrap", "bootstrap", "bootout", "bootstrap", "kickstart")
    ]
    manager.leave()
    assert manager.timer_state() == "inactive"
    manager.leave()
