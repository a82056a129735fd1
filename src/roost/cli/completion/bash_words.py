"""Words as bash keeps them while they are written: with their quotes, some of them open."""

from __future__ import annotations

_QUOTES = "\"'\\"


def plain(word: str) -> tuple[str, str]:
    """The word that bash would make of it, nothing in it run; and the quote open at its end."""
    made, quote, left = "", "", iter(word)
    for sign in left:
        if sign == "\\" and quote != "'":
            escaped = next(left, "")
            kept = quote == '"' and escaped not in {'"', "\\", "$", "`"}
            made += sign + escaped if kept else escaped
        elif quote and sign == quote:
            quote = ""
        elif not quote and sign in _QUOTES:
            quote = sign
        else:
            made += sign
    return made, quote


def quoted(word: str, quote: str) -> str:
    """The word as bash takes it, in an open quote or outside of all."""
    if quote == "'":
        return word
    if quote:
        return "".join(f"\\{sign}" if sign in '"\\$`' else sign for sign in word)
    return "".join(sign if sign.isalnum() or sign in "_-+=:,.@%/" else f"\\{sign}" for sign in word)
