"""The name server of tests/support/lookups.py sees what a program asks for."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.lookups import lookups

pytestmark = pytest.mark.real


def test_a_name_that_a_program_looks_up_is_seen(tmp_path: Path) -> None:
    with lookups(tmp_path) as seen:
        if seen.configuration is None:
            pytest.skip("no name server of one's own here: that CLIs look up no names is not seen")
        program = "import socket; socket.getaddrinfo('some.example', 80)"
        done = subprocess.run(
            seen.watched([sys.executable, "-c", program]),
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    assert done.returncode == 1
    assert "gaierror" in done.stderr
    assert "some.example" in seen.names
