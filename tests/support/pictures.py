"""The pictures of docs/architecture.md: steps in order, each a module and what is called in it."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[2] / "docs/architecture.md"
COLUMNS = 80
_STEP = re.compile(r"^  (\S+\.py) +([A-Za-z_.]+)(?:  .*)?$")


class Step(NamedTuple):
    """One line: the module's path in the package, and a function or a class in it."""

    module: str
    name: str

    def is_in(self, call: str) -> bool:
        """Whether a line of a trace (tests/support/traced_daemon.py) is this step."""
        module, _, name = call.partition(" ")
        return module == self.module and (name == self.name or name.startswith(f"{self.name}."))


def picture(heading: str) -> dict[str, list[Step]]:
    """The steps of the picture below this heading, by the titles of its parts."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    parts: dict[str, list[Step]] = {}
    title = ""
    for line in section.partition("```text\n")[2].partition("```")[0].splitlines():
        assert len(line) <= COLUMNS, line
        step = _STEP.match(line)
        if line.startswith("["):
            title = line.strip("[]")
            parts[title] = []
        elif step is not None:
            parts[title].append(Step(*step.groups()))
        else:
            assert not line or line.startswith("      | "), line
    return parts


def missed(steps: Iterable[Step], calls: Iterable[str]) -> Step | None:
    """The first step that does not come after the one before it among the calls; None: they are in order."""
    left = iter(calls)
    return next((step for step in steps if not any(step.is_in(call) for call in left)), None)
