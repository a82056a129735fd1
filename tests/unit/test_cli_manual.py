"""15.7: roost(1) is what the code says, and what the programs for manual pages read without a complaint."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from roost.cli.catalog import MODULES
from roost.cli.manual import text
from roost.cli.reference import FOLDER

PAGE = FOLDER / "roost.1"


def test_every_command_is_in_it() -> None:
    page = PAGE.read_text().replace("\\-", "-")
    assert [name for name in MODULES if not re.search(rf'^\.B "roost {name}[ "]', page, re.MULTILINE)] == []


def test_nothing_in_a_text_is_taken_for_a_request_or_an_escape() -> None:
    assert text(".x -a \\n `b` ~ ^") == "\\&.x \\-a \\en \\(gab\\(ga \\(ti \\(ha"
    assert text("'x") == "\\&'x"
    assert text(f"{'a' * 79} .b").splitlines()[1] == "\\&.b"


def test_it_is_shown_as_it_is_meant() -> None:
    if shutil.which("mandoc") is None:
        problem = "there is no mandoc; `scripts/test` installs it"
        if os.environ.get("CI"):
            pytest.fail(problem)
        pytest.skip(problem)
    shown = subprocess.run(["mandoc", "-Tutf8", str(PAGE)], capture_output=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, b"")
    words = " ".join(re.sub(".\b", "", shown.stdout.decode()).split())
    for part in ("coding-agent command lines", "--home DIR", "`roost service install`", "EXIT STATUS"):
        assert part in words
    lint = subprocess.run(["mandoc", "-Tlint", str(PAGE)], capture_output=True, text=True, check=False)
    # A date would make a page of its own of each day.
    assert [line for line in lint.stdout.splitlines() if "missing date" not in line] == []


def test_the_wheel_takes_it_along() -> None:
    root = Path(__file__).resolve().parents[2]
    wheel = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["shared-data"] == {str(PAGE.relative_to(root)): "share/man/man1/roost.1"}
