"""Each cell of the page of runtimes is held by tests that exist."""

import subprocess
import sys
from pathlib import Path

import pytest

from roost.probe.capabilities import Answer, Capability, rows
from tests.support.capability_tests import held_by, named

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 100.0
CELLS = [(row, capability) for row in rows() for capability in Capability]


@pytest.mark.slow
def test_every_test_that_holds_a_cell_is_one_that_pytest_finds() -> None:
    files = sorted({each.partition("::")[0] for each in named()})
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "-p",
            "no:cacheprovider",
            "--no-header",
            *files,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert named() - set(done.stdout.splitlines()) == set()


def test_every_cell_is_held_and_a_yes_by_a_program_that_runs() -> None:
    bare = [(row.runtime, capability) for row, capability in CELLS if not held_by(row.runtime, capability)]
    assert bare == [], "no test is named"
    unseen = [
        (row.runtime, capability)
        for row, capability in CELLS
        if row.answers[capability] is not Answer.NO
        if all(each.startswith("tests/unit/") for each in held_by(row.runtime, capability))
    ]
    assert unseen == [], "no test has a program running"
