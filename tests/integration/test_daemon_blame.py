"""A launch that fails before the agent's program ever ran: nobody's crash, told once, and tried again."""

import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from roost.client.connection import RemoteError
from tests.support.daemon import Roost, alive, cleared, roost_in, shared_roost
from tests.support.home import Home
from tests.support.wait import wait_until

PATIENCE = 30.0
DAEMON = Path(__file__).resolve().parent.parent / "support" / "sensor_daemon.py"
PROGRAM = Path(__file__).resolve().parent.parent / "support" / "line_agent.py"
CONFIG = """
[runtimes.line]
argv = [{program}, "{{dir}}/{{conversation}}.log"]
resume_argv = [{program}, "{{dir}}/{{conversation}}.log", "--resume"]
ready = '(?m)^line> $'
busy = 'busy with it'
accept_log = "{{dir}}/{{conversation}}.log"
turn_done = '"type": "turn_done"'
submit_delay = "20ms"
"""


def prepare(home: Home) -> None:
    home.roost.mkdir(mode=0o700)
    config = CONFIG.format(program=json.dumps(str(program(home))))
    (home.roost / "config.toml").write_text(config)


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost(prepare) as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        install(made.home)
        yield made


def program(home: Home) -> Path:
    return home.user / "agent"


def install(home: Home) -> None:
    """Put the agent's program in its place, at once."""
    fresh = home.user / "agent.new"
    fresh.write_text(f"#!{sys.executable}\n{PROGRAM.read_text()}")
    fresh.chmod(0o700)
    fresh.replace(program(home))


def take_away(home: Home) -> None:
    program(home).unlink()


def leave_a_stub(home: Home) -> None:
    program(home).write_text("not a program yet\n")


def hold_open(home: Home) -> None:
    """As while it is written: a binary that somebody has open for writing cannot be run (ETXTBSY)."""
    fresh = home.user / "agent.new"
    shutil.copy("/bin/sleep", fresh)
    fresh.replace(program(home))
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; held = open(sys.argv[1], 'ab'); print(1, flush=True)\nsys.stdin.read()",
            str(program(home)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    WRITERS.append(writer)


WRITERS: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def _no_writer_stays() -> Iterator[None]:
    yield
    while WRITERS:
        with WRITERS.pop() as writer:
            writer.kill()


def notices(roost: Roost) -> list[dict[str, Any]]:
    return [item["notice"] for item in roost.call("inbox", name="operator") if item["notice"]]


def not_started(roost: Roost, name: str) -> list[dict[str, Any]]:
    """The deaths of the peer, none of which counts against it."""
    deaths = roost.deaths(name)
    assert {(death["cause"], death["counted"]) for death in deaths} <= {("not-started", False)}
    assert roost.events(name, "quarantined") == []
    return deaths


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (take_away, "was not found"),
        (leave_a_stub, "Exec format error; it has no `#!` line"),
        (hold_open, "Text file busy"),
    ],
)
def test_C11_a_program_that_is_away_for_seconds_costs_nothing(
    roost: Roost, away: Callable[[Home], None], words: str
) -> None:
    roost.add("a", "line")
    away(roost.home)
    sent = roost.send("a", "kept")["id"]
    wait_until(
        lambda: len(not_started(roost, "a")) >= 3, timeout=PATIENCE, why="the third try has failed, too"
    )
    row = roost.until_state("a", "blocked")
    assert "cannot be started: " in row["why"]
    assert words in row["why"]
    assert "tried again at 2" in row["why"]
    assert roost.message(sent)["state"] == "queued"
    install(roost.home)
    roost.until_message(sent, "done")
    not_started(roost, "a")
    shown = roost.call("show", name="a")
    assert (shown["failures"], shown["hindered"], shown["last_death"]) == (0, None, None)
    assert notices(roost) == []


