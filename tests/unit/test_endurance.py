"""The judge of the hour sees what it is there to see: each defect is planted in front of it."""

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.session import Cause, Death
from tests.support import endurance
from tests.support.endurance import Endurance
from tests.support.endurance_series import Series
from tests.support.store_samples import death, session

NOW = time.time()


class Planted:
    """A run that was over before it began: what it saw is planted."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.deaths: list[Death] = []
        self.attempts: dict[str, list[str]] = {}
        self._truth = folder / "truth.jsonl"
        self._truth.touch()
        roost = SimpleNamespace(
            home=SimpleNamespace(root=folder),
            places=SimpleNamespace(database=folder / "roost.db"),
            truth=self._truth,
            message=lambda id_: {"to": "p1", "attempts": [{"session": each} for each in self.attempts[id_]]},
            row=lambda name: {"name": name},
        )
        monkeypatch.setattr(endurance, "Reader", lambda _path: self.reader())
        self.run = Endurance(cast("Any", roost), "nonce", minutes=60, peers=3, seed=1)
        for each in self.run.gauges.all:
            each.points += [(0.0, 1.0), (3600.0, 1.0)]

    def ended(self, cause: Cause, at: float = NOW) -> None:
        """One more session has ended."""
        self.deaths.append(replace(death(session("p1", len(self.deaths) + 1), at), cause=cause))

    def accepted(self, id_: str, *sessions: str) -> None:
        """A message was accepted, and shown to its recipient in each of these sessions."""
        self.run.load.accepted.append(id_)
        self.run.load.states["done"] += 1
        self.attempts[id_] = list(sessions)
        prompts = [{"event": "prompt", "text": f"[roost message {id_} from operator]\nhi"} for _ in sessions]
        with self._truth.open("a") as file:
            file.writelines(json.dumps(each) + "\n" for each in prompts)

    def wrong(self) -> list[str]:
        """The judgement."""
        self.run._take_deaths()
        return self.run.load.wrong + self.run._judge()

    def reader(self) -> Any:  # noqa: ANN401 -- what stands for the store's reader
        return SimpleNamespace(deaths=lambda _peer, _limit: self.deaths, close=lambda: None)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planted:
    return Planted(tmp_path, monkeypatch)


A, B = "a" * 32, "b" * 32


def test_a_run_in_which_all_is_well_passes(planted: Planted) -> None:
    planted.ended(Cause.IDLE_SLEEP)
    planted.accepted(A, "p1-1")
    assert planted.wrong() == []


def test_N4_lost_doubled_and_refused_messages_are_seen(planted: Planted) -> None:
    planted.accepted(A)
    planted.accepted(B, "p1-1", "p1-1")
    planted.run.load.states["dead-letter"] = 1
    lost, doubled, refused = planted.wrong()
    assert lost == f"1 lost, the first {A}"
    assert doubled.startswith("1 shown twice, the first ")
    assert refused == "1 ended as dead-letter"


def test_N5_an_agent_that_ended_in_health_is_seen(planted: Planted) -> None:
    planted.ended(Cause.CRASHED)
    (said,) = planted.wrong()
    assert said.startswith("a healthy agent ended: ")
    assert "p1: crashed" in said


def test_what_a_full_disk_explains_is_excused_and_nothing_else(planted: Planted) -> None:
    """Its own time only, and the turns of what it ended only."""
    planted.run.load.fill()
    planted.ended(Cause.CRASHED, at=time.time() + 1)
    planted.ended(Cause.OPERATOR_STOP, at=time.time() + 1)
    planted.ended(Cause.BOOT_FAILED, at=NOW - 1000)
    planted.accepted(A, "p1-1", "p1-9")
    planted.accepted(B, "p1-7", "p1-8")
    stopped, early, doubled = planted.wrong()
    assert "operator-stop" in stopped
    assert "boot-failed" in early
    assert doubled.startswith("1 shown twice, the first ")


def test_growth_is_seen_and_noise_is_none() -> None:
    grows, flat = Series("x", "MiB", 4.0), Series("y", "MiB", 4.0)
    for minute in range(60):
        grows.points.append((minute * 60.0, 80 + minute * 0.1))
        flat.points.append((minute * 60.0, 80.0 + minute * 7 % 10))
    assert grows.wrong(1200) == "x: grows by 6 MiB an hour, flat is 4"
    assert flat.wrong(1200) is None
    bounded = Series("z", "MiB", 0.0, most=64.0, points=[(0.0, 10.0), (1.0, 65.0), (2.0, 10.0)])
    assert bounded.wrong(1200) == "z: 65 MiB, at most 64"
