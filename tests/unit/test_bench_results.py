"""How benchmarks judge, show and exit."""

import json
from dataclasses import replace

import pytest

from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.result import Result, p50, p95
from roost.errors import StoreError

GOOD = Result(
    name="fast",
    what="something",
    unit="ms",
    measured=6.0,
    floor=2.0,
    floor_is="nothing",
    judged_as="p50",
    judged=6.0,
    target=6.0,
    details={"p95 ms": 7.5},
)
BAD = replace(GOOD, name="slow", judged=6.1)


def test_a_target_is_met_by_its_very_value() -> None:
    assert GOOD.passed
    assert not BAD.passed
    assert replace(GOOD, more_is_better=True).passed
    assert replace(BAD, more_is_better=True).passed
    assert not replace(GOOD, judged=5.9, more_is_better=True).passed


def test_the_ratio_is_that_of_the_measured_value_to_the_floor() -> None:
    assert GOOD.ratio == 3.0


def test_percentiles() -> None:
    values = [float(value) for value in range(101)]
    assert (p50(values), p95(values)) == (50.0, 95.0)
    assert (p50([4.0]), p95([4.0])) == (4.0, 4.0)


def test_the_table_shows_value_floor_ratio_target_and_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {"fast": lambda: GOOD, "slow": lambda: BAD}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["BENCHMARK", "MEASURED", "FLOOR", "RATIO", "JUDGED", "TARGET", "RESULT"]
    assert lines[1].split() == ["fast", "6", "ms", "2", "ms", "3.00", "p50", "6", "<=", "6", "pass"]
    assert lines[2].endswith("MISSED")
    assert "  p95 ms: 7.5" in lines


def test_json_holds_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], {"fast": lambda: GOOD}) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert shown["ratio"] == 3.0
    assert shown["passed"] is True
    assert shown["details"] == {"p95 ms": 7.5}


def test_only_the_named_ones_run() -> None:
    assert main(["fast"], {"fast": lambda: GOOD, "slow": lambda: BAD}) == 0


def test_what_cannot_be_measured_fails_the_run_but_not_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken() -> Result:
        raise StoreError("the disk is full")

    assert main([], {"broken": broken, "fast": lambda: GOOD}) == 1
    shown = capsys.readouterr()
    assert "broken could not be measured: the disk is full" in shown.err
    assert "pass" in shown.out


def test_an_unknown_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nonsense"])
    assert ended.value.code == 2
    assert "there are delivery, " in capsys.readouterr().err


def test_every_target_that_was_set_has_its_benchmark() -> None:
    assert list(BENCHMARKS) == [
        "delivery",
        "delivery-busy",
        "delivery-call",
        "accept-one",
        "accept-many",
        "accept-latency",
        "backup",
        "up",
        "wake",
        "task",
        "list",
        "send",
        "idle",
        "top-idle",
        "page-idle",
        "at-work",
        "page",
        "memory",
        "adopt",
        "reconcile",
        "death",
        "death-p99",
        "exits",
        "death-joined",
        "threads",
        "hook",
        "hook-command",
        "fleet",
        "fleet-idle",
        "fleet-local",
    ]
