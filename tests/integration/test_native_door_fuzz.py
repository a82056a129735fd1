"""Trouble at the native door, at each step: nothing hangs, is done twice, or is left behind."""

import contextlib
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from roost.cli.door.link import say
from roost.cli.door.request import HANDED, MAGIC
from tests.support import doorway
from tests.support.daemon import PATIENCE, Roost, roost_in, signal_pid
from tests.support.door import build
from tests.support.home import Home
from tests.support.wait import wait_until

CALLS = int(os.environ.get("ROOST_TEST_DOOR_CALLS", "24"))
"""Calls side by side; 1,000 before a release."""
TRIES = int(os.environ.get("ROOST_TEST_DOOR_TRIES", "20"))
"""Signals at times that are drawn."""

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="it is for Linux")]


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        made.add("me", "human")
        made.program()
        yield made
        doorway.wait_alone(made.places.run)


@pytest.fixture
def native(tmp_path: Path) -> str:
    """The native program, beside which there is no Python that could do its work."""
    if not build(tmp_path, doorway.NO_PYTHON):
        pytest.skip("there is no C compiler")
    return str(tmp_path / "roost")


def stored(roost: Roost, text: str) -> int:
    """How often a text is in the mailbox."""
    return [mail["body"] for mail in roost.call("inbox", name="me", all=True)].count(text)


