"""Every promise of docs/promises.md is named by a test, and no test names one that was not made."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROMISED = re.compile(r"^- \*\*([LHBPN]\d+)\*\*", re.MULTILINE)
NAMED = re.compile(r"(?<![A-Za-z0-9])([LHBPN])(\d+)(?:-\1(\d+))?(?![A-Za-z0-9])")


def named(text: str) -> set[str]:
    """Numbers in a text, ranges such as P6-P8 included."""
    found: set[str] = set()
    for match in NAMED.finditer(text.replace("_", " ")):
        letter, first, last = match[1], int(match[2]), int(match[3] or match[2])
        found |= {f"{letter}{number}" for number in range(first, last + 1)}
    return found


def test_every_promise_is_named_by_a_test_and_no_other() -> None:
    promised = set(PROMISED.findall((ROOT / "docs/promises.md").read_text()))
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    words = [re.findall(r'def (test_\w+)|"""(.*?)"""', path.read_text(), re.DOTALL) for path in tests]
    proven = set().union(*(named(" ".join(pair)) for found in words for pair in found))
    assert promised - proven == set(), "promised and not named by any test"
    assert proven - promised == set(), "named by a test and not promised"
