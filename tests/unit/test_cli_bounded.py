"""F18: a look that hangs is told, and holds up no other."""

import threading

import pytest

from roost.cli import doctor
from roost.cli.bounded import side_by_side
from roost.local.paths import find_places


def test_F18_a_look_that_hangs_does_not_hide_what_the_others_found() -> None:
    stuck = threading.Event()

    def hangs() -> list[str]:
        stuck.wait()
        return []

    assert side_by_side([lambda: ["one"], hangs, lambda: ["two", "three"]], 0.1) == [
        ["one"],
        None,
        ["two", "three"],
    ]
    stuck.set()


def test_F18_doctor_names_the_look_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = threading.Event()
    monkeypatch.setattr(doctor, "_SECONDS", 1.0)
    monkeypatch.setattr(doctor, "_store", lambda _path, *, up: [stuck.wait(), up])
    found = {one["check"]: one for one in doctor.examine(find_places({"HOME": "/not/there"}, None), up=False)}
    assert found["hung disk"]["ok"] is False
    assert found["hung disk"]["detail"] == "not looked at within 1 s: store"
    assert found["python"]["ok"] is True
    stuck.set()
