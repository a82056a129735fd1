"""Each finding of `doctor` is produced on the real thing, its cure run as printed, and the finding gone.

The folder of the roost needs quoting, and so does each path in it.
"""

import errno
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from roost.finding import Code
from roost.paths import find_places
from roost.program import FOLDER
from roost.store.database import SCHEMA, open_database
from tests.support.control_group import made_group
from tests.support.cures import Case, Doctor, Printed, cured, obeys, path_without, tool
from tests.support.daemon import PATIENCE, Roost, signal_pid
from tests.support.fake_systemd import FakeSystemd, runtime_folder
from tests.support.home import Home, environment
from tests.support.hung_disk import hung
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
    quoted = replace(home, roost=home.root / "it's r", work=home.root / "my work")
    quoted.work.mkdir()
    made = Roost(quoted, environment(os.environ, quoted))
    yield made
    if made.places.state.exists():
        made.cli("gc", "--end", "all")
        assert made.cli("down", "--agents").returncode in (0, 5)


def stored(roost: Roost) -> Path:
    """Folders and a store, with the backup of it that is returned."""
    for folder in (roost.places.home, roost.places.state, roost.places.run, roost.places.logs):
        folder.mkdir(mode=0o700, exist_ok=True)
    open_database(roost.places.database).close()
    backup = roost.home.root / "a backup"
    assert roost.cli("backup", str(backup)).returncode == 0
    return backup


def restores(backup: Path) -> Callable[[Doctor, Printed], object]:
    return lambda doctor, printed: doctor.cure(printed, BACKUP=f"'{backup}'")


def advised(doctor: Doctor, printed: Printed) -> None:
    """The first command of the advice, as it stands."""
    doctor.does(printed.advice.split("`")[1])


def installs(doctor: Doctor) -> None:
    """Package managers that know what is asked of them."""
    tmux = shutil.which("tmux")
    tool(doctor.tools, "apt-get", f'test "$*" = "install tmux" && ln -sf {tmux} {doctor.tools}/tmux')
    tool(doctor.tools, "sudo", 'exec "$@"')
    tool(
        doctor.tools,
        "npm",
        f"""test "$1 $2" = "install -g" || exit 1
name=${{3##*/}}; name=${{name%-code}}
printf '#!/bin/sh\\necho 1.0\\n' > {doctor.tools}/$name; chmod +x {doctor.tools}/$name""",
    )


