"""Pane logs stay bounded while their writer goes on (P12)."""

from pathlib import Path

from roost.daemon.panes import trim


def test_P12_a_long_pane_log_is_moved_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 11)
        trim(log, 10)
        writer.write(b"more")
    assert log.read_bytes() == b"more"
    assert (tmp_path / "a.log.1").read_bytes() == b"x" * 11


def test_P12_a_short_or_missing_pane_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    trim(log, 10)
    assert not log.exists()
    log.write_bytes(b"x" * 10)
    trim(log, 10)
    assert log.read_bytes() == b"x" * 10
    assert [path.name for path in tmp_path.iterdir()] == ["a.log"]