def test_a_caller_that_goes_away_at_any_step_leaves_nothing_behind(roost: Roost) -> None:
    """Whatever was sent of a request, while its word was not taken: nothing is done."""
    whole = doorway.request(roost.places.run, ["send", "me", "never"], roost.environ)
    steps = [0, 1, 7, 8, 12, len(MAGIC) + 16, 200, 287, 288, 289, len(whole) // 2, len(whole) - 1]
    for size in steps:
        caller = doorway.Caller(roost.places.run)
        if size:
            caller.send(whole[:size])
        caller.close()
    for closes in (False, True):
        caller = doorway.Caller(roost.places.run)
        assert caller.take_back()
        caller.send(whole)
        assert closes or caller.hears() == b"", "the fork has nothing to do"
        caller.close()
    doorway.wait_alone(roost.places.run)
    assert stored(roost, "never") == 0
    assert roost.cli("list").returncode == 0


def test_a_command_is_run_by_whoever_has_taken_the_word_of_its_caller(roost: Roost) -> None:
    caller = doorway.Caller(roost.places.run)
    caller.send(doorway.request(roost.places.run, ["send", "me", "once"], roost.environ))
    assert caller.hears() == b"B"
    assert not caller.take_back(), "it cannot be begun by its caller any more"
    assert caller.hears() == b"S"
    caller.close()
    assert stored(roost, "once") == 1


def test_a_caller_of_another_version_or_without_sense_is_told_no(roost: Roost) -> None:
    whole = doorway.request(roost.places.run, ["send", "me", "never"], roost.environ)
    rest = whole[len(MAGIC) :]
    for data, descriptors in (
        (b"roost-0\n" + rest, 6),
        (b"\xff" * len(whole), 6),
        (MAGIC + b"\xff" * 400, 6),
        (MAGIC + b"\0" * 400, 6),
        (whole, 0),
        (whole, 5),
        (whole, 7),
        (whole.replace(os.fsencode(sys.executable), b"/usr/bin/none", 1), 6),
    ):
        caller = doorway.Caller(roost.places.run)
        caller.send(data, descriptors)
        assert caller.hears() in (b"N", b""), data[:20]
        caller.close()
    assert stored(roost, "never") == 0
    doorway.wait_alone(roost.places.run)
    assert roost.cli("list").returncode == 0


Answer = Callable[[socket.socket], object]
"""What somebody does with a caller who stands where the door should be."""


def _begins(caller: socket.socket, *, descriptor: bool = True) -> None:
    """Take the caller's word, and say so or go."""
    _, handed, _, _ = socket.recv_fds(caller, 1 << 20, HANDED)
    assert os.read(handed[4], 1)
    for each in handed:
        os.close(each)
    if descriptor:
        say(caller, b"B", b"", os.pidfd_open(os.getpid()))


STRANGE: dict[str, tuple[Answer, int]] = {
    "is silent": (lambda caller: [caller.recv(1 << 20), caller.recv(1)], doorway.FELL),
    "hangs up": (lambda _caller: None, doorway.FELL),
    "says no": (lambda caller: say(caller, b"N"), doorway.FELL),
    "talks nonsense": (lambda caller: caller.sendall(b"\xff" * 64), doorway.FELL),
    "begins without a handle": (lambda caller: say(caller, b"B"), doorway.FELL),
    "has gone once it has begun": (_begins, -signal.SIGKILL),
    "has gone before it says that it has begun": (
        lambda caller: _begins(caller, descriptor=False),
        -signal.SIGKILL,
    ),
}


@pytest.mark.parametrize("how", STRANGE)
def test_whoever_stands_at_the_door_a_command_begins_once_or_is_python(
    home: Home, native: str, how: str
) -> None:
    """While its word is there Python does it; after that nobody does it again."""
    run, (answer, code) = home.roost / "run", STRANGE[how]
    run.mkdir(mode=0o700, parents=True)
    with socket.socket(socket.AF_UNIX) as door, socket.socket(socket.AF_UNIX) as daemon:
        for listener, name in ((door, "door.sock"), (daemon, "roost.sock")):
            listener.bind(str(run / name))
            listener.listen()

        def stand() -> None:
            caller, _ = door.accept()
            with caller, contextlib.suppress(OSError):
                answer(caller)

        beside = threading.Thread(target=stand)
        beside.start()
        done = subprocess.run([native, "list"], timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL)
        beside.join(PATIENCE)
    assert done.returncode == code


def test_calls_side_by_side_are_each_done_once(roost: Roost) -> None:
    """Those for whom there is no room are Python themselves."""
    words, texts = roost.program(), [f"call {number}" for number in range(CALLS)]
    started = [
        subprocess.Popen([*words, "send", "me", text], env=roost.environ, stdout=subprocess.DEVNULL)
        for text in texts
    ]
    assert [process.wait(PATIENCE * 5) for process in started] == [0] * CALLS
    bodies = [mail["body"] for mail in roost.call("inbox", name="me", all=True)]
    assert sorted(bodies) == sorted(texts)


@pytest.mark.parametrize("whom", ["caller", "fork", "process of the door"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_signal_at_any_moment_does_nothing_twice_and_leaves_nothing(
    roost: Roost, whom: str, number: signal.Signals
) -> None:
    """At moments that are drawn over the time of a call; what stands still is let go on after a while."""
    words, run = roost.program(), roost.places.run
    drawn = random.Random(f"{whom}{number}")  # noqa: S311 -- no secret
    restarts = whom == "process of the door" and number == signal.SIGKILL  # with longer pauses each time
    for attempt in range(min(TRIES, 3) if restarts else TRIES):
        text = f"try {attempt}"
        keeper = doorway.keeper(run)
        with subprocess.Popen(
            [*words, "send", "me", text], env=roost.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            select.select([], [], [], drawn.random() * 0.03)  # the moment is what is drawn
            victims = {
                "caller": [process.pid],
                "fork": [*doorway.forks(run), *doorway.ready(run)],
                "process of the door": [keeper],
            }
            hit = [pid for pid in victims[whom] if _send(pid, number)]
            if number == signal.SIGSTOP:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.5)
                for pid in hit:
                    _send(pid, signal.SIGCONT)
            process.communicate(timeout=PATIENCE)
        doorway.wait_alone(run)
        times = stored(roost, text)
        assert times <= 1, "nothing is done twice"
        assert times == 1 or process.returncode != 0, "what is told was done"
        if whom == "process of the door":
            assert (process.returncode, times) == (0, 1), "a command outlives it"
            wait_until((run / "door.sock").exists, timeout=PATIENCE, why="there is another")
            wait_until(lambda: doorway.processes(run), timeout=PATIENCE, why="another is started")


def _send(pid: int, number: signal.Signals) -> bool:
    try:
        signal_pid(pid, number)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def commands() -> Iterator[contextlib.ExitStack]:
    """Commands that have ended when the test has."""
    with contextlib.ExitStack() as stack:
        yield stack


def test_commands_live_and_die_with_their_callers_not_with_the_door_or_the_daemon(
    roost: Roost, native: str, commands: contextlib.ExitStack
) -> None:
    roost.add("a")
    run = roost.places.run

    def waiting() -> tuple[subprocess.Popen[bytes], int]:
        words = [native, "wait", "a", "--for", "working"]
        # It hears Ctrl-C also where this run was started in the background.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(words, env=roost.environ, stderr=subprocess.PIPE)
        signal.signal(signal.SIGINT, before)
        commands.enter_context(process)
        commands.callback(process.kill)
        wait_until(lambda: len(doorway.forks(run)) == 1, timeout=PATIENCE, why="a command runs")
        (fork,) = doorway.forks(run)
        wait_until(lambda: _waits(fork), timeout=PATIENCE, why="it waits")
        return process, fork

    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        process, fork = waiting()
        process.send_signal(number)
        assert process.wait(PATIENCE) == -number
        wait_until(lambda gone=fork: gone not in doorway.processes(run), timeout=PATIENCE, why="it has ended")
    process, fork = waiting()
    signal_pid(fork, signal.SIGTERM)
    assert process.wait(PATIENCE) == -signal.SIGTERM, "a command that is killed ends its caller as it ended"
    process, fork = waiting()
    signal_pid(fork, signal.SIGSTOP)
    process.kill()
    process.wait(PATIENCE)
    wait_until(lambda: fork not in doorway.processes(run), timeout=PATIENCE, why="it ended standing still")
    process, fork = waiting()
    keeper = doorway.keeper(run)
    signal_pid(keeper, signal.SIGKILL)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, b"interrupted" in said) == (130, True), "it outlives the process of the door"
    wait_until(lambda: keeper not in doorway.processes(run), timeout=PATIENCE, why="it has ended")
    wait_until(lambda: doorway.processes(run), timeout=PATIENCE, why="there is another")
    roost.program()
    wait_until(lambda: _answers(native, roost), timeout=PATIENCE, why="it takes commands")
    process, fork = waiting()
    roost.kill()
    _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (
        1,
        b"roost: the daemon went away before it answered; `roost status` tells if it is back\n",
    )
    wait_until(lambda: not doorway.processes(run), timeout=PATIENCE, why="nothing of the door is left")
    roost.start()


def _answers(native: str, roost: Roost) -> bool:
    done = subprocess.run([native, "list"], env=roost.environ, capture_output=True, check=False)
    return done.returncode == 0


def _waits(pid: int) -> bool:
    """Whether it waits for the daemon, its request sent."""
    return "unix_stream" in Path(f"/proc/{pid}/wchan").read_text() or "S (" in _state(pid)


def _state(pid: int) -> str:
    return next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "State:" in line)
