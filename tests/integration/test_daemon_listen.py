"""`roost listen`: a script waits for mail, and what counts as read was printed (17, N2, N4)."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.daemon import PATIENCE, Record, Roost, cleared, shared_roost
from tests.support.processes import sockets
from tests.support.wait import wait_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

LONG = "x" * 300_000
"""More than a pipe holds that nobody reads."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        made.add("ci", "human")
        made.add("b", "human")
        yield made


@contextmanager
def listening(roost: Roost, *words: str, output: int = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    """`roost listen ci`, which is killed at the end."""
    command = [sys.executable, "-m", "roost", "listen", "ci", "--json", *words]
    environ = {**roost.environ, "PYTHONUNBUFFERED": ""}  # what was written is not yet printed
    with subprocess.Popen(command, env=environ, stdout=output, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[bytes]) -> list[str]:
    """The bodies that it printed, once it has ended."""
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return [json.loads(line)["body"] for line in out.splitlines()]


def unread(roost: Roost) -> list[str]:
    return [item["body"] for item in roost.call("inbox", name="ci")]


def test_17_it_prints_what_comes_first_and_that_is_read_then(roost: Roost) -> None:
    with listening(roost) as process:
        roost.send("ci", "the build is green", topic="builds")
        assert heard(process) == ["the build is green"]
    assert unread(roost) == []
    roost.send("ci", "one")
    roost.send("ci", "two\x1b[31m")
    said = roost.cli("listen", "ci")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.index("  one\n") < said.stdout.index("two")
    assert "\x1b" not in said.stdout


def test_17_its_exit_codes_are_those_of_all_waits(roost: Roost) -> None:
    roost.add("a")
    for words, code, why in (
        (["ci", "--timeout", "0s"], 3, "no mail for 'ci' within 0 s"),
        (["ci", "--timeout", "50ms"], 3, "no mail for 'ci' within 0.05 s"),
        (["nobody"], 4, "there is no peer 'nobody'"),
        (["ci", "--reply-to", "0123456789"], 4, "there is no message '0123456789'"),
        (["a"], 1, "'a' is an agent"),
        (["ci", "--timeout", "soon"], 2, "soon"),
        ([], 2, "NAME"),
        (["ci", "--home", str(roost.home.root / "none")], 5, "roost up"),
    ):
        said = roost.cli("listen", *words)
        assert (said.returncode, said.stdout) == (code, ""), words
        assert why in said.stderr, words
    roost.call("wake", name="a")
    denied = roost.cli("listen", "ci", environ={"ROOST_TOKEN": roost.token("a")})
    assert (denied.returncode, "own inbox only" in denied.stderr) == (1, True)


def test_17_only_what_was_asked_for_is_taken(roost: Roost) -> None:
    first = roost.send("b", "a question", **{"from": "ci"})["id"]
    answer: Record = {"reply_to": first, "from": "b", "topic": "t"}
    roost.send("ci", "from the operator")
    roost.send("ci", "an answer", **answer)
    for words in (["--from", "b"], ["--topic", "t"], ["--reply-to", first[:24]]):
        with listening(roost, *words, "--limit", "1") as process:
            assert heard(process) == ["an answer"], words
        assert unread(roost) == ["from the operator"]
        assert roost.cli("listen", "ci", *words, "--timeout", "0s").returncode == 3
        roost.send("ci", "an answer", **answer)


def test_N4_each_message_goes_to_one_of_those_that_listen(roost: Roost) -> None:
    bodies = [f"task {number}" for number in range(12)]
    for body in bodies:
        roost.send("ci", body)
    with (
        listening(roost, "--limit", "4") as one,
        listening(roost, "--limit", "4") as two,
        listening(roost, "--limit", "4") as three,
    ):
        shares = [heard(process) for process in (one, two, three)]
    assert [len(share) for share in shares] == [4, 4, 4]
    assert sorted(body for share in shares for body in share) == sorted(bodies)
    assert unread(roost) == []


def test_N2_what_was_not_printed_comes_again_as_soon_as_its_reader_is_gone(roost: Roost) -> None:
    roost.send("ci", LONG)
    with listening(roost) as stuck:
        assert stuck.stdout is not None
        assert stuck.stdout.read(1) == b"{"  # it prints, and nobody reads on
        assert roost.cli("listen", "ci", "--timeout", "0s").returncode == 3, "it is another's"
        with listening(roost) as next_one:
            roost.send("ci", "short")
            assert heard(next_one) == ["short"]
        with listening(roost) as next_one:
            stuck.kill()
            assert heard(next_one) == [LONG]
    assert unread(roost) == []


def test_N2_where_nobody_reads_the_output_nothing_is_read(roost: Roost) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    roost.send("ci", "x")
    with listening(roost, output=writer) as process:
        os.close(writer)
        assert process.wait(PATIENCE) == 141
    with open("/dev/full", "wb") as full, listening(roost, output=full.fileno()) as process:  # noqa: PTH123 -- a device
        assert process.wait(PATIENCE) == 1
    assert unread(roost) == ["x"]


def test_17_a_peer_that_is_removed_is_told_to_who_listens(roost: Roost) -> None:
    with listening(roost) as process:
        roost.send("ci", "the first")
        heard(process)
    with listening(roost, "--topic", "never") as process:
        assert process.stderr is not None
        wait_until(lambda: sockets(process.pid), timeout=PATIENCE, why="it listens")
        roost.call("remove", name="ci", force=True)
        assert process.wait(PATIENCE) == 4
        assert b"there is no peer 'ci'" in process.stderr.read()
