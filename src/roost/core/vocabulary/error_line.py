"""Which of the lines that a program left behind tells why it ended."""

import re
from collections.abc import Sequence

_HELP = re.compile(
    r"^\s*(usage:|options:|commands:|try [`'\"]|run [`'\"].*help|see [`'\"]"
    r"|for (more|further) (information|help)|use [`'\"]?-)|--help\b.{0,30}$",
    re.IGNORECASE,
)
_TROUBLE = re.compile(
    r"\b(\w*error|fatal|panic\w*|exception|unknown|unrecogni[sz]ed|invalid|illegal|unexpected|missing|required"
    r"|not found|no such|cannot|can't|could not|unable|failed|denied|refused|unsupported|expired"
    r"|not logged in)\b",
    re.IGNORECASE,
)


def error_line(lines: Sequence[str]) -> str:
    """The line that tells: the last one that speaks of trouble, else the last that is no hint at its usage.

    Programs print the error before their usage (argparse after it), and end with a hint: "try '--help'".
    """
    said = [line.strip() for line in lines if line.strip()]
    kept = [line for line in said if not _HELP.search(line)] or said
    trouble = [line for line in kept if _TROUBLE.search(line)]
    return (trouble or kept or [""])[-1]