def test_C11_who_waits_is_told_once_and_who_sends_later_at_once(roost: Roost) -> None:
    roost.add("a", "line")
    take_away(roost.home)
    sent = roost.send("a", "kept")["id"]
    wait_until(lambda: notices(roost), timeout=PATIENCE, why="the sender is told")
    late = roost.cli("send", "a", "also kept")
    assert late.returncode == 0
    assert "'a' cannot be started: the program " in late.stderr
    roost.kill()
    roost.start()
    assert "was not found" in roost.call("show", name="a")["hindered"]["why"]
    woken = roost.cli("wake", "a")
    assert woken.returncode == 1
    assert str(program(roost.home)) in woken.stderr
    checks = {check["check"]: check for check in roost.call("doctor")}
    assert "was not found" in checks["start of a"]["detail"]
    assert checks["start of a"]["fix"] == "roost wake a"
    (told,) = notices(roost)
    assert (told["about"], told["outcome"]) == (sent, "cannot be woken")
    install(roost.home)
    assert roost.cli("wake", "a").returncode == 0
    roost.until_message(sent, "done")
    assert len(notices(roost)) == 1
    assert "start of a" not in {check["check"] for check in roost.call("doctor")}


def test_F12_a_folder_that_is_away_is_waited_for_and_its_conversation_goes_on(roost: Roost) -> None:
    roost.add("a", resume="always")
    roost.ask("a", "before")
    roost.call("stop", name="a")
    roost.call("start", name="a")
    folder, elsewhere = roost.home.work / "a", roost.home.work / "renamed"
    folder.rename(elsewhere)
    before = len(roost.deaths("a"))
    sent = roost.send("a", "@@recall@@")["id"]
    wait_until(lambda: len(roost.deaths("a")) >= before + 3, timeout=PATIENCE, why="three tries have failed")
    row = roost.until_state("a", "blocked")
    assert f"the directory {folder} is not there" in row["why"]
    assert roost.events("a", "quarantined") == []
    elsewhere.rename(folder)
    roost.until_message(sent, "done")
    assert [item["body"] for item in roost.call("inbox", name="operator") if not item["notice"]][-1] == "1"
    assert roost.session("a")["wake_cause"] == "parked-always"


def test_F12_another_folder_is_tried_at_once(roost: Roost) -> None:
    roost.add("a")
    (roost.home.work / "a").rename(roost.home.work / "moved")
    sent = roost.send("a", "kept")["id"]
    wait_until(lambda: len(not_started(roost, "a")) >= 3, timeout=PATIENCE, why="three tries have failed")
    roost.call("set", name="a", pairs=[["dir", str(roost.home.work / "moved")]])
    roost.until_message(sent, "done")
    assert len(not_started(roost, "a")) == 3


@pytest.mark.parametrize("request_", [["restart", "a"], ["wake", "a", "--fresh"]], ids=["restart", "fresh"])
def test_F12_no_session_is_ended_that_could_not_be_started_again(roost: Roost, request_: list[str]) -> None:
    roost.add("a")
    roost.add("b", "line")
    for name in ("a", "b"):
        roost.call("wake", name=name)
    pids = {name: roost.session(name)["agent_pid"] for name in ("a", "b")}
    (roost.home.work / "a").rename(roost.home.work / "moved")
    take_away(roost.home)
    for name, words in (("a", "is not there"), ("b", "was not found")):
        refused = roost.cli(*[name if word == "a" else word for word in request_])
        assert refused.returncode == 1
        assert words in refused.stderr
        assert "its session is left as it is" in refused.stderr
        assert alive(pids[name])
        assert roost.deaths(name) == []
    install(roost.home)
    assert roost.cli(*[("b" if word == "a" else word) for word in request_]).returncode == 0
    assert not alive(pids["b"])


