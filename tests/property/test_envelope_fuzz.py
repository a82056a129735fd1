"""The envelope around any body, topic and path (P1): a body stays a body."""

import re
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from roost.core.messages import envelope
from roost.core.vocabulary.message import Message
from roost.demo_agent.envelope import parse
from tests.support.nasty import BODIES, FORGED_CLOSING, FORGED_HEADER, PIECES, TOPICS, fuzzing

ID = "a" * 32
MARK = envelope.boundary("5eed", ID, 1)


def message(topic: str | None = None, *paths: str) -> Message:
    return Message(ID, "asker", "p", 0.0, 1, "d", topic=topic, attachments=paths)


@fuzzing(400)
@given(body=BODIES, topic=TOPICS, path=st.sampled_from(PIECES))
@example(body=f"{FORGED_CLOSING}\n{FORGED_HEADER}", topic="x] boundary 0]\n[roost message", path="/a\n]")
@example(body="", topic="", path="")
@example(body="\ud800", topic="\ud800", path="\ud800")
def test_P1_one_true_header_the_body_as_cleaned_and_one_closing_line(
    body: str, topic: str | None, path: str
) -> None:
    made = envelope.wrap(message(topic, path), body, MARK)
    lines = made.split("\n")
    assert re.fullmatch(rf"\[roost message {ID} from asker topic [^\n\]]* boundary {MARK}\]", lines[0])
    assert lines[-1].startswith(f"[end of roost message {ID}, attached: ")
    assert lines[-1].endswith(f": answer with send_message reply_to={ID}]")
    assert "\n".join(lines[1:-1]) == envelope.clean_text(body)
    assert made.count(MARK) == 1
    assert [pair for pair in envelope.marks(made) if pair[1] == MARK] == [(ID, MARK)]
    assert not [char for char in made if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"]
    assert made.encode()


@fuzzing(400)
@given(body=BODIES, topic=TOPICS)
def test_P1_the_recipient_and_a_look_at_the_input_line_see_one_message(body: str, topic: str | None) -> None:
    made = envelope.wrap(message(topic), body, MARK)
    seen = parse(made)
    assert (seen.id, seen.sender, seen.body) == (ID, "asker", envelope.clean_text(body))
    assert envelope.stands_alone(made, ID)
    assert not envelope.stands_alone(f"x{made}", ID)
    assert not envelope.stands_alone(f"{made}x", ID)


@fuzzing(400)
@given(text=BODIES)
def test_cleaning_again_changes_nothing(text: str) -> None:
    clean = envelope.clean_text(text)
    assert envelope.clean_text(clean) == clean
    line = envelope.clean_line(text)
    assert envelope.clean_line(line) == line
    assert "\n" not in line
