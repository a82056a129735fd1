"""Questions of agents under a real daemon: listed, answered once, denied, gone; never by an agent."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.daemon import Roost, cleared, roost_in, shared_roost, signal_pid
from tests.support.home import Home
from tests.support.wait import wait_until

TEXT = "Do something that needs permission"


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def question_of(roost: Roost, name: str) -> dict[str, Any]:
    """The question that a peer asks, once it does."""

    def asked() -> list[dict[str, Any]]:
        return [each for each in roost.call("questions") if each["peer"] == name]

    (question,) = wait_until(asked, timeout=roost.patience, why=f"{name} asks")
    return question


def test_a_question_is_listed_with_its_words_and_answered_by_its_option(roost: Roost) -> None:
    roost.add("a", "demo-acp")
    sent = roost.send("a", "@@ask@@\nfirst")["id"]
    question = question_of(roost, "a")
    assert (question["text"], question["source"], question["state"]) == (TEXT, "api", "open")
    assert question["session"] == roost.session("a")["id"]
    assert question["options"][0]["kind"] == "allow_once"
    assert json.loads(roost.cli("--json", "questions").stdout) == roost.call("questions")
    shown = roost.cli("questions").stdout
    for part in (f"{question['id']}  a asks", TEXT, "yes  Allow once"):
        assert part in shown
    wrong = roost.cli("answer", question["id"], "perhaps")
    assert (wrong.returncode, roost.call("questions")) == (2, [question])
    assert "its options are" in wrong.stderr
    wordy = roost.cli("answer", question["id"], "1", "--message", "be careful")
    assert wordy.returncode == 1
    assert "takes no words" in wordy.stderr
    answered = roost.cli("answer", question["id"][:4], "1")
    assert answered.returncode == 0, answered.stderr
    roost.until_message(sent, "done")
    assert [entry["text"] for entry in roost.happened("dialog")] == ["open", "allowed"]
    assert roost.call("questions") == []
    (event,) = roost.events("a", "answered")
    assert (event["data"]["by"], event["data"]["id"]) == ("operator", question["id"])
    late = roost.cli("answer", question["id"], "1")
    assert late.returncode == 1
    assert "answered already" in late.stderr
    assert roost.cli("answer", "beef", "1").returncode == 4


def test_a_question_answered_twice_at_once_is_answered_once_and_the_other_is_told(roost: Roost) -> None:
    roost.add("a", "demo-acp")
    sent = roost.send("a", "@@ask@@\nfirst")["id"]
    question, client = question_of(roost, "a")["id"], roost.session("a")["agent_pid"]
    signal_pid(client, signal.SIGSTOP)  # so that the first answer is on its way for a while
    try:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(roost.cli, "answer", question, "yes")
            wait_until(lambda: roost.events("a", "answering"), timeout=30.0, why="it is on its way")
            other = roost.cli("answer", question, "no")
            assert other.returncode == 1
            assert "being answered already: 'Allow once', by operator" in other.stderr
            assert "(being answered by operator)" in roost.cli("questions").stdout
            signal_pid(client, signal.SIGCONT)
            assert first.result().returncode == 0
    finally:
        signal_pid(client, signal.SIGCONT)
    roost.until_message(sent, "done")
    assert [entry["text"] for entry in roost.happened("dialog")] == ["open", "allowed"]
    assert len(roost.events("a", "answered")) == 1


def test_what_is_denied_or_answered_by_somebody_else_is_asked_no_more(roost: Roost) -> None:
    roost.add("a", "demo-acp")
    first = roost.send("a", "@@ask@@\nfirst")["id"]
    denied = json.loads(roost.cli("--json", "deny", question_of(roost, "a")["id"]).stdout)
    assert (denied["state"], denied["answer"], denied["by"]) == ("answered", "no", "operator")
    roost.until_message(first, "done")
    assert [entry["text"] for entry in roost.happened("dialog")] == ["open", "denied"]
    second = roost.send("a", "@@ask@@\nsecond")["id"]
    question = question_of(roost, "a")["id"]
    roost.keys("a", "1", "Enter")
    roost.until_message(second, "done")
    late = roost.cli("deny", question)
    assert late.returncode == 1
    assert "asked no more" in late.stderr
    (event,) = roost.events("a", "question-gone")
    assert event["data"]["id"] == question


def test_no_agent_answers_a_question_nor_sees_one(roost: Roost) -> None:
    roost.add("a", "demo-acp")
    roost.add("b")
    roost.call("wake", name="b")
    sent = roost.send("a", "@@ask@@\nfirst")["id"]
    question = question_of(roost, "a")["id"]
    for name in ("a", "b"):
        token = {"ROOST_TOKEN": roost.token(name)}
        for words in (("questions",), ("answer", question, "yes"), ("deny", question)):
            refused = roost.cli(*words, environ=token)
            assert refused.returncode == 1, refused
            assert "agent" in refused.stderr
    assert [entry["text"] for entry in roost.happened("dialog")] == ["open"]
    assert [each["state"] for each in roost.call("questions")] == ["open"]
    roost.cli("answer", question, "yes")
    roost.until_message(sent, "done")


def test_a_question_outlives_the_daemon_under_its_id(roost: Roost) -> None:
    roost.add("a", "demo-acp")
    sent = roost.send("a", "@@ask@@\nfirst")["id"]
    question = question_of(roost, "a")
    roost.kill()
    down = roost.cli("questions")
    assert down.returncode == 5
    assert "roost up" in down.stderr
    roost.start()
    assert question_of(roost, "a") == question
    assert roost.cli("answer", question["id"], "Allow once").returncode == 0
    roost.until_message(sent, "done")
    assert [entry["text"] for entry in roost.happened("dialog")] == ["open", "allowed"]


def test_what_the_config_file_says_is_allowed_or_expires_and_the_journal_tells(home: Home) -> None:
    """Both are off without it; a rule for one peer says nothing of another."""
    home.roost.mkdir(parents=True, exist_ok=True)
    (home.roost / "config.toml").write_text(
        '[questions]\nexpire = "500ms"\n[[questions.allow]]\ntool = "other"\npeer = "trusted"\n'
    )
    with roost_in(home) as roost:
        for name, heard, by in (
            ("trusted", "allowed", "questions.allow rule 1"),
            ("other", "denied", "roost ([questions] expire)"),
        ):
            roost.add(name, "demo-acp")
            roost.until_message(roost.send(name, "@@ask@@\nit")["id"], "done")
            assert roost.happened("dialog")[-1]["text"] == heard
            (event,) = roost.events(name, "answered")
            assert event["data"]["by"] == by


def test_an_answer_that_a_dying_daemon_was_giving_is_in_doubt_and_not_given_again(roost: Roost) -> None:
    roost.add("a", "demo-acp")
    sent = roost.send("a", "@@ask@@\nfirst")["id"]
    question, client = question_of(roost, "a")["id"], roost.session("a")["agent_pid"]
    signal_pid(client, signal.SIGSTOP)  # it takes no answer
    try:
        with ThreadPoolExecutor(1) as pool:
            told = pool.submit(roost.cli, "answer", question, "yes")
            wait_until(lambda: roost.events("a", "answering"), timeout=30.0, why="it is on its way")
            roost.kill()
            assert told.result().returncode == 1
        roost.start()
        wait_until(lambda: roost.events("a", "not-answered"), timeout=30.0, why="the daemon looks at it")
        (open_one,) = roost.call("questions")
        assert (open_one["id"], open_one["state"]) == (question, "open")
        assert "is not known: the daemon ended" in open_one["why"]
    finally:
        signal_pid(client, signal.SIGCONT)
    roost.cli("answer", question, "yes")  # harmless if it had arrived
    roost.until_message(sent, "done")
    assert [entry["text"] for entry in roost.happened("dialog")] == ["open", "allowed"]
