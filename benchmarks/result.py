"""What a benchmark found, judged against its target, and how that is shown."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median, quantiles

from roost.cli.output import say
from roost.cli.table import table


@dataclass(frozen=True, slots=True)
class Result:
    """One measurement beside the floor that was measured in the same run.

    `judged` is what `target` limits: the measured value itself, its distance from the floor, or its ratio.
    """

    name: str
    what: str
    unit: str
    measured: float
    floor: float
    floor_is: str
    judged_as: str
    judged: float
    target: float
    more_is_better: bool = False
    details: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def ratio(self) -> float:
        """The measured value over the floor."""
        return self.measured / self.floor

    @property
    def passed(self) -> bool:
        """Whether the target is met."""
        return self.judged >= self.target if self.more_is_better else self.judged <= self.target


def clocked(act: Callable[[], object]) -> float:
    """Milliseconds that an act took."""
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def p50(values: Sequence[float]) -> float:
    """The median."""
    return median(values)


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def p99(values: Sequence[float]) -> float:
    """The value that 99 of 100 do not exceed."""
    return quantiles(values, n=100, method="inclusive")[-1] if len(values) > 1 else values[0]


def show(results: Sequence[Result]) -> None:
    """A table, then what each floor is and further figures."""
    table(
        ("BENCHMARK", "MEASURED", "FLOOR", "RATIO", "JUDGED", "TARGET", "RESULT"),
        [
            (
                result.name,
                _amount(result.measured, result.unit),
                _amount(result.floor, result.unit),
                f"{result.ratio:.2f}",
                f"{result.judged_as} {figure(result.judged)}",
                f"{'>=' if result.more_is_better else '<='} {result.target:,g}",
                "pass" if result.passed else "MISSED",
            )
            for result in results
        ],
    )
    for result in results:
        say()
        say(f"{result.name}: {result.what}")
        say(f"  floor: {result.floor_is}")
        for name, value in result.details.items():
            say(f"  {name}: {figure(value)}")


def show_json(results: Sequence[Result]) -> None:
    """An array of objects."""
    say(json.dumps([{**asdict(each), "ratio": each.ratio, "passed": each.passed} for each in results]))


def figure(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _amount(value: float, unit: str) -> str:
    return f"{figure(value)} {unit}"
