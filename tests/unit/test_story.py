"""A message's story in sentences, and how the core and the daemon put it together."""

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import HANDED, STEERED, Message, MessageState
from roost.core.vocabulary.session import SessionState
from roost.daemon.session.live_sessions import HandOver
from roost.present.objects import message_story
from roost.present.story import story
from roost.store.records import Attempt, StoredMessage
from tests.support.playbook import Play, mail

MESSAGE = Message("a" * 32, "ann", "bob", 100.0, 12, "d", topic="t", state=MessageState.DONE)
REPLY = Message("b" * 32, "bob", "ann", 104.0, 3, "d", reply_to=MESSAGE.id)


def stored(*attempts: tuple[float, str, str]) -> StoredMessage:
    rows = (Attempt(n, at, "s", outcome, why) for n, (at, outcome, why) in enumerate(attempts, 1))
    return StoredMessage(MESSAGE, tuple(rows), (REPLY,))


def test_N3_the_story_is_in_order_with_the_time_between_its_steps() -> None:
    told = message_story(
        stored(
            (100.0, "woke", "for the first time"),
            (102.1, "ready", "2.1s"),
            (102.1, "offered", "being handed over"),
            (103.5, "entered", "pasted, Enter twice, within 1.4s"),
            (103.5, "accepted", "it stands in its transcript"),
            (105.0, "done", "the end of the turn stands in its transcript"),
        ),
        {"state": "idle", "why": "at its prompt", "name": "bob"},
        b"first line\nsecond",
    )
    assert [(step["took"], step["what"]) for step in told["story"]] == [
        (None, "stored: 12 bytes from ann, topic t"),
        (0.0, "woke bob for the first time"),
        (2.1, "bob came to its prompt after 2.1s"),
        (0.0, "handed over to session s"),
        (1.4, "pasted, Enter twice, within 1.4s"),
        (0.0, "accepted: it stands in its transcript"),
        (0.5, f"answered by bob with message {REPLY.id[:16]}"),
        (1.0, "done: the end of the turn stands in its transcript"),
    ]
    assert [each["outcome"] for each in told["attempts"]] == ["offered", "accepted", "done"]
    assert told["replies"] == [REPLY.id]
    assert (told["text"], "body" in told) == ("first line…", False)
    assert told["recipient"] == {"state": "idle", "why": "at its prompt"}


def test_what_another_host_hands_over_is_told_so() -> None:
    rows = tuple(
        Attempt(number, 101.0, None, "offered", f"mars: {why}")
        for number, why in enumerate((HANDED, STEERED, "after a restart"), 1)
    )
    told = story(StoredMessage(replace(MESSAGE, to="bob@mars"), rows, ()))
    assert [step["what"] for step in told][1:] == [
        "handed over to its session on mars",
        "handed over into the running turn of its session on mars",
        "handed over to its session on mars: after a restart",
    ]


def test_why_not_is_told_in_words_also_without_a_recipient() -> None:
    told = message_story(
        stored(
            (101.0, "offered", "driven again after its turn was cut off"),
            (102.0, "not pasted", "a draft stands in its input line"),
            (103.0, "examined: unclear", "its program keeps no record that could tell"),
            (104.0, "dead-letter", "dropped by operator"),
        ),
        None,
        b"",
    )
    assert [step["what"] for step in told["story"]][1:] == [
        "handed over to session s: driven again after its turn was cut off",
        "not pasted: a draft stands in its input line",
        "looked, and cannot tell whether it was taken: its program keeps no record that could tell",
        "dead letter: dropped by operator",
        f"answered by bob with message {REPLY.id[:16]}",
    ]
    assert told["recipient"] is None


def test_P3_the_message_that_wakes_a_peer_is_told_so_with_the_cause_and_the_time() -> None:
    play = Play()
    play.submit()
    woke = c.SaveAttempt(mail(1).id, play.session.id, "woke", "for the first time")
    assert woke in play.commands
    play.submit(2)
    play.now += 2.14
    play.ready()
    assert c.SaveAttempt(mail(1).id, play.session.id, "ready", "2.1s") in play.commands
    play.tell(f.Taken(play.session.id, mail(1).id, "record", "pasted, Enter twice, within 1.0s"))
    entered = c.SaveAttempt(mail(1).id, play.session.id, "entered", "pasted, Enter twice, within 1.0s")
    assert entered in play.commands
    play.tell(f.Observed(play.session.id, SessionState.WORKING, "in a turn"))
    assert not any(isinstance(command, c.SaveAttempt) for command in play.commands)


def test_how_often_enter_was_pressed_is_told_in_words() -> None:
    said = [HandOver("m", 1, 10.0, enters).words(11.25) for enters in range(4)]
    assert said == [
        "pasted, no Enter, within 1.2s",
        "pasted, Enter, within 1.2s",
        "pasted, Enter twice, within 1.2s",
        "pasted, Enter 3 times, within 1.2s",
    ]
