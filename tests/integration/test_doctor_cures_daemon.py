"""Findings of `doctor` about a daemon, its peers and its service: produced, cured as printed, and gone."""

import errno
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from roost.local.paths import find_places
from roost.local.program import FOLDER
from roost.present.finding import Code
from tests.support.control_group import made_group
from tests.support.cures import (
    Case,
    Doctor,
    Printed,
    advised,
    cured,
    quoted_roost,
    restores,
    tool,
)
from tests.support.daemon import PATIENCE, Roost, alive, signal_pid
from tests.support.damage import OF_FILES
from tests.support.fake_systemd import FakeSystemd, runtime_folder
from tests.support.home import Home
from tests.support.pids_limit import pids_limit
from tests.support.seccomp import NOT_ALLOWED
from tests.support.small_disk import fill, small_disk
from tests.support.stranger import stranger
from tests.support.wait import wait_until

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="/proc, mounts, systemd")]
PROJECT = Path(__file__).parents[2]
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount, and give files away")


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with quoted_roost(home) as made:
        yield made


def start(doctor: Doctor) -> None:
    """A daemon with the person's own environment: what no cure starts need not come by `roost up`."""
    if doctor.roost.process is not None:
        doctor.roost.process.wait(PATIENCE)
    doctor.roost.start(environ={"PATH": doctor.environ["PATH"]})


PEERS = """
[runtimes.later]
argv = ["later-tool"]
ready = '(?m)^inside> $'
[runtimes.gone]
argv = ["{agent}"]
ready = '(?m)^inside> $'
[runtimes.vague]
argv = ["/bin/sh"]
ready = '(?m)^inside> $'
[runtimes.vague.env]
PS1 = "inside> "
[runtimes.gone.env]
PS1 = "inside> "
"""
HOLDS = """
import sys, apsw
connection = apsw.Connection(sys.argv[1], flags=apsw.SQLITE_OPEN_READONLY)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM messages").fetchall()
print("reads", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_peers_that_need_a_person(roost: Roost) -> None:
    home, agent = roost.home, roost.home.user / "agent"
    home.roost.mkdir(mode=0o700)
    roost.places.config.write_text(PEERS.format(agent=agent))
    doctor = Doctor(roost)
    start(doctor)
    later = tool(home.root / "later", "later-tool", "exec /bin/sh")
    roost.add("later", "later")
    for name in ("asks", "halts", "moves", "replaced", "removed", "held"):
        roost.call("wake", name=roost.add(name))
    roost.call("wake", name=roost.add("vague", "vague"))
    assert roost.ask("held", "hello") == "echo: hello"
    roost.add("waits", "gone")
    roost.add("breaks", restarts="1", args="--no-such-option")
    roost.add("m", "human")
    roost.add("full", "human", queue_limit="1")
    tool(home.user, "agent", "exec /bin/sh")

    def elsewhere() -> None:
        doctor.environ |= {"SSH_AUTH_SOCK": "/new", "PATH": f"{later.parent}:{doctor.environ['PATH']}"}

    def away() -> None:
        agent.unlink()
        roost.send("waits", "kept")

    def put_back(doctor: Doctor, printed: Printed) -> None:
        tool(home.user, "agent", "exec /bin/sh")
        doctor.cure(printed)

    def corrected(doctor: Doctor, printed: Printed) -> None:
        roost.call("set", name="breaks", pairs=[["args", ""]])
        doctor.cure(printed)

    def other_folder() -> None:
        (home.work / "replaced").rename(home.work / "an other")
        (home.work / "replaced").mkdir()

    def read_on() -> None:
        """A program that holds the store's log, and what comes into that meanwhile."""
        words = [sys.executable, "-c", HOLDS, str(roost.places.database)]
        reader = stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        stack.callback(reader.kill)
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"reads\n"
        for _ in range(5):
            roost.send("m", "x" * 50_000)

    with ExitStack() as stack:
        conversation = roost.session("held")["conversation"]
        cured(
            doctor,
            Case(Code.ENVIRONMENT_DIFFERS, elsewhere),
            Case(Code.PROGRAM_HIDDEN),
            Case(
                Code.SESSION_BLOCKED,
                lambda: roost.send("asks", "@@ask@@"),
                doctor.joins(r"Allow\?", "Enter", "demo>"),
                "asks",
            ),
            Case(Code.SESSION_BLOCKED, lambda: halt(roost, "halts"), check="halts"),
            Case(
                Code.SESSION_UNCLEAR,
                lambda: roost.keys("vague", "clear; cat", "Enter"),
                doctor.joins("", "C-d", "(?m)^inside> *$"),
            ),
            Case(
                Code.FOLDER_MOVED,
                lambda: (home.work / "moves").rename(home.work / "gone there"),
                check="moves",
            ),
            Case(Code.FOLDER_MOVED, other_folder, check="replaced"),
            Case(Code.FOLDER_MOVED, (home.work / "removed").rmdir, check="removed"),
            Case(Code.START_HINDERED, away, put_back),
            Case(Code.PEER_QUARANTINED, lambda: roost.send("breaks", "kept"), corrected),
            Case(Code.CONVERSATION_HELD, lambda: stack.enter_context(stranger(roost, conversation))),
            Case(Code.MAILBOX_FULL, lambda: roost.send("full", "unread")),
            Case(Code.STORE_LOG_HELD, read_on),
        )
    with pids_limit() as limit:
        limit.take(roost.call("status")["pid"])
        cured(doctor, Case(Code.PROCESSES_LEFT, lambda: limit.leave(20)))


