"""Showing comes before consuming, and what is done is told (F2, F22): on closed and full outputs."""

import json
import shlex
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.daemon import PATIENCE, Roost, roost_in
from tests.support.home import Home
from tests.support.wait import wait_until

GONE = "exec 3> >(:); wait $!; {line} >&3"
"""A line whose reader has gone before it begins."""


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        made.add("me", "human")
        made.add("worker")
        made.call("stop", name="worker")
        yield made


def unread(roost: Roost, name: str = "me") -> list[str]:
    return [item["body"] for item in roost.call("inbox", name=name)]


def shell(roost: Roost, line: str) -> subprocess.CompletedProcess[str]:
    """A line of a shell in which `roost` is ours."""
    environ = {**roost.environ, "PYTHONUNBUFFERED": "", "PROGRAM": shlex.join(roost.program())}
    text = f'roost() {{ $PROGRAM "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", text], env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_F2_letters_that_nobody_saw_are_not_marked_read(roost: Roost) -> None:
    """A full disk, a reader that has gone, a closed output; then they are read."""
    for number in range(3):
        roost.send("me", f"letter {number}")
    letters = ["letter 0", "letter 1", "letter 2"]
    for line, status in (
        ("roost inbox me --ack > /dev/full", 1),
        ("roost inbox me --ack --json > /dev/full", 1),
        ("roost inbox me --ack --follow > /dev/full", 1),
        ("roost inbox me --ack --follow --json > /dev/full", 1),
        ("roost inbox me --ack >&-", 1),
        ("roost inbox me --ack --follow >&-", 1),
        (GONE.format(line="roost inbox me --ack"), 141),
        (GONE.format(line="roost inbox me --ack --follow --json"), 141),
    ):
        done = shell(roost, line)
        assert (done.returncode, unread(roost)) == (status, letters), (line, done.stderr)
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") == (0 if status == 141 else 1), done.stderr
    shown = shell(roost, "roost inbox me --ack")
    assert (shown.returncode, unread(roost)) == (0, [])
    assert all(letter in shown.stdout for letter in letters)
    again = json.loads(shell(roost, "roost inbox me --all --json").stdout)
    assert [item["body"] for item in again] == letters, "what was read can be read again"
    assert all(item["read_at"] for item in again)
    assert shell(roost, "roost inbox me").stdout == "no unread messages\n"
    assert shell(roost, "roost inbox me --since 1h").stdout.count("(read)") == 3
    whole = shell(roost, f"roost message {again[0]['id']} --body")
    assert whole.stdout == "letter 0\n"


def test_F2_a_follower_that_stands_still_and_is_killed_has_read_nothing(roost: Roost) -> None:
    with subprocess.Popen(
        [*roost.program(), "inbox", "me", "--follow", "--ack"],
        env=roost.environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout is not None
        roost.send("me", "seen")
        shown = [reader.stdout.readline() for _ in range(2)]
        assert "seen" in shown[1]
        wait_until(lambda: unread(roost) == [], timeout=PATIENCE, why="what was shown is read")
        reader.send_signal(signal.SIGSTOP)
        for number in range(5):
            roost.send("me", f"unseen {number}")
        reader.kill()
        assert reader.stdout.read() == ""
    assert unread(roost) == [f"unseen {number}" for number in range(5)]


def test_F2_an_answer_that_could_not_be_shown_is_unread(roost: Roost) -> None:
    roost.call("start", name="worker")
    done = shell(roost, "roost send worker hello --wait replied > /dev/full")
    assert done.returncode == 0, "the message was sent and answered: who tries again would send it twice"
    assert "echo: hello" in done.stderr
    assert unread(roost, "operator") == ["echo: hello"]
    assert shell(roost, "roost send worker again --wait replied").stdout == "echo: again\n"
    assert unread(roost, "operator") == ["echo: hello"], "what was shown is read"


def test_F22_what_is_done_is_told_on_stderr_and_counts_as_done(roost: Roost) -> None:
    for number, line in enumerate(("{line} > /dev/full", "{line} >&-", GONE)):
        done = shell(roost, line.format(line=f"roost send worker text-{number}"))
        assert done.returncode == 0, done.stderr
        message = roost.call("messages", name="worker")[-1]
        assert message["text"] == f"text-{number}"
        assert message["id"] in done.stderr
        assert "done, but" in done.stderr
    added = shell(roost, "roost add other --runtime human > /dev/full")
    assert added.returncode == 0
    assert "added other" in added.stderr
    looked = shell(roost, "roost list > /dev/full")
    assert looked.returncode == 1, "nothing was done"
    assert "No space left" in looked.stderr
    assert looked.stderr.count("\n") == 1
