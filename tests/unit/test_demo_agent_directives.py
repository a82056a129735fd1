"""What the demo agent does for a body."""

import signal

import pytest

from roost.demo_agent.directives import Act, Directive, directive, plan, signal_number


def test_the_default_answer_echoes_the_first_line() -> None:
    assert plan("hello\nworld") == [Directive(Act.REPLY, text="echo: hello")]


def test_a_reply_that_is_an_echo_is_not_echoed_again() -> None:
    assert plan("echo: hello", reply=True) == []
    assert plan("hello", reply=True) == [Directive(Act.REPLY, text="echo: hello")]
    assert plan("echo: hello") == [Directive(Act.REPLY, text="echo: echo: hello")]


def test_a_notice_gets_no_default_answer() -> None:
    assert plan("gone", answer=False) == []


@pytest.mark.parametrize("body", ["x\n@@silent@@", "@@reply pong@@", "@@recall@@"])
def test_answering_directives_replace_the_default_answer(body: str) -> None:
    assert not any(step.text.startswith("echo") for step in plan(body))


def test_directives_run_in_order_and_the_default_answer_comes_last() -> None:
    assert [step.act for step in plan("go\n@@ask@@\n  @@delay 0.5@@  \n@@send bob hi there@@")] == [
        Act.ASK,
        Act.DELAY,
        Act.SEND,
        Act.REPLY,
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("@@delay 1.5@@", Directive(Act.DELAY, "1.5", 1.5)),
        ("@@reply a @@b@@ c@@", Directive(Act.REPLY, "a @@b@@ c")),
        ("@@reply@@", Directive(Act.REPLY)),
        ("@@send bob two words@@", Directive(Act.SEND, "two words", peer="bob")),
        ("@@thank bob@@", Directive(Act.THANK, "@@thank bob@@", peer="bob")),
        ("@@thank bob carl me@@", Directive(Act.THANK, "@@thank carl me bob@@", peer="bob")),
        ("@@exit 3@@", Directive(Act.EXIT, "3", 3)),
        ("@@kill SIGKILL@@", Directive(Act.KILL, "SIGKILL", 9)),
        ("@@kill 9@@", Directive(Act.KILL, "9", 9)),
        ("@@ignore term@@", Directive(Act.IGNORE, "term", 15)),
        ("@@drop-enter 2@@", Directive(Act.DROP_ENTER, "2", 2)),
        ("@@fork 3@@", Directive(Act.FORK, "3", 3)),
        ("@@write /a b@@", Directive(Act.WRITE, "/a b")),
        ("@@hang@@", Directive(Act.HANG)),
        ("@@restore@@", Directive(Act.RESTORE)),
        ("see @@silent@@", None),
        ("@@unheard-of@@", None),
        ("@@complain x@@", None),
        ("", None),
    ],
)
def test_one_line(line: str, expected: Directive | None) -> None:
    assert directive(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "@@delay@@",
        "@@thank @@",
        "@@delay x@@",
        "@@delay nan@@",
        "@@delay -1@@",
        "@@exit 256@@",
        "@@kill SIGNONE@@",
        "@@kill 999@@",
        "@@fork 1.5@@",
        "@@send bob@@",
        "@@hang now@@",
    ],
)
def test_a_malformed_directive_becomes_a_complaint(line: str) -> None:
    assert directive(line) == Directive(Act.COMPLAIN, f"cannot follow {line}")


def test_signals_by_name_and_number() -> None:
    assert signal_number("HUP") == signal_number("sighup") == signal_number("1") == signal.SIGHUP