def test_a_tmux_that_was_upgraded_while_sessions_run(roost: Roost) -> None:
    """Its sessions go on with the one that they began with."""
    doctor, tmux = Doctor(roost), Path(shutil.which("tmux") or "")
    start(doctor)
    for name in ("a", "b"):
        roost.add(name)
        roost.ask(name, "hello", topic="t")
    version = doctor.run("tmux -V").stdout.split()[1]
    other = f"{version[:-1]}{'8' if version[-1] != '8' else '9'}"

    def upgraded() -> None:
        newer = doctor.tools / "tmux"
        newer.write_bytes(tmux.read_bytes().replace(f"\0{version}\0".encode(), f"\0{other}\0".encode()))
        newer.chmod(0o755)

    def in_both(doctor: Doctor, printed: Printed) -> None:
        assert f"a, b: tmux {version}, and {other} is found now" in printed.detail
        doctor.cure(printed)
        for name in ("a", "b"):
            assert roost.ask(name, "@@recall@@", topic="t") == "1"

    cured(doctor, Case(Code.TMUX_OTHER, upgraded, in_both))


def test_a_collector_that_cannot_be_reached(roost: Roost) -> None:
    config = roost.places.config
    config.parent.mkdir(parents=True, mode=0o700)
    config.write_text('[traces]\nendpoint = "http://127.0.0.1:9"\n')
    doctor = Doctor(roost)
    start(doctor)
    roost.add("m", "human")
    roost.send("m", "a span of it ends at once")

    def mended(doctor: Doctor, printed: Printed) -> None:
        config.write_text("")
        doctor.cure(printed)

    cured(doctor, Case(Code.TRACES_WAIT, act=mended))


def halt(roost: Roost, name: str) -> None:
    signal_pid(roost.session(name)["agent_pid"], signal.SIGSTOP)
    roost.send(name, "hello")  # one at rest is looked at for it


