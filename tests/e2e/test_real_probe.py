"""`roost probe` with the real CLIs: every promise, on the version that is pinned."""

import json
import subprocess
from typing import Any

import pytest

from roost.local.proven import Probed, write_probe
from roost.present.finding import Code
from tests.support import clis
from tests.support.cures import Case, Doctor, tool
from tests.support.daemon import Roost
from tests.support.home import Home
from tests.support.lookups import Lookups, lookups
from tests.support.real import PROGRAMS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


NO_RESUME = {"gemini-acp"}
"""Gemini CLI 0.61.0 over ACP loads no conversation in the minute in which it began, and says so."""

NEWS = "raw.githubusercontent.com"
LOOKS_UP = {"claude": {"api.anthropic.com", NEWS}, "codex": {NEWS}, "codex-thread": {NEWS}}
"""Where Claude Code 2.1.332 and Codex 0.171.0 read what is new, as their users have them."""


@pytest.mark.parametrize(
    "runtime",
    ["claude", "codex-thread", "gemini", "opencode", "claude-acp", "gemini-acp", "opencode-acp"],
)
def test_every_promise_is_kept_with_the_pinned_version(home: Home, runtime: str) -> None:
    cli = clis.require(PROGRAMS[runtime])
    roost = Roost(home)
    environ = {**roost.environ, "PATH": f"{cli.path.parent}:{roost.environ['PATH']}"}
    with lookups(home.root) as seen:
        done = subprocess.run(
            seen.watched([*roost.program(), "probe", runtime, "--json"]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environ,
            cwd=home.work,
            timeout=1000,
            check=False,
        )
    rows = kept(runtime, seen, done)
    assert cli.version in rows[0]["seen"]


def kept(runtime: str, seen: Lookups, done: subprocess.CompletedProcess[Any]) -> list[dict[str, str]]:
    """What the probe printed: each promise is kept."""
    assert set(seen.names) <= LOOKS_UP.get(runtime, set()), "it talks to this machine alone"
    rows: list[dict[str, str]] = json.loads(done.stdout)
    missed = {row["check"]: (row["result"], row["seen"]) for row in rows if row["result"] != "passed"}
    if runtime in NO_RESUME:
        assert missed.pop("kill and resume", ("not tried",))[0] == "not tried"
    assert missed == {}
    assert (done.returncode, len(rows)) == (0, 9)
    return rows


def test_every_promise_is_kept_with_an_update_that_was_not_tried_or_has_failed(home: Home) -> None:
    """An update of Codex that changes nothing but its number: the real program behind a wrapper.

    Both findings of doctor name the probe as their cure; it is run once.
    """
    cli = clis.require("codex")
    roost = Roost(home)
    roost.places.state.mkdir(mode=0o700, parents=True)
    untried, failing = Case(Code.PROGRAM_UNPROVEN, check="codex"), Case(Code.PROGRAM_FAILS, check="codex")
    with lookups(home.root) as seen:
        doctor = Doctor(roost, below=seen.watched([]))
        newer = f'if [ "$1" = --version ]; then echo "codex-cli 9.9.9"; else exec {cli.path} "$@"; fi'
        tool(doctor.tools, "codex", newer)
        (first,) = doctor.sees(untried)
        write_probe(roost.places.state, "codex", Probed("9.9.9", 1.0, ("permission",)))
        (second,) = doctor.sees(failing)
        assert first.fix == second.fix
        rows = kept("codex", seen, doctor.run(f"{second.fix} --json"))
        assert "9.9.9" in rows[0]["seen"]
        doctor.sees_none(untried, failing)