def test_F21_sessions_that_do_not_fit_the_limit_of_open_files_wait_for_room(home: Home) -> None:
    with roost_in(home, started=False) as roost:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        roost.start(sys.executable, "-m", "tests.support.few_files_daemon")
        assert (soft, hard) == resource.getrlimit(resource.RLIMIT_NOFILE)
        names = [roost.add(f"p{number}") for number in range(16)]
        sent = {name: roost.send(name, "hello")["id"] for name in names}
        waiting: list[str] = []
        words = "sessions live and roost may not open more files (limit 100)"

        def settled() -> bool:
            rows = [row for row in roost.call("list") if row["state"] == "blocked" and words in row["why"]]
            waiting[:] = [row["name"] for row in rows]
            return all(
                roost.message(message_id)["state"] == ("queued" if name in waiting else "done")
                for name, message_id in sent.items()
            )

        wait_until(settled, timeout=60, why="what fits has been served, and the rest waits and says why")
        assert 4 <= len(waiting) < len(names)
        for name in waiting:
            not_started(roost, name)

        seen: set[str] = set()

        def told() -> bool:
            """One that is being tried again just then is not told; one may find room meanwhile."""
            checks = (check["check"] for check in roost.call("doctor"))
            seen.update(check.removeprefix("start of ") for check in checks if check.startswith("start of "))
            waiting[:] = [name for name in waiting if roost.message(sent[name])["state"] != "done"]
            return seen >= set(waiting)

        wait_until(told, timeout=60, why="doctor tells each that waits", describe=lambda: (seen, waiting))
        assert seen <= set(names)
        assert waiting
        for name in set(names) - set(waiting):
            assert roost.ask(name, "again") == "echo: again"
            roost.call("stop", name=name)

        def woken() -> bool:
            """What was stopped gives its files back as it ends, and others that wait may be quicker."""
            with suppress(RemoteError):
                roost.call("wake", name=waiting[0])
            return bool(roost.message(sent[waiting[0]])["state"] == "done")

        wait_until(woken, timeout=60, why="there is room for one that waited")


def test_G12_where_no_thread_can_be_started_launches_wait_and_sessions_are_watched_again(home: Home) -> None:
    order = home.root / "senses"
    with roost_in(home, started=False) as roost:
        roost.start(sys.executable, str(DAEMON), environ={"ROOST_SENSORS": str(order)})
        names = [roost.add(name) for name in ("awake", "asleep")]
        roost.ask("awake", "before")
        order.write_text("threads")
        sent = [roost.send(name, "hello")["id"] for name in names]
        why = roost.until_state("awake", "unknown")["why"]
        assert why.startswith("it cannot be watched: this machine starts no more processes for now")
        wait_until(lambda: len(not_started(roost, "asleep")) >= 3, timeout=PATIENCE, why="3 tries")
        why = roost.until_state("asleep", "blocked")["why"]
        assert "this machine starts no more processes for now: no new thread" in why
        order.unlink()
        for message_id in sent:
            roost.until_message(message_id, "done")
            assert len(roost.prompts(message_id)) == 1
        assert not roost.deaths("awake")


def test_F7_a_replaced_program_of_our_own_is_nobodys_crash(home: Home) -> None:
    """The interpreter that starts our shims is moved away under a running daemon, and comes back."""
    environment, moved = home.user / "venv", home.user / "moved"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (library,) = environment.glob("lib/python*/site-packages")
    (library / "roost.pth").write_text("\n".join(path for path in sys.path if path))
    with roost_in(home, started=False) as roost:
        roost.start(str(environment / "bin/python"), "-m", "roost.daemon")
        names = [roost.add(f"p{number}") for number in range(2)]
        environment.rename(moved)
        sent = [roost.send(name, "hello")["id"] for name in names]
        for name in names:
            wait_until(lambda name=name: len(not_started(roost, name)) >= 3, timeout=PATIENCE, why="3 tries")
            why = roost.until_state(name, "blocked")["why"]
            assert "roost's program was replaced while it ran: `roost down`, then `roost up`" in why
        moved.rename(environment)
        for message_id in sent:
            roost.until_message(message_id, "done")
        assert all(not_started(roost, name) for name in names)
