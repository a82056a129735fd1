"""`roost probe`: a runtime that keeps its promises passes, one that does not is named; nothing is left."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from roost.local.config import Config, load_config
from roost.local.excerpt import excerpt
from roost.local.proven import PROVEN, read_probes
from tests.support.clis import pinned
from tests.support.daemon import PATIENCE, Roost
from tests.support.door import PYTHON
from tests.support.home import Home
from tests.support.processes import carrying
from tests.support.wait import wait_until

CHECKS = [
    *("version", "start", "kill and resume", "whole messages", "order", "busy and interrupt"),
    *("permission", "idle sleep", "empty tree"),
]


@pytest.fixture
def roost(home: Home) -> Roost:
    """No daemon: a probe has one of its own."""
    made = Roost(home)
    made.places.state.mkdir(mode=0o700, parents=True)
    return made


def program(roost: Roost, name: str, text: str) -> None:
    """A program of that name, the first on the path."""
    tools = roost.home.root / "tools"
    tools.mkdir(exist_ok=True)
    path = tools / name
    path.write_text(text)
    path.chmod(0o755)
    roost.environ["PATH"] = f"{tools}:{roost.environ['PATH']}"


def finding(roost: Roost, check: str) -> dict[str, str]:
    found = json.loads(roost.cli("doctor", "--json").stdout)
    return next(each for each in found if each["check"] == check)


OF_THE_USER = """
from = "me"
pass = ["MY_*"]
[questions]
expire = "1s"
[[questions.allow]]
tool = "*"
[groups]
team = ["probed"]
[[notify]]
name = "phone"
on = ["question", "blocked", "mail"]
command = ["/usr/bin/touch", "TOLD"]
"""


@pytest.mark.tmux
def test_a_runtime_that_keeps_every_promise_passes_and_leaves_nothing(roost: Roost) -> None:
    """Whatever else the user has configured: it is of no account to a probe, and nobody is told of one."""
    told = roost.home.root / "told"
    roost.places.config.write_text(OF_THE_USER.replace("TOLD", str(told)))
    done = roost.cli("probe", "demo", "--json", patience=2 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)
    assert [row["check"] for row in rows] == CHECKS
    assert {row["result"] for row in rows} == {"passed"}, rows
    assert all(set(row) == {"check", "result", "seen", "seconds"} for row in rows)
    assert read_probes(roost.places.state)["demo"].failed == ()
    assert not roost.places.run.exists()
    assert not told.exists()


def test_a_probe_takes_of_the_configuration_what_starts_programs(tmp_path: Path) -> None:
    path, part = tmp_path / "config.toml", tmp_path / "part.toml"
    assert excerpt(path) == ""
    path.write_text(
        OF_THE_USER
        + dedent(r"""
            [runtimes.mute]
            argv = ["mute", "a \"b\" \\ \u007f é"]
            ready = '^\$ $'
            ready_is_empty = true
            longest_paste = 3
            env = {"A B" = "x"}
            [runtimes.other]
            acp = ["other"]
            meta = {when = 2026-01-01T00:00:00Z, deep = {at = [1.5, inf, {}]}}
        """)
    )
    part.write_text(excerpt(path))
    whole, taken = load_config(path), load_config(part)
    assert (taken.runtimes, taken.passes) == (whole.runtimes, ("MY_*",))
    assert taken == Config(runtimes=whole.runtimes, passes=whole.passes)


@pytest.mark.tmux
def test_a_program_that_updated_itself_and_broke_is_named_and_doctor_says_so(roost: Roost) -> None:
    program(roost, "claude", '#!/bin/sh\nif test "$1" = --version; then echo "9.9.9 (X)"; else exit 3; fi\n')
    before = finding(roost, "claude")
    assert (before["code"], before["fix"]) == ("program-unproven", "roost probe claude")
    done = roost.cli("probe", "claude")
    assert done.returncode == 1
    assert "start" in done.stdout
    assert f"with 9.9.9, other than with {PROVEN['claude']}, these fail: start" in done.stdout
    assert "Traceback" not in done.stderr
    after = finding(roost, "claude")
    assert (after["code"], after["ok"]) == ("program-fails", False)
    assert "start" in after["detail"]


@pytest.mark.tmux
def test_a_program_of_the_configuration_that_shows_no_prompt_fails_and_is_ended(roost: Roost) -> None:
    program(roost, "mute", f"#!{sys.executable}\nimport sys, time\nprint('hello', flush=True)\nsys.exit(4)\n")
    roost.places.config.write_text('[runtimes.mute]\nargv = ["mute"]\nready = "^never$"\n')
    done = roost.cli("probe", "mute", "--json")
    assert done.returncode == 1
    results = {row["check"]: row["result"] for row in json.loads(done.stdout)}
    assert results["start"] == "failed"
    assert results["empty tree"] == "passed"
    assert "order" not in results


@pytest.mark.tmux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_N7_an_interrupted_probe_leaves_nothing(roost: Roost, number: signal.Signals) -> None:
    """Ctrl-C, a job that is cancelled, a terminal that is closed: its daemon and an agent lived on."""
    where = roost.home.work / "where"
    script = f'test "$1" = --version && exit 3\necho $HOME > {where}.new; mv {where}.new {where}; exec cat\n'
    program(roost, "mute", f"#!/bin/sh\n{script}")
    roost.places.config.write_text('[runtimes.mute]\nargv = ["mute"]\nready = "^never$"\n')
    with subprocess.Popen([*PYTHON, "probe", "mute"], env=roost.environ, stdout=subprocess.DEVNULL) as probe:
        wait_until(where.exists, timeout=PATIENCE, why="its agent runs")
        home = Path(where.read_text().strip())
        probe.send_signal(number)
        assert probe.wait(PATIENCE) == 128 + number
    assert not home.parent.exists()
    assert not carrying(f"HOME={home}")


def test_an_unknown_runtime_is_refused_with_the_known_ones(roost: Roost) -> None:
    done = roost.cli("probe", "nosuch")
    assert (done.returncode, done.stdout) == (2, "")
    assert "known are aider, claude, " in done.stderr


def test_what_a_release_says_it_was_proven_with_is_what_its_tests_run_with() -> None:
    program = {"codex-thread": "codex"}
    assert {name: pinned(program.get(name, name)) for name in PROVEN} == PROVEN


def test_a_file_of_probes_that_is_no_such_file_means_that_nothing_was_probed(tmp_path: Path) -> None:
    for content in (b"", b"[]", b'{"claude": 3}', b'{"claude": {"version": 1}}', b"\xff"):
        (tmp_path / "probes.json").write_bytes(content)
        assert read_probes(tmp_path) == {}
