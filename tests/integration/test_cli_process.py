"""The command line as a process: what it loads, how it ends, a real terminal, up and down."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from roost.cli import environment, launch
from roost.cli.app import App
from roost.cli.commands.daemon import restart
from roost.cli.main import main
from roost.local.paths import find_places
from roost.store.schema import SCHEMA
from tests.support.door import opened, program
from tests.support.home import Home
from tests.support.rpc_server import RpcServer, hold, result, serve

ID = "0190abcdef0123456789abcdef012345"
PATIENCE = 30.0
DAEMON = [sys.executable, "-P", "-X", "utf8", "-m", "roost.daemon"]
HEAVY = ("asyncio", "httptools", "mcp", "rich", "starlette", "uvicorn", "importlib.metadata")
SLOW = (
    "click",
    "msgspec",
    "json",
    "re",
    "enum",
    "typing",
    "socket",
    "collections",
    "functools",
    "contextlib",
    "pathlib",
)

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def python_daemon(home: Home) -> Iterator[RpcServer]:
    with serve(find_places(home.variables).socket) as server:
        yield server


@pytest.fixture
def daemon(python_daemon: RpcServer, home: Home, door: str) -> Iterator[RpcServer]:  # noqa: ARG001 -- by both
    with opened(find_places(home.variables).run):
        yield python_daemon


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_error_and_no_file_of_ours_takes_its_place(closed: str) -> None:
    for arguments, code in ((["list"], 0), (["nonsense"], 2), (["--version"], 0)):
        line = f'exec "$@" {closed}'
        argv = ["sh", "-c", line, "sh", *program(), *arguments]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert "Traceback" not in done.stderr


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*program(), *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def loaded(*arguments: str, executable: str = sys.executable) -> set[str]:
    """What a command has loaded. `executable`: the interpreter that it takes for its own."""
    code = dedent("""
        import sys
        sys.executable = sys.argv.pop(1)
        from roost.cli.main import main
        status = main(sys.argv[1:])
        modules = list(sys.modules)
        import json
        sys.stderr.write(json.dumps([status, *modules]))
    """)
    done = subprocess.run(
        [sys.executable, "-c", code, executable, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    status, *modules = json.loads(done.stderr.splitlines()[-1])
    assert status == 0
    return set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["status"],
        ["list", "--debug"],
        ["send", "bob", "hi"],
        ["messages"],
        ["show", "bob"],
        ["--help"],
    ],
)
def test_no_package_of_the_daemon_is_loaded(python_daemon: RpcServer, arguments: list[str]) -> None:
    python_daemon.on("list", result([]))
    python_daemon.on("status", result({"version": "0", "uptime_s": 1}))
    python_daemon.on("send", result({"id": ID, "state": "queued", "why": "", "reply": None}))
    python_daemon.on("messages", result([]))
    python_daemon.on("show", result({"name": "bob", "state": "idle"}))
    modules = loaded(*arguments)
    assert modules.isdisjoint(HEAVY)
    assert not any(name.startswith(("roost.daemon", "roost.host", "roost.runtimes")) for name in modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--json"],
        ["--json", "status"],
        ["show", "bob"],
        ["send", "bob", "hi"],
        ["send", "bob", "--from=me", "--ttl", "1h", "--wait", "done", "--timeout", "10s", "--", "-hi"],
        ["message", "1778"],
        ["messages", "--limit", "3"],
        ["inbox", "bob", "--ack"],
        ["wake", "bob"],
        ["stop", "--all"],
        ["up"],
    ],
)
def test_a_plain_command_loads_little_of_the_standard_library(
    python_daemon: RpcServer, arguments: list[str]
) -> None:
    row = {"name": "bob", "runtime": "r", "state": "s", "since": "", "queued": 0, "why": ""}
    status = {"uptime_s": 1, "version": "0", "pid": 1}
    story = {"id": ID, "from": "a", "to": "b", "state": "done"}
    answers = {"show": row, "wake": row, "message": story, "send": story, "status": status}
    for method in ("list", "status", "show", "send", "message", "messages", "inbox", "wake", "stop"):
        python_daemon.on(method, result(answers.get(method, [row] if method == "list" else [])))
    assert loaded(*arguments).isdisjoint(SLOW)


def test_a_reader_that_goes_away_ends_it_quietly(daemon: RpcServer) -> None:
    event = {"seq": 1, "ts": None, "kind": "ready", "peer": "bob", "data": {"a": "x" * 1000}}
    daemon.on("events", result(None, events=[event] * 2000))
    with subprocess.Popen([*program(), "events"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) == 141


def test_N2_ctrl_c_while_waiting_names_the_message_that_stays(daemon: RpcServer) -> None:
    reached, release = threading.Event(), threading.Event()
    daemon.on("send", hold({"id": ID, "notes": []}, reached, release))
    with subprocess.Popen(
        [*program(), "send", "bob", "hi", "--wait", "done"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert reached.wait(PATIENCE)
        # The event is on its way: only a command that has read it prints what it says.
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], PATIENCE)[0]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        release.set()
    assert (process.returncode, out.decode()) == (130, f"{ID}\n"), (
        "F23: it is printed as soon as it is stored"
    )
    assert err.decode() == (
        f"roost: no longer waiting; message {ID} stays; `roost message {ID}` shows what becomes of it\n"
    )


def test_ctrl_c_ends_a_follower_with_130(daemon: RpcServer) -> None:
    reached, release = threading.Event(), threading.Event()
    daemon.on("events", hold({"seq": 1, "ts": None, "kind": "ready", "peer": "bob"}, reached, release))
    with subprocess.Popen(
        [*program(), "events", "--follow", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["seq"] == 1
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        release.set()
    assert (process.returncode, err) == (130, b"roost: interrupted\n")


def test_ctrl_c_is_heard_on_a_terminal_whose_starter_ignores_it(daemon: RpcServer) -> None:
    """`trap '' INT` in a parent; without a terminal, as for a shell's background job, it stays ignored."""
    command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *program()]
    for terminal, status, why in ((True, 130, b"interrupted"), (False, 1, b"the daemon went away")):
        reached, release = threading.Event(), threading.Event()
        daemon.on("events", hold({"seq": 1, "ts": None, "kind": "ready", "peer": "bob"}, reached, release))
        leader, follower = pty.openpty()
        with subprocess.Popen(
            [*command, "events", "--follow", "--json"],
            stdin=follower if terminal else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["seq"] == 1
            process.send_signal(signal.SIGINT)
            if not terminal:
                release.set()
            _, err = process.communicate(timeout=PATIENCE)
            release.set()
        os.close(leader)
        os.close(follower)
        assert process.returncode == status
        assert why in err


def on_terminal(*arguments: str, **variables: str) -> bytes:
    """All that the command writes to a terminal of 80 columns."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*program(), *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80", **variables},
    ) as process:
        os.close(follower)
        data = b""
        while select.select([leader], [], [], PATIENCE)[0]:
            try:
                chunk = os.read(leader, 65536)
            except OSError:
                break
            if not chunk:
                break
            data += chunk
        assert process.wait(PATIENCE) == 0
    os.close(leader)
    return data


def test_a_terminal_gets_colour_unless_it_asks_not_to(daemon: RpcServer) -> None:
    peer = {"name": "a", "runtime": "r", "state": "idle", "since": "", "queued": 0, "why": "ready"}
    daemon.on("list", result([peer]))
    assert b"\x1b[32midle\x1b[0m" in on_terminal("list")
    assert b"\x1b" not in on_terminal("list", NO_COLOR="1")
    assert b"\x1b" not in on_terminal("list", TERM="dumb")


def test_a_terminal_gets_progress_that_is_gone_at_the_end(daemon: RpcServer) -> None:
    reply = {"id": ID, "state": "done", "why": "", "reply": None}
    daemon.on("send", result(reply, events=[{"id": ID}, {"state": "starting", "why": "launching"}]))
    shown = on_terminal("send", "bob", "hi", "--wait", "done")
    assert shown == ID.encode() + b"\r\n\r\x1b[Kbob is starting: launching\r\x1b[K"


def test_attach_becomes_the_terminal_client(daemon: RpcServer) -> None:
    daemon.on("attach", result({"argv": ["/bin/sh", "-c", "echo joined ${TMUX-outside}"]}))
    assert b"joined outside" in on_terminal("attach", "bob", TMUX="/tmp/x,1,0")


def test_attach_draws_as_for_an_xterm_where_nothing_is_known_of_the_terminal(daemon: RpcServer) -> None:
    daemon.on("attach", result({"argv": ["/bin/sh", "-c", "echo drawn as $TERM"]}))
    shown = on_terminal("attach", "bob", TERM="xterm-of-tomorrow")
    assert b"terminal 'xterm-of-tomorrow' is not known here; drawing for 'xterm-256color'\r\n" in shown
    assert b"drawn as xterm-256color" in shown
    assert b"drawn as xterm\r" in on_terminal("attach", "bob", TERM="xterm")
    assert b"drawn as mine" in on_terminal("attach", "bob", TERM="mine", TERMINFO="b64:xx")


def test_attach_takes_the_tmux_of_PATH_where_that_of_the_daemon_is_not_to_be_seen(
    daemon: RpcServer, tmp_path: Path
) -> None:
    (tmp_path / "tmux").write_text("#!/bin/sh\necho $1 by PATH\n")
    (tmp_path / "tmux").chmod(0o755)
    daemon.on("attach", result({"argv": ["/proc/none/exe", "joined"]}))
    assert b"joined by PATH" in on_terminal("attach", "bob", PATH=f"{tmp_path}:{os.environ['PATH']}")


def test_F19_logs_are_text_and_colours_on_a_terminal_and_raw_when_asked(
    daemon: RpcServer, home: Home
) -> None:
    log = home.work / "pane.log"
    log.write_bytes(b"\x1b[c\x1b[?1000h\x1b]52;c;aGk=\x07\x1b[2J\x1b[31mred\x1b[>4;1m\r\n")
    daemon.on("logs", result({"path": str(log)}))
    assert on_terminal("logs", "bob") == b"\x1b[31mred\r\n\x1b[0m"
    assert on_terminal("logs", "bob", NO_COLOR="1") == b"red\r\n"
    assert on_terminal("logs", "bob", "--raw") == log.read_bytes().replace(b"\n", b"\r\n")


FAKE_DAEMON = """
import fcntl, os, sys, threading
from pathlib import Path
from roost.local.paths import find_places
from tests.support.rpc_server import result, serve
assert os.getcwd() == "/" and os.getsid(0) == os.getpid()
home = sys.argv[sys.argv.index("--home") + 1]
ready = int(sys.argv[sys.argv.index("--ready-fd") + 1])
places = find_places({}, home)
places.state.mkdir(mode=0o700, parents=True, exist_ok=True)
lock = os.open(places.lock, os.O_RDONLY)
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
down = threading.Event()
def end(request):
    yield {"result": {}}
    down.set()
with serve(places.socket) as server:
    server.on("status", result({"version": "9", "pid": os.getpid()}))
    server.on("down", end)
    os.write(ready, b"ready %d 9\\n" % os.getpid())
    os.close(ready)
    down.wait(30)
"""


@pytest.fixture
def fake_daemon(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(Path(__file__).resolve().parents[2])
    monkeypatch.setenv("PYTHONPATH", root)
    monkeypatch.setenv("ROOST_TOKEN", "of a session")
    command = [sys.executable, "-c", FAKE_DAEMON, "--home", str(home.roost)]
    monkeypatch.setattr(launch, "_command", lambda _app: command)


@pytest.mark.usefixtures("fake_daemon")
def test_up_starts_a_daemon_of_its_own_and_down_sees_it_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up"]) == 0
    first = capsys.readouterr().out
    assert first.startswith("roost 9 is up (pid ")
    assert main(["up"]) == 0
    assert capsys.readouterr().out == first.replace("is up", "is already up")
    assert main(["up", "--replace"]) == 0
    second = capsys.readouterr().out
    assert second.startswith("roost 9 is up (pid ")
    assert second != first, "the pid of the one that is up"
    assert main(["status", "--json"]) == 0
    assert f"(pid {json.loads(capsys.readouterr().out)['pid']})" in second
    assert main(["down"]) == 0
    assert capsys.readouterr().out == "roost is down; agents live on\n"
    assert main(["status"]) == 5
    log = find_places(os.environ).logs / "daemon.log"
    assert (log.stat().st_mode & 0o777, log.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.usefixtures("fake_daemon")
def test_a_daemon_is_not_ended_for_one_that_could_not_start(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = find_places(home.variables)
    assert main(["up"]) == 0
    up = capsys.readouterr().out.replace("is up", "is already up")

    def refused(why: str) -> None:
        assert main(["up", "--replace"]) == 1
        assert re.search(rf"^roost: .*{why}.*; nothing was changed$", capsys.readouterr().err)
        with pytest.raises(launch.StartError, match=why):
            restart(App())
        assert main(["up"]) == 0
        assert capsys.readouterr().out == up, "the same one goes on"

    places.config.write_text("[log]\nsize = 1\n")
    refused(r"config\.toml: unknown key 'log'")
    with monkeypatch.context() as outside:
        outside.delenv("ROOST_TOKEN")
        assert main(["fleet", "init"]) == 1
        assert "unknown key 'log'" in capsys.readouterr().err, "a host enters no fleet without its daemon"
    places.config.unlink()
    with contextlib.closing(sqlite3.connect(places.database)) as store:
        store.execute("PRAGMA user_version = 99")
    refused("the store is of a newer roost")
    places.database.unlink()
    places.daemon_log.unlink()
    places.daemon_log.mkdir()
    refused("daemon.log")
    places.daemon_log.rmdir()
    assert main(["up", "--replace"]) == 0
    assert main(["down"]) == 0


@pytest.mark.parametrize(
    ("newer", "advice"), [(0, "`roost up --replace` starts this one"), (1, "this command is of an older")]
)
def test_a_command_of_an_older_roost_does_not_offer_itself_for_a_newer_daemon(
    python_daemon: RpcServer, capsys: pytest.CaptureFixture[str], newer: int, advice: str
) -> None:
    told = {"other": "the daemon runs 9 of /new", "differing": [], "schema": SCHEMA + newer}
    lists = {"passed": [], "never": [], "values": {}, "programs": {}}
    python_daemon.on("compare", result({**told, **lists}))
    python_daemon.on("status", result({"version": "9", "pid": 1}))
    assert main(["up"]) == 0
    said = capsys.readouterr().err
    assert (advice in said, "--replace" in said) == (True, not newer)
    found = next(each for each in environment.findings(App()) if each["check"] == "daemon's program")
    assert (found["fix"] == "roost up --replace", advice in (found["advice"] or "")) == (
        not newer,
        bool(newer),
    )


@pytest.mark.usefixtures("fake_daemon")
def test_a_command_that_starts_a_daemon_loads_nothing_that_it_can_do_without(home: Home) -> None:
    starts = home.work / "starts"
    starts.write_text(f"#!{sys.executable}\n{FAKE_DAEMON}")
    starts.chmod(0o700)
    modules = loaded("up", executable=str(starts))
    assert modules.isdisjoint({*HEAVY, "click", "json", "msgspec", "shutil", "socket"})
    assert "subprocess" in modules
    assert main(["down"]) == 0


@pytest.mark.usefixtures("fake_daemon")
def test_N8_up_tries_again_when_the_lock_was_let_go_of_before_it_looked(
    monkeypatch: pytest.MonkeyPatch, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pass of `roost gc` ends between the daemon's look at the lock and that of `up`."""
    refused = f"os.close(os.open({str(home.work / 'tried')!r}, os.O_CREAT)); os.write(fd, b'locked: held\\n')"
    script = f"import os, sys; fd = int(sys.argv[-1]); {refused}; sys.exit(1)"
    there = launch._command
    commands = iter([[sys.executable, "-c", script]])
    monkeypatch.setattr(launch, "_command", lambda app: next(commands, None) or there(app))
    assert main(["up"]) == 0
    assert capsys.readouterr().out.startswith("roost 9 is up (pid ")
    assert (home.work / "tried").exists()
    assert main(["down"]) == 0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "os.write(fd, b'error: the store is of a newer roost\\n')",
            "roost: the store is of a newer roost\n",
        ),
        ("sys.exit('no space left')", "roost: the daemon did not start: no space left; see "),
        ("os._exit(7)", "roost: the daemon did not start: it ended with 7; see "),
    ],
)
def test_up_says_why_the_daemon_did_not_start(
    monkeypatch: pytest.MonkeyPatch, code: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = f"import os, sys; fd = int(sys.argv[-1]); {code}"
    monkeypatch.setattr(launch, "_command", lambda _app: [sys.executable, "-c", script])
    assert main(["up"]) == 1
    assert capsys.readouterr().err.startswith(said)


def test_the_daemons_command_line_is_absolute(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.work)
    monkeypatch.setenv("ROOST_HOME", "relative")
    command = launch._command(App())
    assert command == [*DAEMON, "--home", str(home.work / "relative")]
    monkeypatch.delenv("ROOST_HOME")
    assert launch._command(App()) == DAEMON


def test_run_as_module() -> None:
    assert run("--version").stdout == "roost 0.1.0\n"
