"""What the scripts say to a user who may not install anything."""

import shutil
import subprocess
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "scripts/lib.sh"
HAVE = "have tmux, python3 and python3-venv installed and run this again"


def program(path: Path, *lines: str) -> None:
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("step", "missing"),
    [("setup_tmux", "tmux is missing"), ("base_python", "no Python 3.11 or later")],
)
def test_who_cannot_install_is_told_in_one_line_what_is_missing(
    tmp_path: Path, step: str, missing: str
) -> None:
    """Debian without sudo: nothing is tried that needs root."""
    tried = tmp_path / "tried"
    programs = tmp_path / "bin"
    programs.mkdir()
    dirname, bash = shutil.which("dirname"), shutil.which("bash")
    assert dirname is not None
    assert bash is not None
    (programs / "dirname").symlink_to(dirname)
    program(programs / "id", "echo 1000")
    program(programs / "apt-get", f"echo >{tried}")
    done = subprocess.run(
        [bash, "-c", f". '{LIBRARY}'; {step}", "demo"],
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"demo: {missing}; {HAVE}\n"
    assert not tried.exists()
