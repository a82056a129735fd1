"""F19: what a program wrote to its terminal is shown as text and colours, however it is cut."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.cli.terminal_text import TerminalText

_HOSTILE = [
    (b"\x1b[c", "a query of what terminal it is"),
    (b"\x1b[>q", "of its version"),
    (b"\x1b[6n", "of the cursor"),
    (b"\x1b[?1049h\x1b[?25l\x1b[?1000;1006h\x1b[?2004h", "modes: another screen, no cursor, mouse, paste"),
    (b"\x1b]52;c;aGk=\x07", "the clipboard"),
    (b"\x1b]0;title\x1b\\", "a title"),
    (b"\x1b]8;;http://x/\x1b\\", "a link"),
    (b"\x1bP+q544e\x1b\\", "a query in a string"),
    (b"\x1b_Gi=31;AAAA\x1b\\", "a picture"),
    (b"\x1b[>4;1m\x1b[?4m", "keyboard modes that look like a colour"),
    (b"\x1b[2J\x1b[H\x1b[3;4H\x1b[1A", "cursor and screen"),
    (b"\x1bc\x1b7\x1b(0\x1b#8\x1b=", "resets and character sets"),
    ("\x9b6n\x9d52;c;aGk=\x9c\x90q\x9c".encode(), "the same in one character"),
    (b"\x05\x07\x08\x0e\x0f\x7f", "single characters that answer, ring, switch"),
]
_COLOURS = b"\x1b[1;31mred\x1b[38;2;1;2;3m\x1b[38:5:9mx\x1b[0m\x1b[m"
_SAFE = re.compile(r"(?:[^\x00-\x08\x0b-\x1f\x7f-\x9f]|\x1b\[[0-9;:]*m)*")


@pytest.mark.parametrize("sequence", [each for each, _ in _HOSTILE], ids=[what for _, what in _HOSTILE])
def test_F19_nothing_but_text_is_left(sequence: bytes) -> None:
    for cut in range(len(sequence) + 1):
        text = TerminalText(colours=True)
        assert text.feed(b"a" + sequence[:cut]) + text.feed(sequence[cut:] + b"b\r\n") == "ab\n"
        assert not text.coloured


def test_F19_colours_are_kept_where_they_are_wanted() -> None:
    text = TerminalText(colours=True)
    assert text.feed(_COLOURS) == _COLOURS.decode()
    assert text.coloured
    assert TerminalText(colours=False).feed(_COLOURS) == "redx"


_PIECES = st.one_of(
    st.sampled_from([each for each, _ in _HOSTILE]),
    st.sampled_from([_COLOURS, b"\x1b", b"\x1b[", b"\x1b]"]),
    st.binary(),
)


@given(st.lists(_PIECES), st.integers(0, 40))
def test_F19_no_output_can_drive_a_terminal(pieces: list[bytes], size: int) -> None:
    data = b"".join(pieces)
    text = TerminalText(colours=True)
    step = max(size, 1)
    shown = "".join(text.feed(data[at : at + step]) for at in range(0, len(data), step))
    assert _SAFE.fullmatch(shown)
    assert shown == TerminalText(colours=True).feed(data)
