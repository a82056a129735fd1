"""Draws the measures of a long run: one small picture for each, under one another, as SVG, and a table."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from tests.support.endurance_series import Series

WIDTH, HEIGHT, MARGIN, TITLE = 760, 90, 60, 22
_STYLE = "font-family:sans-serif;font-size:12px;fill:#444"


def svg(series: Sequence[Series], warm: float, events: Sequence[tuple[float, float, str]]) -> str:
    """One picture. `warm`: seconds until slopes are taken; `events`: begin, end and name of what was done."""
    end = max(point[0] for each in series for point in each.points)
    rows = [row for number, each in enumerate(series) for row in _panel(each, number, end, warm, events)]
    height = len(series) * (HEIGHT + TITLE) + TITLE
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + 2 * MARGIN}" height="{height}">'
    minutes = f"minutes, to {end / 60:.0f}; grey: {', '.join(dict.fromkeys(name for _, _, name in events))}"
    foot = f'<text x="{MARGIN}" y="{height - 6}" style="{_STYLE}">{escape(minutes)}</text>'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *rows, foot, "</svg>"]) + "\n"


def _panel(
    each: Series, number: int, end: float, warm: float, events: Sequence[tuple[float, float, str]]
) -> Iterator[str]:
    top = number * (HEIGHT + TITLE) + TITLE
    highest = max(value for _, value in each.points) or 1.0
    unit = f" {each.unit}" if each.unit else ""
    title = f"{each.name}: at most {highest:.4g}{unit}, {each.slope(warm):+.2g}{unit} an hour"
    yield f'<text x="{MARGIN}" y="{top - 6}" style="{_STYLE}">{escape(title)}</text>'
    for begin, stop, _ in events:
        left, width = MARGIN + WIDTH * begin / end, max(1.0, WIDTH * (stop - begin) / end)
        yield f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{HEIGHT - 8}" fill="#ddd"/>'
    base = top + HEIGHT - 8
    yield f'<path d="M{MARGIN} {top}V{base}H{MARGIN + WIDTH}" fill="none" stroke="#888"/>'
    line = " ".join(
        f"{MARGIN + WIDTH * at / end:.1f},{base - (HEIGHT - 12) * value / highest:.1f}"
        for at, value in each.points
    )
    yield f'<polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="1.5"/>'


def table(series: Sequence[Series], warm: float) -> str:
    """A line of Markdown for each measure: at `warm`, at the end, at most, growth in an hour, allowed."""
    lines = ["| measure | after warming up | at the end | at most | growth in an hour | may be |"]
    lines.append("|---|---|---|---|---|---|")
    for each in series:
        late = each.since(warm)
        unit = f" {each.unit}" if each.unit else ""
        highest = max(value for _, value in each.points)
        cells = [
            f"{late[0][1]:.4g}{unit}",
            f"{late[-1][1]:.4g}{unit}",
            f"{highest:.4g}{unit}",
            f"{each.slope(warm):+.2g}{unit}",
            f"{each.flat:g}{unit}" if each.most is None else f"in all {each.most:g}{unit}",
        ]
        lines.append(f"| {each.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
