"""The tightest limit of processes, in both versions of control groups."""

from pathlib import Path

from roost.host.process_room import process_room


def group(folder: Path, used: int, limit: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pids.current").write_text(f"{used}\n")
    (folder / "pids.max").write_text(f"{limit}\n")


def test_G12_the_tightest_of_all_groups_counts(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("8:pids:/old\n4:memory:/other\n0::/a/b\n")
    assert process_room(own, tmp_path) is None
    group(tmp_path / "a/b", 10, "max")
    assert process_room(own, tmp_path) is None
    group(tmp_path / "a", 60, "100")
    group(tmp_path / "pids/old", 10, "90")
    room = process_room(own, tmp_path)
    assert room is not None
    assert (room.used, room.limit, room.left, room.file) == (60, 100, 40, tmp_path / "a/pids.max")
    group(tmp_path / "pids/old", 95, "90")
    room = process_room(own, tmp_path)
    assert room is not None
    assert room.left == 0
    assert process_room(tmp_path / "none", tmp_path) is None