def set_version(path: Path, version: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def test_programs_places_and_store_without_a_daemon(roost: Roost) -> None:
    stored(roost)
    places = roost.places
    environ = {**roost.environ, "PATH": path_without(roost, "tmux", "claude", "codex")}
    doctor = Doctor(roost, environ, below=obeys())
    installs(doctor)
    editor = tool(doctor.tools, "my-editor", 'echo > "$1"')
    doctor.environ["EDITOR"] = str(editor)
    cured(
        doctor,
        Case(Code.TMUX_MISSING),
        Case(Code.PROGRAM_MISSING, check="claude"),
        Case(Code.PROGRAM_BROKEN, lambda: tool(doctor.tools, "codex", "exit 1")),
        Case(Code.STORE_CLOSED, lambda: places.database.chmod(0)),
        Case(Code.CONFIG_WRONG, lambda: places.config.write_text("[logs]\nsize = = 3\n")),
        Case(Code.FOLDER_OPEN, lambda: places.state.chmod(0o755)),
        Case(Code.FOLDER_TAKEN, lambda: (places.logs.rmdir(), places.logs.touch())),
        Case(Code.FOLDER_LOCKED, lambda: places.run.chmod(0o500)),
        Case(Code.SOCKET_TAKEN, places.socket.touch),
        Case(Code.DAEMON_DOWN),
    )


def test_a_folder_that_is_closed_and_a_configuration_that_is(roost: Roost) -> None:
    stored(roost)
    roost.places.config.touch()
    doctor = Doctor(roost, below=obeys())
    cured(doctor, Case(Code.FOLDER_CLOSED, lambda: roost.home.roost.chmod(0)))
    cured(
        doctor,
        Case(Code.CONFIG_CLOSED, lambda: roost.places.config.chmod(0)),
        Case(Code.FOLDER_CLOSED, lambda: lead_away(roost.places.logs)),
    )


def lead_away(folder: Path) -> None:
    folder.rmdir()
    folder.symlink_to(folder.with_name("an other disk"))


@root_only
def test_a_folder_of_another_user_and_a_tmux_that_is_too_old(roost: Roost) -> None:
    backup = stored(roost)
    doctor = Doctor(roost)
    installs(doctor)
    cured(
        doctor,
        Case(Code.TMUX_OLD, lambda: tool(doctor.tools, "tmux", "echo tmux 3.2a")),
        Case(Code.STORE_NEWER, lambda: set_version(roost.places.database, 99), restores(backup)),
        Case(Code.FOLDER_FOREIGN, lambda: os.chown(roost.places.logs, 12345, 12345)),
    )


def test_a_store_that_is_empty_damaged_old_or_in_use(roost: Roost) -> None:
    backup, path = stored(roost), roost.places.database
    doctor = Doctor(roost, quick="import roost.store.database as d; d._BUSY_MS = 100")
    installs(doctor)
    cured(
        doctor,
        Case(Code.TMUX_BROKEN, lambda: tool(doctor.tools, "tmux", "exit 1")),
        Case(Code.STORE_EMPTY, lambda: path.write_bytes(b""), restores(backup)),
    )
    cured(doctor, Case(Code.STORE_DAMAGED, lambda: path.write_bytes(b"no database" * 999), restores(backup)))
    garbage = Case(Code.STORE_DAMAGED, lambda: path.write_bytes(b"no database" * 999), advised)
    cured(doctor, garbage)
    doctor.does("roost down")
    other = sqlite3.connect(path, isolation_level=None)
    locks = ("locking_mode = EXCLUSIVE", f"user_version = {SCHEMA}")
    keeps = Case(
        Code.STORE_FAILED, lambda: [other.execute(f"PRAGMA {each}") for each in locks], closes(other)
    )
    cured(doctor, keeps)
    cured(doctor, Case(Code.STORE_OLDER, lambda: older(path)))


def closes(other: sqlite3.Connection) -> Callable[[Doctor, Printed], object]:
    return lambda *_: other.close()


def older(path: Path) -> None:
    """As an older roost made it."""
    path.unlink()
    migrations = sorted((Path(open_database.__code__.co_filename).parent / "migrations").glob("*.sql"))
    connection = apsw.Connection(str(path))
    connection.execute("".join(each.read_text() for each in migrations[: SCHEMA - 1]))
    connection.pragma("user_version", SCHEMA - 1)
    connection.close()


def test_a_sqlite_that_cannot_be_loaded(roost: Roost) -> None:
    """`pip` is one that puts the broken module away."""
    broken = roost.home.root / "broken"
    (broken / "apsw").mkdir(parents=True)
    (broken / "apsw/__init__.py").write_text("raise ImportError('undefined symbol: sqlite3_x')\n")
    (broken / "pip").mkdir()
    (broken / "pip/__init__.py").touch()
    asked = "import shutil, sys; assert sys.argv[1:] == ['install', '--force-reinstall', 'apsw']"
    (broken / "pip/__main__.py").write_text(f"{asked}; shutil.rmtree({str(broken / 'apsw')!r})\n")
    cured(Doctor(roost, {**roost.environ, "PYTHONPATH": str(broken)}), Case(Code.SQLITE_BROKEN))


@root_only
def test_a_disk_that_is_read_only_or_does_not_answer(roost: Roost) -> None:
    with small_disk(roost.home.roost, "200m"):
        stored(roost)
        doctor = Doctor(roost, quick="import roost.cli.doctor as d; d._SECONDS = 2.0")
        disk = str(roost.home.roost)
        cured(
            doctor,
            Case(Code.DISK_READ_ONLY, lambda: mount("-o", "remount,ro", disk)),
        )
        roost.places.config.touch()
        with hung([roost.places.config]):
            cured(doctor, Case(Code.LOOK_HUNG))


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


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
@pytest.mark.timeout(240)
def test_peers_that_need_a_person(roost: Roost) -> None:
    home, agent = roost.home, roost.home.user / "agent"
    home.roost.mkdir(mode=0o700)
    roost.places.config.write_text(PEERS.format(agent=agent))
    doctor = Doctor(roost)
    doctor.does("roost up")
    later = tool(home.root / "later", "later-tool", "exec /bin/sh")
    roost.add("later", "later")
    for name in ("asks", "halts", "moves", "replaced", "removed", "held"):
        roost.call("wake", name=roost.add(name))
    roost.call("wake", name=roost.add("vague", "vague"))
    assert roost.ask("held", "hello") == "echo: hello"
    roost.add("waits", "gone")
    roost.add("breaks", restarts="1", args="--no-such-option")
    roost.add("m", "human")
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

    with ExitStack() as stack:
        reader = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", HOLDS, str(roost.places.database)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        stack.callback(reader.kill)
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"reads\n"
        conversation = roost.session("held")["conversation"]
        cured(
            doctor,
            Case(Code.ENVIRONMENT_DIFFERS, elsewhere),
            Case(Code.PROGRAM_HIDDEN),
            Case(
                Code.SESSION_BLOCKED,
                lambda: roost.send("asks", "@@ask@@"),
                doctor.joins(r"Allow\?", "Enter"),
                "asks",
            ),
            Case(Code.SESSION_BLOCKED, lambda: halt(roost, "halts"), check="halts"),
            Case(
                Code.SESSION_UNCLEAR,
                lambda: roost.keys("vague", "clear; cat", "Enter"),
                doctor.joins("vague", "C-d"),
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
            Case(Code.STORE_LOG_HELD, lambda: [roost.send("m", "x" * 50_000) for _ in range(5)]),
        )
    with pids_limit() as limit:
        limit.take(roost.call("status")["pid"])
        cured(doctor, Case(Code.PROCESSES_LEFT, lambda: limit.leave(20)))


def halt(roost: Roost, name: str) -> None:
    signal_pid(roost.session(name)["agent_pid"], signal.SIGSTOP)
    roost.send(name, "hello")  # one at rest is looked at for it


@root_only
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_daemon_that_was_born_in_the_wrong_place(roost: Roost) -> None:
    """Of another program, with few files, below a filter, with a foreign runtime folder and another file."""
    home = roost.home
    environ = {name: value for name, value in roost.environ.items() if name != "ROOST_HOME"}
    roost.environ, roost.places = environ, find_places(environ)
    foreign, library = home.root / "foreign", home.root / "lib"
    foreign.mkdir(mode=0o700)
    os.chown(foreign, 12345, 12345)
    shutil.copytree(FOLDER, library / "roost", ignore=shutil.ignore_patterns("__pycache__"))
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
        doctor.does("roost up")
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
@pytest.mark.timeout(240)
def test_a_store_that_was_lost_or_taken_away(roost: Roost) -> None:
    doctor = Doctor(roost)
    doctor.does("roost up")
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
        doctor.does("roost up")

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


def places_of_store(roost: Roost) -> list[Path]:
    return [
        path for suffix in ("", "-wal", "-shm") if (path := Path(f"{roost.places.database}{suffix}")).exists()
    ]


@pytest.mark.slow
@pytest.mark.timeout(240)
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
