"""Hooks in settings that somebody else keeps: put there, and taken out to the byte (17)."""

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from roost.daemon.session import hook_settings
from roost.daemon.session.hook_settings import drop, holders, put, stand, take_back
from roost.errors import RefusedError
from roost.runtimes.joining import HookSettings
from roost.store.codec import Shape


def hooks(path: Path, token: str) -> HookSettings:
    return HookSettings(
        path, {"Stop": [{"hooks": [{"type": "http", "token": token}]}], "New": [{"t": token}]}
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w/.claude/settings.local.json"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
def test_17_what_was_not_there_is_gone_in_whichever_order_they_leave(
    path: Path, notes: Path, order: tuple[str, ...]
) -> None:
    path.parent.parent.mkdir()
    for name in "abc":
        put(notes, name, hooks(path, name))
    assert len(json.loads(path.read_text())["hooks"]["Stop"]) == 3
    assert holders(notes) == set("abc")
    for name in order:
        take_back(notes, name)
        take_back(notes, name)  # twice is once
    assert list(path.parent.parent.iterdir()) == []
    assert list(notes.iterdir()) == []


@pytest.mark.parametrize("depth", [400, 980, 5000])
def test_17_settings_that_are_nested_too_deep_are_refused_and_left_alone(
    path: Path, notes: Path, depth: int
) -> None:
    path.parent.mkdir(parents=True)
    before = f'{{"a": {"[" * depth}{"]" * depth}}}'
    path.write_text(before)
    for use in (lambda: put(notes, "a", hooks(path, "a")), lambda: stand(hooks(path, "a"))):
        with pytest.raises(RefusedError, match="it is nested deeper than 300 levels; mend it"):
            use()
    assert path.read_text() == before
    take_back(notes, "a")


@pytest.mark.parametrize(
    "before",
    [
        "{}",
        "",
        f'{{"a": {"[" * 299}{"]" * 299}}}',
        '{ "hooks": {"Stop": [{"hooks": []}]}, "a": "\\u00e9" }',
        "{\n\n}",
    ],
)
def test_17_what_was_there_is_the_same_to_the_byte(path: Path, notes: Path, before: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(before)
    path.chmod(0o664)
    put(notes, "a", hooks(path, "a"))
    assert path.stat().st_mode & 0o777 == 0o600
    put(notes, "b", hooks(path, "b"))
    take_back(notes, "a")
    assert path.stat().st_mode & 0o777 == 0o600  # it holds the other one's token
    take_back(notes, "b")
    assert path.read_text() == before
    assert path.stat().st_mode & 0o777 == 0o664


def test_17_what_others_changed_meanwhile_stays(path: Path, notes: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text('{"a": 1}')
    path.chmod(0o664)
    put(notes, "a", hooks(path, "a"))
    now: dict[str, Any] = json.loads(path.read_text())
    now["hooks"]["Stop"].append({"theirs": True})
    path.write_text(json.dumps({**now, "a": 2}))
    take_back(notes, "a")
    assert json.loads(path.read_text()) == {"a": 2, "hooks": {"Stop": [{"theirs": True}]}}
    assert path.stat().st_mode & 0o777 == 0o664  # no token of ours is left in it


def test_17_bytes_that_are_no_text_are_the_same_again(path: Path, notes: Path) -> None:
    path.parent.mkdir(parents=True)
    before = b'{"a": "\xff\xfe"}'
    path.write_bytes(before)
    put(notes, "a", hooks(path, "a"))
    assert b"\xff\xfe" in path.read_bytes()
    take_back(notes, "a")
    assert path.read_bytes() == before


@pytest.mark.parametrize("meanwhile", [None, "{", "[]"])
def test_17_what_others_made_of_it_is_theirs(path: Path, notes: Path, meanwhile: str | None) -> None:
    path.parent.mkdir(parents=True)
    put(notes, "a", hooks(path, "a"))
    path.unlink()
    if meanwhile is not None:
        path.write_text(meanwhile)
    take_back(notes, "a")
    assert (path.read_text() if path.exists() else None) == meanwhile
    assert holders(notes) == set()


def test_17_a_link_stays_one(path: Path, notes: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    place = tmp_path / "dotfiles.json"
    place.write_text("{}")
    path.symlink_to(place)
    put(notes, "a", hooks(path, "a"))
    assert "hooks" in json.loads(place.read_text())
    take_back(notes, "a")
    assert (path.is_symlink(), place.read_text()) == (True, "{}")


def test_17_a_link_to_nothing_is_one_again(path: Path, notes: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    place = tmp_path / "dotfiles.json"
    path.symlink_to(place)
    put(notes, "a", hooks(path, "a"))
    assert "hooks" in json.loads(place.read_text())
    take_back(notes, "a")
    assert (path.is_symlink(), place.exists()) == (True, False)


@pytest.mark.parametrize("text", ["{", "[]", '{"hooks": 5}'])
def test_17_what_holds_no_settings_is_refused_and_left(path: Path, notes: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(RefusedError, match="mend it"):
        put(notes, "a", hooks(path, "a"))
    assert path.read_text() == text
    assert holders(notes) == set()


def test_17_one_that_leaves_takes_no_note_of_others_apart(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds may have joined in as many folders; each of their ends took all notes apart."""
    for name in "abcdefgh":
        put(notes, f"session-{name}", hooks(tmp_path / name / "settings.json", name))
    taken_apart: list[str] = []
    value = Shape.value

    def noted(shape: Shape[Any], text: str) -> object:
        taken_apart.append(text)
        return value(shape, text)

    monkeypatch.setattr(Shape, "value", noted)
    take_back(notes, "session-c")
    assert len(taken_apart) == 1
    assert len(list(notes.iterdir())) == 7


def test_17_a_note_that_goes_meanwhile_keeps_nobodys_hooks(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two leave at a time: the note of the one goes while the other one's is looked for."""
    for name in "ab":
        put(notes, name, hooks(tmp_path / name / "settings.json", name))
    listed, glob = sorted(notes.glob("*.json")), Path.glob
    mine = next(place for place in listed if '"a":' in place.read_text())
    take_back(notes, "b")
    monkeypatch.setattr(Path, "glob", lambda *_: [place for place in listed if place != mine] + [mine])
    take_back(notes, "a")
    monkeypatch.setattr(Path, "glob", glob)
    assert list(notes.iterdir()) == []


@pytest.mark.parametrize("leaves", [("b", "a"), ("a",)])
def test_17_settings_that_go_with_their_folder_while_one_leaves_keep_no_note(
    path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch, leaves: tuple[str, ...]
) -> None:
    path.parent.mkdir(parents=True)
    path.write_text('{"a": 1}')
    for name in leaves:
        put(notes, name, hooks(path, name))
    write = hook_settings.write_atomic

    def late(place: Path, data: bytes, *, mode: int = 0o600) -> None:
        if place == path:
            shutil.rmtree(path.parent)
        write(place, data, mode=mode)

    monkeypatch.setattr(hook_settings, "write_atomic", late)
    for name in leaves:
        take_back(notes, name)
    assert holders(notes) == set()
    assert not path.parent.exists()


def test_17_hooks_whose_note_is_lost_are_taken_out_by_what_they_are(path: Path, notes: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text('{"hooks": {"Stop": [{"theirs": 1}]}, "a": 1}')
    path.chmod(0o644)
    wanted = hooks(path, "a")
    assert not stand(wanted)
    put(notes, "a", wanted)
    assert stand(wanted)
    for note in notes.iterdir():
        note.unlink()
    assert drop(wanted)
    assert json.loads(path.read_text()) == {"hooks": {"Stop": [{"theirs": 1}]}, "a": 1}
    held = path.read_bytes()
    assert not drop(wanted)
    assert path.read_bytes() == held
