"""The same acts by roost and by another program, measured in turn in one run, and how that is shown."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from textwrap import fill

from benchmarks.result import figure, p50, p95
from roost.cli.output import WIDTH, say
from roost.cli.table import table


@dataclass(frozen=True, slots=True)
class Pair:
    """One act. Milliseconds; `how` says what each did."""

    act: str
    how: str
    roost_p50: float
    peer_p50: float
    roost_p95: float
    peer_p95: float

    @property
    def ratio(self) -> float:
        """roost's median over the other's: below 1, roost is the quicker one."""
        return self.roost_p50 / self.peer_p50


@dataclass(frozen=True, slots=True)
class Comparison:
    """`what` was compared, and what these figures do not say."""

    peer: str
    version: str
    what: str
    pairs: Sequence[Pair]
    apart: Sequence[str]


def pair(act: str, how: str, roost: Sequence[float], peer: Sequence[float]) -> Pair:
    """Of the milliseconds of each round."""
    return Pair(act, how, p50(roost), p50(peer), p95(roost), p95(peer))


def show(found: Comparison) -> None:
    """A table, then what each line is, then what cannot be compared."""
    say(f"roost and {found.version}: {found.what}")
    say()
    peer = found.peer.upper()
    table(
        ("ACT", "ROOST P50", f"{peer} P50", f"ROOST/{peer}", "ROOST P95", f"{peer} P95"),
        [
            (
                each.act,
                f"{figure(each.roost_p50)} ms",
                f"{figure(each.peer_p50)} ms",
                f"{each.ratio:.2f}",
                f"{figure(each.roost_p95)} ms",
                f"{figure(each.peer_p95)} ms",
            )
            for each in found.pairs
        ],
    )
    say()
    for each in found.pairs:
        _paragraph(f"{each.act}: {each.how}")
    say()
    say("Not compared:")
    for line in found.apart:
        _paragraph(f"- {line}")


def _paragraph(text: str) -> None:
    say(fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False))


def show_json(found: Comparison) -> None:
    """One object."""
    pairs = [{**asdict(each), "ratio": each.ratio} for each in found.pairs]
    say(json.dumps({**asdict(found), "pairs": pairs}))
