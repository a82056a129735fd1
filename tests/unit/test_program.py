"""Which code a folder holds."""

import os
from pathlib import Path

import pytest

from roost.local.program import code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small program."""
    made = tmp_path / "roost"
    (made / "room").mkdir(parents=True)
    for name in ("__init__.py", "a.py", "room/__init__.py", "room/b.py"):
        (made / name).write_text(f"# {name}\n")
    return made


def test_the_same_files_are_the_same_code_wherever_they_are(folder: Path, tmp_path: Path) -> None:
    before = code(folder)
    assert before is not None
    folder.rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/room/__pycache__").mkdir()
    (tmp_path / "elsewhere/room/__pycache__/b.cpython-311.pyc").touch()
    assert code(tmp_path / "elsewhere") == before


def test_the_order_in_which_a_disk_lists_them_does_not_count(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, walk = code(folder), os.walk
    monkeypatch.setattr(os, "walk", lambda top: reversed([*walk(top)]))
    assert code(folder) == before


def test_each_byte_and_each_name_counts(folder: Path) -> None:
    seen = {code(folder)}
    (folder / "room/b.py").write_text("# other\n")
    seen.add(code(folder))
    (folder / "room/b.py").rename(folder / "room/c.py")
    seen.add(code(folder))
    (folder / "room/c.py").rename(folder / "c.py")
    seen.add(code(folder))
    (folder / "c.py").unlink()
    seen.add(code(folder))
    assert len(seen) == 5
    assert None not in seen


def test_what_cannot_be_read_is_no_code(folder: Path, tmp_path: Path) -> None:
    (folder / "room/b.py").unlink()
    (folder / "room/b.py").symlink_to(tmp_path / "nowhere")
    assert code(folder) is None
    assert code(tmp_path / "nowhere") is None
    assert code(tmp_path) is None
