"""The growth of costs: measured on a small store, judged by its power, written into the page."""

from dataclasses import replace

import pytest

from benchmarks.growth import ALONE, BEGIN, END, FIRST, GROWING, PAGE, Curve, Growing, measured, text, written

STEP = GROWING[0].steps[0]
SIZES = [FIRST * 2**number for number in range(6)]


@pytest.mark.parametrize("growing", GROWING, ids=[each.name for each in GROWING])
async def test_every_step_is_measured_at_every_size(growing: Growing) -> None:
    curves = await measured(growing, FIRST * 2, rounds=1)
    assert [curve.step for curve in curves] == list(growing.steps)
    assert all(sorted(curve.costs) == [FIRST, FIRST * 2] for curve in curves)
    assert all(cost > 0 for curve in curves for cost in curve.costs.values())


def test_a_cost_that_grows_faster_than_its_work_does_not_hold() -> None:
    flat, linear, square = (
        Curve(STEP, {size: 0.5 * (size / FIRST) ** power for size in SIZES}) for power in (0, 1, 2)
    )
    assert [round(curve.power, 6) for curve in (flat, linear, square)] == [0, 1, 2]
    assert [curve.holds for curve in (flat, linear, square)] == [True, False, False]
    whole = replace(STEP, whole=True)
    assert [replace(curve, step=whole).holds for curve in (linear, square)] == [True, False]
    assert linear.drawing == "▁▁▂▃▅█"
    table = text({"peers": [flat, linear]})
    assert f"| {STEP.name} | 0.5 | 0.5 | 0.5 | 0.5 | 0.5 | 0.5 | ██████ | 0.00 | {ALONE} |" in table
    assert "| **1.00** |" in table


def test_it_is_written_between_its_marks_and_nowhere_else() -> None:
    page = f"a\n{BEGIN}\nold\n{END}\nb\n"
    assert written(page, "new") == f"a\n{BEGIN}\nnew\n\n{END}\nb\n"
    assert written(written(page, "x"), "new") == written(page, "new")


def test_the_page_has_every_step_of_now() -> None:
    part = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    for growing in GROWING:
        assert f"### {growing.name[0].upper()}{growing.name[1:]}" in part
        assert all(f"| {step.name} |" in part for step in growing.steps)
