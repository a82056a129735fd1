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


@pytest.mark.parametrize("tmux", [True, False], ids=["tmux", "no tmux"])
def test_the_quick_tests_need_neither_tmux_nor_npm(tmp_path: Path, tmux: bool) -> None:
    programs, told = tmp_path / "bin", tmp_path / "told"
    for folder in (programs, tmp_path / "scripts", tmp_path / "requirements", tmp_path / ".venv/bin"):
        folder.mkdir(parents=True)
    for name in ("bash", "cat", "cksum", "dirname", "getconf", "uname"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    program(programs / "apt-get", f"echo apt-get >>{told}")
    if tmux:
        program(programs / "tmux")
    for name in ("lib.sh", "test"):
        shutil.copy(LIBRARY.parent / name, tmp_path / "scripts")
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "requirements/dev.txt").touch()
    program(tmp_path / ".venv/bin/python", '[ "$1" = -c ] && exit', f'echo "$@" >>{told}')
    stamp = ". scripts/lib.sh; stamp_of dev >.venv/.roost-dev"
    environ = {"PATH": str(programs), "HOME": str(tmp_path)}
    subprocess.run([programs / "bash", "-c", stamp], cwd=tmp_path, env=environ, check=True)
    done = subprocess.run(
        [tmp_path / "scripts/test", "--quick", "-x"], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    compiled, line = told.read_text().splitlines()
    assert compiled == "-m compileall -q src tests/support"
    assert line.startswith("-m pytest ")
    assert line.endswith(" tests/unit tests/property tests/contract -x")
    assert ("-m not tmux" in line, "no tmux: " in done.stderr) == (not tmux, not tmux)
