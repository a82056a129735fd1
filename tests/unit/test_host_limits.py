"""Raising the limit of open files."""

import subprocess
import sys


def test_limit_rises_to_the_hard_limit_and_never_falls() -> None:
    program = (
        "import resource; from roost.host.limits import raise_open_files as up\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 256))\n"
        "print(up(128), up(100), up(1000), resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout == "128 128 256 (256, 256)\n"
