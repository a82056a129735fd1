"""The pages about the real programs, walked with them: each command as printed, at 80 columns."""

import os

import pytest

from roost.fake_model import FakeModel
from roost.probe import homes
from tests.support import clis
from tests.support.home import Home
from tests.support.walk import REAL, Leave, commands, walker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
ASKED = Leave(b"Would you like to run", b"\x02d")
"""How a terminal of Codex is left whose dialog is open."""


def test_a_walk_with_the_real_programs(home: Home) -> None:
    """Somebody who has logged in to each. Codex is told to do what it asks a person about."""
    programs = [clis.require(name) for name in ("claude", "codex", "gemini", "opencode")]
    with FakeModel() as model:
        folder = home.work / "src/app"
        claude = homes.seed_claude(home.work, model.url, folder)
        codex = homes.seed_codex(home.work, model.url, folder)
        gemini = homes.seed_gemini(home.work, model.url, folder)
        opencode = homes.seed_opencode(home.work, model.url, folder)
        (home.work / ".local/state/opencode/kv.json").unlink()  # it draws what moves, as for most
        with (home.work / ".codex/config.toml").open("a") as file:
            file.write("[features]\nplugins = false\n")
        home.roost.mkdir(mode=0o700)
        (home.roost / "config.toml").write_text('pass = ["FAKE_KEY"]\n')
        path = os.pathsep.join([*(str(cli.path.parent) for cli in programs), os.environ["PATH"]])
        seeds = (claude.environ, codex.environ, gemini.environ, opencode.environ)
        environ = {**os.environ, **{name: each[name] for each in seeds for name in each}, "PATH": path}
        environ["XDG_CONFIG_HOME"] = str(home.work / ".config")
        with walker(home, environ, NAME="scout") as user:
            user.left["roost attach"] = ASKED
            (folder / "mine.json").write_text("{}")
            user.run("roost up")
            page, *others = REAL
            for line in commands(page):
                if line == "roost list":
                    user.run("roost send fixer '@@bash touch made@@'")
                    user.run("roost wait fixer --for blocked --timeout 120")
                shown = user.run(line)
                if line == "roost list":
                    assert "a dialog is open: Would you like to run" in shown
            for other in others:
                user.walk(other)
