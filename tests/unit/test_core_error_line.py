"""F28: of what a program leaves behind, the line that tells why it ended."""

import pytest

from roost.core.vocabulary.error_line import error_line


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            "error: unexpected argument '--foo' found\n\nUsage: prog\n\nFor more information, try '--help'.",
            "error: unexpected argument '--foo' found",
        ),
        (
            "usage: prog [-h]\nprog: error: unrecognized arguments: --x",
            "prog: error: unrecognized arguments: --x",
        ),
        (
            "Usage: prog [OPTIONS]\nTry 'prog --help' for help.\n\nError: No such option: --x",
            "Error: No such option: --x",
        ),
        (
            "ls: unrecognized option '--x'\nTry 'ls --help' for more information.",
            "ls: unrecognized option '--x'",
        ),
        ("error: unknown option '--no-such'\n(Did you mean --such?)", "error: unknown option '--no-such'"),
        (
            "Traceback (most recent call last):\n  File \"x\"\nModuleNotFoundError: No module named 'x'",
            "ModuleNotFoundError: No module named 'x'",
        ),
        ("bash: prog: command not found", "bash: prog: command not found"),
        ("starting\nbye", "bye"),
        ("Usage: prog FILE", "Usage: prog FILE"),
        ("", ""),
    ],
)
def test_F28_the_line_that_tells(said: str, line: str) -> None:
    assert error_line(said.splitlines()) == line
