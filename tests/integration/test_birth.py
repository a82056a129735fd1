"""What a daemon takes from whoever starts it: process tree, umask, environment, limits (F1, F5, F8, F9)."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from roost.local.paths import find_places
from roost.local.program import FOLDER, code
from roost.present.finding import Code
from tests.support.cures import Case, Doctor, cured
from tests.support.daemon import PATIENCE, Roost, alive, environ_of, roost_in
from tests.support.home import Home
from tests.support.inside import PROGRAM, SHELL, shims_above, status_of, tmux, type_in
from tests.support.wait import wait_until

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.platform != "linux", reason="subreapers and /proc are Linux"),
]


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    home.roost.mkdir(mode=0o700)
    (home.roost / "config.toml").write_text(SHELL)
    with roost_in(home, started=False) as made:
        yield made


def up(roost: Roost) -> bool:
    return roost.cli("status").returncode == 0


def taken_over(roost: Roost, said: str) -> int:
    """The pid of the daemon that runs, which is outside of every session and bears no session's mark."""
    wait_until(lambda: up(roost), timeout=PATIENCE, why="a daemon answers", describe=lambda: said)
    pid: int = roost.call("status")["pid"]
    assert shims_above(pid) == []
    assert not {"ROOST_SESSION", "ROOST_NONCE", "ROOST_TOKEN"} & set(environ_of(pid))
    return pid


def test_F1_a_daemon_that_an_agent_starts_outlives_the_agent(roost: Roost) -> None:
    """Each way of starting one from inside a session; then the session ends, and nobody else does."""
    roost.start()
    for name, runtime in (("a", "shell"), ("b", "demo")):
        roost.add(name, runtime, idle="1h")
        roost.call("wake", name=name)
    roost.add("c", idle="1h")
    a, socket = roost.session("a"), roost.session("a")["socket"]
    home, daemon = shlex.quote(str(roost.home.roost)), shlex.join([sys.executable, "-m", "roost.daemon"])
    try:
        roost.down(agents=False)
        for line in (
            f"(setsid nohup {PROGRAM} up &)",
            f"env -i setsid {daemon} --home {home} --ready-fd 1",
        ):
            said = type_in(roost, socket, line)
            pid = taken_over(roost, said)
            roost.call("wake", name="c")
            assert shims_above(roost.session("c")["server_pid"]) == []
            if "ready-fd" not in line:
                roost.call("down", agents=False)
                wait_until(lambda pid=pid: not alive(pid), timeout=PATIENCE, why="it is down")
        b, c = roost.session("b"), roost.session("c")
        tmux(roost, socket, "send-keys", "-t", "main", "exit", "Enter")
        wait_until(lambda: not alive(a["agent_pid"]), timeout=PATIENCE, why="a has ended")
        assert roost.until_death("a")["cause"] == "completed" or roost.deaths("a")
        assert roost.call("status")["pid"] == pid
        for each in (b, c):
            assert alive(each["agent_pid"])
        assert (roost.deaths("b"), roost.deaths("c")) == ([], [])
        assert roost.ask("b", "after") == "echo: after"
    finally:
        assert roost.cli("down", "--agents").returncode in (0, 5)


def test_F1_a_start_that_would_end_with_the_agent_is_refused_in_one_sentence(roost: Roost) -> None:
    roost.start()
    roost.add("a", "shell", idle="1h")
    roost.call("wake", name="a")
    roost.add("c", idle="1h")
    socket = roost.session("a")["socket"]
    roost.down(agents=False)
    home = shlex.quote(str(roost.home.roost))
    for line in (
        f"{PROGRAM} up --foreground",
        f"env -i setsid -w {shlex.quote(sys.executable)} -m roost.daemon --home {home}",
    ):
        said = type_in(roost, socket, line)
        assert "`roost up` without --foreground starts one outside" in said, said
        assert (said.count("\n"), said.splitlines()[-1]) == (2, "code 1"), said
        assert not up(roost)
    # As an older roost let it be: found, and each cure does what it says.
    assert "code 0" in type_in(roost, socket, f"ROOST_STAY=1 {PROGRAM} up")
    roost.call("wake", name="c")
    assert shims_above(roost.session("c")["server_pid"])
    cured(
        Doctor(roost, {**roost.environ, "ROOST_STAY": ""}),
        Case(Code.DAEMON_ENCLOSED),
        Case(Code.SESSION_ENCLOSED),
    )
    assert shims_above(roost.session("c")["server_pid"]) == []
    assert roost.cli("down").returncode == 0
    # A sandbox as bubblewrap makes them: the shim is not seen from inside, and it ends with the agent.
    apart = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*apart, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no PID namespaces are allowed here; the rest has passed")
    said = type_in(roost, socket, f"{shlex.join(apart)} {PROGRAM} up")
    assert "this runs in a sandbox inside an agent's session" in said, said
    assert said.splitlines()[-1] == "code 1"
    assert not up(roost)


