"""The control protocol's parser, whatever pieces the bytes come in."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from roost.host.tmux.protocol import Block, ControlParser, Notification

_STREAM = (
    b"%begin 1795171597 264 0\n%end 1795171597 264 0\n"
    b"%session-changed $0 main\n"
    b"%begin 1795171598 269 1\none\n%end 1795171598 268 1\n%output %0 x\n\n%end 1795171598 269 1\n"
    b"%begin 1795171598 273 1\nparse error: unknown command: bogus\n%error 1795171598 273 1\n"
    b"/nonexist: No such file or directory\n"
    b"%begin not a block\n"
    b"%begin 1795171598 280 1\n\xc3\xa9\xff\n%end 1795171598 280 1\n"
    b"%exit\r\n"
)
_EVENTS = [
    Block(264, own=False, error=False, lines=()),
    Notification("session-changed", "$0 main"),
    Block(269, own=True, error=False, lines=("one", "%end 1795171598 268 1", "%output %0 x", "")),
    Block(273, own=True, error=True, lines=("parse error: unknown command: bogus",)),
    Notification("", "/nonexist: No such file or directory"),
    Notification("begin", "not a block"),
    Block(280, own=True, error=False, lines=("é\ufffd",)),
    Notification("exit", ""),
]


def test_a_session_in_one_piece() -> None:
    assert ControlParser().feed(_STREAM) == _EVENTS


@given(st.lists(st.integers(0, len(_STREAM)), max_size=30))
def test_a_session_in_any_pieces(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(_STREAM)]
    parser = ControlParser()
    events = [event for a, b in pairwise(places) for event in parser.feed(_STREAM[a:b])]
    assert events == _EVENTS


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n")), max_size=20))
def test_output_can_hold_any_line(lines: list[str]) -> None:
    body = "".join(line + "\n" for line in lines).encode()
    stream = b"%begin 1 2 1\n" + body + b"%end 1 2 1\n"
    if any(line in ("%end 1 2 1", "%error 1 2 1") for line in lines):
        return
    assert ControlParser().feed(stream) == [Block(2, own=True, error=False, lines=tuple(lines))]


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_garbage_never_raises(pieces: list[bytes]) -> None:
    parser = ControlParser()
    for piece in pieces:
        parser.feed(piece)