@root_only
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_daemon_that_was_born_in_the_wrong_place(roost: Roost) -> None:
    """Of another program, with few files, below a filter, with a foreign runtime folder and another file."""
    home = roost.home
    environ = {name: value for name, value in roost.environ.items() if name != "ROOST_HOME"}
    roost.environ, roost.places = environ, find_places(environ)
    foreign, library = home.root / "foreign", home.root / "lib"
    foreign.mkdir(mode=0o700)
    os.chown(foreign, 12345, 12345)
    shutil.copytree(FOLDER, library / "roost")
    with (library / "roost/host/ids.py").open("a") as file:
        file.write("# another version\n")
    doctor = Doctor(roost, quick="import roost.cli.commands.doctor as d; d._PATIENCE = 1.0")
    python = shlex.quote(sys.executable)
    born = {
        "PYTHONPATH": f"{library}:{PROJECT}",
        "XDG_RUNTIME_DIR": str(foreign),
        "XDG_CONFIG_HOME": str(home.root / "config"),
    }
    seccomp = f"{python} -m tests.support.seccomp {errno.ENOSYS}"
    with made_group("roost-0123.scope") as group:
        up = doctor.run(f"{seccomp} prlimit --nofile=100:100 {python} -m roost up", **born)
        if up.returncode == NOT_ALLOWED:
            pytest.skip("seccomp filters are not allowed here")
        assert up.returncode == 0, up
        group.take(roost.call("status")["pid"])
        for number in range(25):
            roost.add(f"p{number}")
        cured(
            doctor,
            Case(Code.DAEMON_STALE),
            Case(Code.OPEN_FILES),
            Case(Code.NO_HANDLES),
            Case(Code.CONFIG_OTHER),
            Case(Code.RUNTIME_FOLDER),
            Case(Code.DAEMON_IN_SESSION),
        )
    pid = roost.call("status")["pid"]
    cured(doctor, Case(Code.DAEMON_MUTE, lambda: signal_pid(pid, signal.SIGSTOP)))
    assert roost.call("status")["pid"] == pid
    doctor.does("roost down")
    words = [sys.executable, "-c", DEAF, str(roost.places.socket), str(roost.places.state)]
    with subprocess.Popen(words) as deaf:
        try:
            wait_until(roost.places.socket.exists, timeout=PATIENCE, why="it listens")
            cured(doctor, Case(Code.DAEMON_MUTE))
        finally:
            deaf.kill()


DEAF = """
import fcntl, os, select, socket, sys
with socket.socket(socket.AF_UNIX) as listener:
    fcntl.flock(os.open(sys.argv[2], os.O_RDONLY), fcntl.LOCK_EX)
    open(sys.argv[2] + "/daemon.pid", "w").write(str(os.getpid()))
    listener.bind(sys.argv[1])
    listener.listen()
    select.select([], [], [])
"""


@root_only
def test_a_disk_that_is_full_and_one_that_takes_no_more_files(roost: Roost) -> None:
    places = roost.places
    with small_disk(places.home, "16m"), small_disk(places.logs, "64m", files=1500):
        places.panes.mkdir()
        doctor = Doctor(roost, quick=f"import roost.cli.doctor_places as d; d.LEAST_FREE = {2 << 20}")
        start(doctor)
        try:
            roost.call("wake", name=roost.add("a"))
            many, ballast = places.logs / "many files", places.home / "big file"
            many.mkdir()

            def kill() -> None:
                fill(ballast)
                signal_pid(roost.session("a")["agent_pid"], signal.SIGKILL)

            def remove(doctor: Doctor, printed: Printed) -> None:
                """What the command shows is what can go."""
                named = [each for each in (many, ballast) if str(each) in doctor.run(printed.fix).stdout]
                for each in named:
                    subprocess.run(["rm", "-r", str(each)], check=True)
                assert named, printed

            cured(
                doctor,
                Case(
                    Code.DISK_FILES, lambda: [(many / str(number)).touch() for number in range(700)], remove
                ),
                Case(Code.DISK_FULL, kill, remove),
                Case(Code.NOT_STORED),
            )
            roost.until_death("a")
        finally:
            doctor.does("roost down --agents")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_store_that_was_lost_or_taken_away(roost: Roost) -> None:
    doctor = Doctor(roost)
    start(doctor)
    early, late = (roost.home.root / f"{name} backup" for name in ("early", "late"))
    roost.call("backup", path=str(early))
    for name in ("a", "b"):
        roost.call("wake", name=roost.add(name))
    roost.call("backup", path=str(late))
    sessions = [roost.session(name) for name in ("a", "b")]

    def lose() -> None:
        doctor.does("roost down")
        for path in places_of_store(roost):
            path.unlink(missing_ok=True)
        shutil.copy(early, roost.places.database)
        start(doctor)

    cured(
        doctor,
        Case(Code.SESSION_UNKNOWN, lose, check="unknown session"),
        Case(Code.STORE_DOUBTED, act=restores(late)),
    )
    roost.until_state("b", "idle")
    cured(doctor, Case(Code.STORE_DOUBTED, lose, advised))
    for session in sessions:
        doctor.does(f"roost adopt {session['id'][:8]}")
    cured(doctor, Case(Code.STORE_DISPLACED, lambda: [path.unlink() for path in places_of_store(roost)]))
    for name, session in zip(("a", "b"), sessions, strict=True):
        roost.until_state(name, "idle")
        assert roost.session(name)["agent_pid"] == session["agent_pid"]
        assert roost.deaths(name) == []
    flip = next(damage for damage in OF_FILES if damage.name == "flipped-pages")
    for _ in range(2):  # what was put away first stays
        cured(doctor, Case(Code.STORE_DAMAGED, lambda: flip.harm(roost), advised, check="store"))
        doctor.does("roost adopt --store")
    assert (roost.places.state / "damaged1/roost.db").exists()
    taken_away = Case(
        Code.STORE_DISPLACED, lambda: [path.unlink() for path in places_of_store(roost)], advised
    )
    cured(doctor, taken_away)
    assert all(alive(session["agent_pid"]) for session in sessions)


