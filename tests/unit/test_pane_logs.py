"""F14: pane logs are bounded by bytes, and begun anew by whoever finds that they are not written."""

import os
import subprocess
from pathlib import Path

import pytest

from roost.host.tmux.pane_log import pane_log_script

SIZE = 64 * 1024


def written(log: Path, data: bytes, size: int = SIZE) -> None:
    subprocess.run(["sh", "-c", pane_log_script(log, size)], input=data, check=True, timeout=20)


def test_G8_F14_a_log_is_bounded_by_bytes_and_its_end_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "a #S %H 'b'.log"
    lines = b"".join(b"line %06d\n" % number for number in range(100_000))
    written(log, lines)
    old = tmp_path / f"{log.name}.1"
    assert SIZE // 2 < old.stat().st_size <= SIZE
    assert 0 < log.stat().st_size <= SIZE
    assert lines.endswith(log.read_bytes())
    assert old.read_bytes() in lines
    assert sorted(tmp_path.iterdir()) == [log, old]
    assert log.stat().st_mode & 0o777 == 0o600


def test_F14_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    written(log, b"one\n")
    written(log, b"two\n")
    assert log.read_bytes() == b"one\ntwo\n"


def test_F14_output_that_cannot_be_written_holds_nobody_up(tmp_path: Path) -> None:
    """A file stands in place of the folder."""
    (tmp_path / "folder").write_text("")
    written(tmp_path / "folder" / "a.log", b"x" * (8 << 20))


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_F14_a_program_path_without_tools_is_no_matter(tmp_path: Path, path: str) -> None:
    log = tmp_path / "a.log"
    command = ["/bin/sh", "-c", pane_log_script(log, SIZE)]
    subprocess.run(command, input=b"x", check=True, timeout=20, env={**os.environ, "PATH": path})
    assert log.read_bytes() == b"x"