def test_F1_a_daemon_that_is_started_bare_from_closed_streams_answers(roost: Roost) -> None:
    words = shlex.join([sys.executable, "-m", "roost.daemon"])
    roost.start("sh", "-c", f'exec {words} "$@" <&- >&- 2>&-', "sh")
    pid = roost.call("status")["pid"]
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/"), "F8: no folder is kept busy"
    roost.add("b", idle="1h")
    assert roost.ask("b", "hi") == "echo: hi"


def test_F5_F8_F11_what_an_agent_gets_is_the_operators_and_not_the_sessions_that_started_the_daemon(
    home: Home,
) -> None:
    """In XDG mode, with a peer whose own variables point elsewhere: same files, same values as before."""
    config = home.user / ".config/roost/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('pass = ["SITE_*"]\n' + SHELL)
    with roost_in(home, started=False) as roost:
        del roost.environ["ROOST_HOME"]
        roost.environ |= {"SITE_PROXY": "site", "OTHER": "x", "OPENAI_API_KEY": "key"}
        roost.places = find_places(roost.environ)
        limited = f'umask 027; ulimit -Sn 300; exec {shlex.quote(sys.executable)} -m roost.daemon "$@"'
        roost.start("sh", "-c", limited, "sh")
        elsewhere = {"XDG_CONFIG_HOME": "/nowhere", "ROOST_DEMO_LOG": "/nowhere/log", "SITE_PROXY": "planted"}
        roost.add("a", "shell", idle="1h", **{f"env.{name}": value for name, value in elsewhere.items()})
        roost.call("wake", name="a")
        socket = roost.session("a")["socket"]
        roost.down(agents=False)
        try:
            said = type_in(roost, socket, f"umask 0; OPENAI_API_KEY=planted PLANTED=1 {PROGRAM} up")
            assert "code 0" in said, said
            pid = taken_over(roost, said)
            roost.add("b", idle="1h")
            roost.add("c", "shell", idle="1h")
            for name in ("b", "c"):
                roost.call("wake", name=name)
                agent, shim = (roost.session(name)[each] for each in ("agent_pid", "shim_pid"))
                environ = environ_of(agent)
                assert environ["SITE_PROXY"] == "site"
                assert environ["ROOST_DEMO_LOG"] == str(roost.truth)
                assert environ.get("XDG_CONFIG_HOME") == str(home.user / ".config")
                assert not {"OTHER", "PLANTED", "OPENAI_API_KEY"} & set(environ)
                assert status_of(agent, "Umask") == "0027"
                assert {status_of(each, "Umask") for each in (shim, pid)} == {"0077"}
                limits = Path(f"/proc/{agent}/limits").read_text()
                assert "Max open files            300 " in limits, limits
            findings = {each["check"]: each for each in roost.call("doctor")}
            assert findings["daemon's config"]["detail"] == str(config)
            inside = type_in(roost, socket, f"{PROGRAM} doctor")
            assert f"daemon's config: the daemon reads {config}; the environment here names" in inside, inside
        finally:
            assert roost.cli("down", "--agents").returncode in (0, 5)