def places_of_store(roost: Roost) -> list[Path]:
    return [
        path for suffix in ("", "-wal", "-shm") if (path := Path(f"{roost.places.database}{suffix}")).exists()
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_service_its_manager_and_the_login(roost: Roost) -> None:
    systemd = FakeSystemd(roost.home.root / "s", runtime_folder())
    roost.environ = systemd.environ(roost.environ)
    doctor, other = Doctor(roost), roost.home.root / "other"
    units = roost.home.user / ".config/systemd/user"

    def broken() -> None:
        unit = units / "roost.service"
        unit.write_text(unit.read_text().replace(sys.executable, "/nowhere/python"))

    def by_hand() -> None:
        doctor.does("roost down")
        systemd.mode("systemctl", "fail")
        doctor.does("roost up")
        systemd.mode("systemctl", "")

    def of_another() -> None:
        unit = units / "roost.service"
        unit.write_text(unit.read_text().replace(str(roost.places.home), str(other)))

    def no_scopes() -> None:
        systemd.mode("systemd-run", "fail")
        doctor.does("roost up --replace")

    def mended(doctor: Doctor, printed: Printed) -> None:
        systemd.mode("systemd-run", "")
        doctor.cure(printed)

    doctor.does("roost up")
    cured(doctor, Case(Code.LINGER_OFF), Case(Code.SERVICE_NONE))
    cured(
        doctor,
        Case(Code.SERVICE_STALE, lambda: (units / "roost-gc.timer").write_text("")),
        Case(Code.SCOPES_REFUSED, no_scopes, mended),
    )
    cured(doctor, Case(Code.SERVICE_NO_SWEEP, lambda: systemd.stops("roost-gc.timer")))
    cured(doctor, Case(Code.SERVICE_BROKEN, broken))
    cured(doctor, Case(Code.SERVICE_UNUSED, by_hand))
    doctor.does("roost down")
    cured(doctor, Case(Code.SERVICE_FAILED, lambda: systemd.fails("roost.service")))
    cured(doctor, Case(Code.SERVICE_OTHER, of_another))
    cured(doctor, Case(Code.SERVICE_MUTE, lambda: systemd.mode("systemctl", "fail")))
    systemd.mode("systemctl", "")
    with made_group("session-9.scope") as group:
        cured(doctor, Case(Code.DAEMON_IN_LOGIN, lambda: group.take(roost.call("status")["pid"])))
