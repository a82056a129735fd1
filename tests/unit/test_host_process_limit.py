"""The tightest limit of processes, in both versions of control groups."""

from pathlib import Path

from roost.host.process_limit import process_limit


def group(folder: Path, used: int, limit: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pids.current").write_text(f"{used}\n")
    (folder / "pids.max").write_text(f"{limit}\n")


def test_G12_the_tightest_of_all_groups_counts(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("8:pids:/old\n4:memory:/other\n0::/a/b\n")
    assert process_limit(own, tmp_path) is None
    group(tmp_path / "a/b", 10, "max")
    assert process_limit(own, tmp_path) is None
    group(tmp_path / "a", 60, "100")
    group(tmp_path / "pids/old", 10, "90")
    limit = process_limit(own, tmp_path)
    assert limit is not None
    assert (limit.used, limit.limit, limit.left, limit.file) == (60, 100, 40, tmp_path / "a/pids.max")
    group(tmp_path / "pids/old", 95, "90")
    limit = process_limit(own, tmp_path)
    assert limit is not None
    assert limit.left == 0
    assert process_limit(tmp_path / "none", tmp_path) is None
