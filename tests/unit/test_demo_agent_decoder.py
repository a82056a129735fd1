"""The demo agent's input decoder: exact, however the bytes are split over reads (P1)."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from roost.console.decoder import Decoder, Event, Kind, pasted_text

_PIECES = st.one_of(
    st.text(max_size=20).map(str.encode),
    st.text(max_size=40).map(lambda text: b"\x1b[200~" + text.encode().replace(b"\n", b"\r") + b"\x1b[201~"),
    st.sampled_from(
        [b"\r", b"\n", b"\x1b", b"\x1b[A", b"\x1bOP", b"\x1b[200~", b"\x1b[201~", b"\x03", b"\x7f", b"\x1b["]
    ),
    st.binary(max_size=8),
)


def decode(chunks: list[bytes]) -> list[Event]:
    decoder = Decoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return events + decoder.flush()


@given(st.lists(_PIECES, max_size=12).map(b"".join), st.data())
def test_P1_any_split_of_the_input_gives_the_same_events(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    edges = [0, *cuts, len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(edges)]
    assert decode(chunks) == decode([stream])


@given(st.text(st.characters(exclude_characters="\x1b\r", exclude_categories=["Cs"])), st.integers(1, 7))
def test_P1_a_pasted_text_arrives_exactly(text: str, size: int) -> None:
    sent = b"\x1b[200~" + text.replace("\n", "\r").encode() + b"\x1b[201~"
    chunks = [sent[start : start + size] for start in range(0, len(sent), size)]
    assert decode(chunks) == [Event(Kind.PASTE, text)]


@given(st.text(st.characters(min_codepoint=0x20, exclude_characters="\x7f", exclude_categories=["Cs"])))
def test_typed_text_comes_one_character_at_a_time(text: str) -> None:
    assert decode([text.encode()]) == [Event(Kind.TEXT, character) for character in text]


def test_P1_a_large_paste_in_terminal_sized_reads_is_one_event() -> None:
    text = "שלום 🎉 line\n" * 10_000
    sent = b"\x1b[200~" + text.encode() + b"\x1b[201~"
    assert decode([sent[start : start + 4095] for start in range(0, len(sent), 4095)]) == [
        Event(Kind.PASTE, text)
    ]


def test_every_line_ending_in_a_paste_means_newline() -> None:
    assert pasted_text(b"a\rb\nc\r\nd") == "a\nb\nc\nd"


def test_enter_outside_a_paste_is_a_key_and_line_feed_is_a_newline() -> None:
    assert decode([b"\r\n"]) == [Event(Kind.KEY, "enter"), Event(Kind.KEY, "newline")]


def test_a_lone_escape_waits_for_the_decision() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x1b") == []
    assert decoder.holds_escape
    assert decoder.flush() == [Event(Kind.KEY, "escape")]
    assert not decoder.holds_escape
    assert decoder.flush() == []


def test_escape_then_enter_are_two_keys() -> None:
    assert decode([b"\x1b\r"]) == [Event(Kind.KEY, "escape"), Event(Kind.KEY, "enter")]


def test_unknown_sequences_are_swallowed() -> None:
    assert decode([b"\x1b[I\x1b[1;5C\x1bOPx"]) == [Event(Kind.TEXT, "x")]


def test_broken_utf8_becomes_replacement_characters() -> None:
    assert decode([b"\xffa\xe2\x82b"]) == [
        Event(Kind.TEXT, "\ufffd"),
        Event(Kind.TEXT, "a"),
        Event(Kind.TEXT, "\ufffd"),
        Event(Kind.TEXT, "b"),
    ]


def test_an_unfinished_paste_is_held_back() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x1b[200~abc\r") == []
    assert decoder.flush() == []
    assert decoder.feed(b"\x1b[201~\r") == [Event(Kind.PASTE, "abc\n"), Event(Kind.KEY, "enter")]