DEAF = """import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("start", ["env -i", "cron", "signals and another user's runtime folder"])
def test_F8_F9_a_daemon_starts_from_the_worst_places(roost: Roost, start: str) -> None:
    """And an agent that it starts finds what every login has."""
    foreign = roost.home.root / "foreign"
    foreign.mkdir(mode=0o700)
    runtime = str(foreign)
    try:
        os.chown(foreign, 12345, 12345)
    except OSError:  # an ordinary user's; in a namespace of its own the other user does not even exist
        runtime = "/root"
    program = [sys.executable, "-m", "roost", "--home", str(roost.home.roost), "up"]
    kept = {"ROOST_TEST_RUN": roost.environ["ROOST_TEST_RUN"]}
    quoted = shlex.join(program)
    argv, environ = {
        "env -i": (program, kept),
        "cron": (
            ["sh", "-c", quoted],
            {**kept, "HOME": str(roost.home.user), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"},
        ),
        "signals and another user's runtime folder": (
            [sys.executable, "-c", DEAF, *program],
            {**roost.environ, "XDG_RUNTIME_DIR": runtime},
        ),
    }[start]
    done = subprocess.run(
        argv,
        env=environ,
        cwd=roost.home.work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    try:
        assert done.returncode == 0, done
        roost.add("b", idle="1h")
        assert roost.ask("b", "hi") == "echo: hi"
        got = environ_of(roost.session("b")["agent_pid"])
        assert {"HOME", "PATH", "USER", "LOGNAME", "SHELL"} <= set(got)
        assert got.get("XDG_RUNTIME_DIR") != runtime
        pid = roost.call("status")["pid"]
        assert status_of(pid, "SigBlk") == "0" * 16
        assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
        if start.startswith("signals"):
            (scopes,) = [each for each in roost.call("doctor") if each["check"] == "runtime folder"]
            assert scopes["ok"] is None
            assert f"XDG_RUNTIME_DIR was {runtime}" in scopes["detail"]
    finally:
        assert roost.cli("down", "--agents").returncode in (0, 5)


@contextmanager
def taken_by(port: int, *, outgoing: bool) -> Iterator[None]:
    """A stranger (this process) has the port: it listens there, or its connection goes out from there."""
    with socket.socket() as stranger, socket.socket() as far:
        stranger.bind(("127.0.0.1", port))
        if outgoing:
            far.bind(("127.0.0.1", 0))
            far.listen(1)
            stranger.connect(far.getsockname())
        else:
            stranger.listen(1)
        yield


def test_F10_a_stranger_on_the_port_costs_a_new_one_or_is_named(roost: Roost) -> None:
    def port() -> int:
        return int(roost.call("status")["url"].rpartition(":")[2])

    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    roost.start()
    first = port()
    assert not low <= first <= high
    roost.down(agents=False)
    with taken_by(first, outgoing=False):
        roost.start()
        second = port()
        assert second != first
        roost.add("b", idle="1h")
        assert roost.ask("b", "hi") == "echo: hi"
        roost.down(agents=False)
    with taken_by(second, outgoing=True):
        refused = roost.cli("up")
        assert refused.returncode == 1
        who = f"(pid {os.getpid()}), by a connection of its own has our port 127.0.0.1:{second}"
        assert who in refused.stderr
        assert "the agents of b know" in refused.stderr
    roost.start()
    assert port() == second
    assert roost.ask("b", "again") == "echo: again"


def findings(roost: Roost, environ: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """What `doctor` finds, by name."""
    return {each["check"]: each for each in json.loads(roost.cli("doctor", "--json", environ=environ).stdout)}


def test_F11_a_changed_environment_is_told_and_refreshed(home: Home) -> None:
    """A tool of a version manager that came after `up`, and the agent socket of another login."""
    home.roost.mkdir(mode=0o700)
    later = home.root / "later"
    later.mkdir()
    (later / "tool").write_text("#!/bin/sh\nexec /bin/sh")
    (later / "tool").chmod(0o755)
    (home.roost / "config.toml").write_text(SHELL.replace("/bin/sh", "tool").replace("shell", "kind"))
    with roost_in(home, started=False) as roost:
        roost.start(environ={"SSH_AUTH_SOCK": "/old"})
        now = {"PATH": f"{later}:{roost.environ['PATH']}", "SSH_AUTH_SOCK": "/new"}
        roost.add("a", "kind", idle="1h")
        roost.add("b", idle="1h")
        roost.call("wake", name="b")
        agent = roost.session("b")["agent_pid"]

        assert roost.cli("up").stderr == ""  # this shell has no SSH_AUTH_SOCK of its own
        for command in (["wake", "a"], ["up"]):
            told = roost.cli(*command, environ=now)
            assert "PATH and SSH_AUTH_SOCK as at the daemon's start, not as here" in told.stderr, told
        found = findings(roost, now)
        assert "PATH, SSH_AUTH_SOCK" in found["environment"]["detail"]
        assert found["kind for agents"]["ok"] is False
        assert found["kind for agents"]["fix"] == "roost env refresh"
        assert json.loads(roost.cli("env", "show", "--json", environ=now).stdout)["changed"] == [
            "PATH",
            "SSH_AUTH_SOCK",
        ]
        kept = roost.places.inheritance
        kept.rename(aside := kept.with_name("aside"))
        kept.mkdir()  # nothing can be written there
        refused = roost.cli("env", "refresh", environ=now)
        assert (refused.returncode, f"cannot be kept: Is a directory: {kept}" in refused.stderr) == (1, True)
        assert findings(roost, now)["environment"]["ok"] is None  # nothing has changed
        kept.rmdir()
        aside.rename(kept)
        refreshed = roost.cli("env", "refresh", environ=now)
        assert refreshed.stdout.splitlines()[:1] == ["changed: PATH SSH_AUTH_SOCK"]
        assert "keep what they began with: b" in refreshed.stdout
        found = findings(roost, now)
        assert (found["environment"]["ok"], "kind for agents" in found) == (True, False)
        woken = roost.cli("wake", "a", environ=now)
        assert (woken.returncode, woken.stderr) == (0, "")
        assert environ_of(roost.session("a")["agent_pid"])["SSH_AUTH_SOCK"] == "/new"
        assert environ_of(agent)["SSH_AUTH_SOCK"] == "/old"


def test_F7_a_daemon_of_another_program_is_told_and_replaced_while_agents_live(home: Home) -> None:
    """Of another folder and of the same version's number, as after an upgrade of a checkout."""
    library = home.root / "lib"
    shutil.copytree(FOLDER, library / "roost")
    with (library / "roost/host/ids.py").open("a") as file:
        file.write("# another version of the same number\n")
    with roost_in(home, started=False) as roost:
        roost.start(environ={"PYTHONPATH": str(library)})
        roost.add("b", idle="1h")
        roost.call("wake", name="b")
        agent = roost.session("b")["agent_pid"]
        program = roost.call("status")["program"]
        assert (program["path"], program["current"]) == (str(library / "roost"), True)
        told = roost.cli("up")
        assert (told.returncode, "already up" in told.stdout) == (0, True)
        assert f"the daemon runs 0.1.0 of {library}/roost, and this command is of {FOLDER}" in told.stderr
        cure = findings(roost)["daemon's program"]["fix"]
        assert cure == "roost up --replace"
        assert f"`{cure}`" in told.stderr
        try:
            assert roost.cli(*cure.split()[1:]).returncode == 0
            assert "daemon's program" not in findings(roost)
            assert roost.cli("up").stderr == ""
            assert roost.call("status")["program"] == {**program, "path": str(FOLDER), "code": code()}
            assert (roost.session("b")["agent_pid"], roost.deaths("b")) == (agent, [])
            assert roost.ask("b", "after") == "echo: after"
        finally:
            assert roost.cli("down", "--agents").returncode in (0, 5)


def test_F21_doctor_says_how_many_sessions_the_limit_of_open_files_allows(home: Home) -> None:
    with roost_in(home, started=False) as roost:
        roost.start(sys.executable, "-m", "tests.support.few_files_daemon")
        limits = roost.call("status")["limits"]
        assert limits["open_files"] == 100
        assert 4 <= limits["sessions"] <= 20
        for number in range(21):
            roost.add(f"p{number}")
        found = findings(roost)["open files"]
        assert found["ok"] is None
        # The answer of `status` itself had files open, which are free again.
        told = re.search("limit 100, which is enough for some ([0-9]+) sessions", found["detail"])
        assert told is not None
        assert abs(int(told[1]) - limits["sessions"]) <= 2
        assert found["fix"] == "roost up --replace"
        try:
            assert roost.cli("up", "--replace").returncode == 0
            assert findings(roost)["open files"]["ok"] is True
        finally:
            assert roost.cli("down", "--agents").returncode in (0, 5)
