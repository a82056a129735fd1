"""How a text is pasted into Claude Code so that all its words arrive.

2.1.332 takes a line of a paste that is the path of a picture, or holds nothing but paths, out of the text: it
reads the picture, for as long as its file needs, and puts `[Image #1]` in front. A line that goes on behind a
carriage return is none of these; that shows, and comes to its model and its record, as a line break.
"""

import re

_PICTURE = re.compile(r"\.(?:png|jpe?g|gif|webp)", re.IGNORECASE)


def as_pasted(text: str) -> str:
    """The text with a carriage return behind each line, but the last, that may name a picture.

    A backslash in a path does not count: it removes them.
    """
    *lines, last = text.split("\n")
    return "".join(line + _break(line) for line in lines) + last


def _break(line: str) -> str:
    return "\r" if _PICTURE.search(line.replace("\\", "")) else "\n"
