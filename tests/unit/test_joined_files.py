"""What hooks that a person has added find of the sessions that have joined (17)."""

from pathlib import Path

import pytest

from roost.daemon.session.joined_files import find, holders, put, take_back


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state/joined"


def test_17_each_is_found_by_its_conversation_until_it_leaves(folder: Path) -> None:
    place = put(folder, "conv-1", "http://127.0.0.1:1", "secret", "s1")
    assert place is not None
    assert place.read_text().split() == ["http://127.0.0.1:1", "secret", "s1"]
    assert (place.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    put(folder, "conv-2", "http://127.0.0.1:1", "other", "s2")
    assert holders(folder) == {"s1", "s2"}
    moved = place.rename(place.with_name("conv-3"))  # it goes on with another conversation
    assert find(folder, "s1") == moved
    take_back(folder, "s1")
    take_back(folder, "s1")  # twice is once
    assert (find(folder, "s1"), holders(folder)) == (None, {"s2"})
    take_back(folder, "s2")
    assert not folder.exists()  # the shell of each hook looks for it


def test_17_what_is_no_file_of_ours_is_nobody(folder: Path) -> None:
    assert put(folder, "../conv", "url", "secret", "s1") is None
    assert holders(folder) == set()
    put(folder, "conv", "url", "secret", "s1")
    (folder / "half").write_text("url")
    assert holders(folder) == {"s1"}
