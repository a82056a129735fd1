"""Lines of src/ taken by chance: whoever knows the rooms can tell in which one each stands."""

import argparse
import ast
import builtins
import io
import itertools
import keyword
import random
import signal
import tokenize
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src/roost"
_PLAIN = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "self", "cls"}
NAMES = 2
"""So many names of our own a line must hold: `else:` and `return None` stand in every room."""


def telling(source: str) -> frozenset[int]:
    """The numbers of the lines that can tell where they stand: no blank ones, comments, texts or imports."""
    imports = (each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Import | ast.ImportFrom))
    others = {number for each in imports for number in range(each.lineno, (each.end_lineno or 0) + 1)}
    names: dict[int, set[str]] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME and token.string not in _PLAIN:
            names.setdefault(token.start[0], set()).add(token.string)
    return frozenset(
        number for number, found in names.items() if len(found) >= NAMES and number not in others
    )


@cache
def _telling_in(path: Path) -> frozenset[int]:
    return telling(path.read_text("utf-8"))


def lines(chance: random.Random) -> Iterator[tuple[Path, int]]:
    """All such lines of the package, shuffled. A file is looked into when one of its lines has come up."""
    every = [
        (path, number)
        for path in sorted(SOURCE.rglob("*.py"))
        for number in range(1, path.read_bytes().count(b"\n") + 1)
    ]
    chance.shuffle(every)
    return ((path, number) for path, number in every if number in _telling_in(path))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print them."""
    parser = argparse.ArgumentParser(prog="scripts/place-lines", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--count", type=int, default=10, help="how many")
    parser.add_argument("--around", type=int, default=0, help="lines to show before and after each")
    parser.add_argument("--answers", action="store_true", help="also where they stand")
    asked = parser.parse_args(arguments)
    print(f"seed {asked.seed}")  # noqa: T201 -- a script
    chance = random.Random(asked.seed)  # noqa: S311 -- nothing to guess
    for place, (path, number) in enumerate(itertools.islice(lines(chance), asked.count), 1):
        text = path.read_text("utf-8").splitlines()
        first = max(number - 1 - asked.around, 0)
        shown = "\n".join(text[first : number + asked.around])
        where = f"   {path.relative_to(SOURCE)}:{number}" if asked.answers else ""
        print(f"\n{place}.{where}\n{shown}")  # noqa: T201


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head`
    main()
