"""Texts that mean something to whatever reads them: tmux's parser, its formats, a shell, strftime."""

import random

_PIECES = (
    *("#", "##", "###", "#[", "##[fg=red]", "#{", "#}", "#,", "#S", "#{pane_id}", "#{@roost-held}", "#{E:x}"),
    *("%", "%%", "%H", "%0", "%s", "$HOME", "${x}", "~", "~root/", "\\", "\\\\", "\\n", "\\;", "\\033", ";"),
    *(" ; kill-server ; ", "{", "}", "'", '"', "''", "\n", "\r", "\t", " ", "-", "--", "-t", "=", "*", "?"),
    *("\x01", "\x07", "\x1b[31m", "\x1b]2;t\x07", "\x7f", "\x9b", "é", "漢", "👩‍👩‍👧", "\u202e", "\u200b"),
    *("\udc80", "\udcff", "\udcc3", "|", "&", "<", ">", "!", "a", "log", "0", ".", "main:", "@1", "$1", "+"),
)


_AT_END = 0.3
LONGEST = 240
"""Bytes of a name; a file system's own end at 255."""


class Hostile:
    """Texts of one seed; whatever executes a part of one makes the file `canary` where it runs."""

    def __init__(self, seed: int, canary: str) -> None:
        """Begin the series of `seed`."""
        self._random = random.Random(seed)  # noqa: S311 no secret
        touch = f"touch {canary}"
        self._commands = (f"#({touch})", f"$({touch})", f"`{touch}`", f"; {touch};", f"\n{touch}\n")
        self._commands += (f"' ; {touch} ; '", f'" ; run-shell "{touch}" ; "', f"#{{?1,#({touch}),}}")

    def text(self, longest: int = 12) -> str:
        """A text of a few pieces, often with a command in it."""
        pieces = self._random.choices(_PIECES, k=self._random.randint(1, longest))
        if self._random.random() < 0.5:
            pieces.insert(self._random.randint(0, len(pieces)), self._random.choice(self._commands))
        if self._random.random() < _AT_END:
            pieces.append(self._random.choice((";", "\\;", "\\", "#", "%", "\n")))
        return "".join(pieces)

    def name(self) -> str:
        """A text that can be the name of a file."""
        name = self.text().replace("/", "_")
        while len(name.encode("utf-8", "surrogateescape")) > LONGEST:
            name = name[: len(name) // 2]
        return name if name not in (".", "..") else "#S"
