"""`roost completion complete SHELL WORDS...`: what the files of the shells ask; people do not.

A line for each candidate: the word, a tab, and what it means. Words for bash come and go with their quotes.
A line without a word says that the shell is to complete a path: `files` or `folders` follows the tab.
"""

from __future__ import annotations

from roost.cli.completion.bash_words import plain, quoted
from roost.cli.completion.candidates import candidates
from roost.cli.output import one_line
from roost.cli.stdout import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def answer(words: Sequence[str]) -> int:
    """Print the candidates for the last word; returns the exit code, 0 whatever happens."""
    shell, *rest = words or [""]
    quote = ""
    if shell == "bash":
        read = [plain(word) for word in rest]
        rest, quote = [word for word, _ in read], read[-1][1] if read else ""
    for one in candidates(rest):
        name = quoted(one.name, quote) if shell == "bash" else one.name
        write(f"{name}\t{one_line(one.text)}\n")
    return 0
