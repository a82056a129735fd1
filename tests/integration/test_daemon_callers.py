"""Who asks on the socket is told by the kernel and the process tree, never by a variable (F31)."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Roost, environ_of, roost_in
from tests.support.home import Home, environment, make_home
from tests.support.wait import wait_until

PATIENCE = 30.0
ASKER = Path(__file__).resolve().parent.parent / "support" / "asker.py"
SHELL = """
[runtimes.shell]
argv = ["/bin/sh"]
ready = '(?m)^inside> $'
[runtimes.shell.env]
PS1 = "inside> "
"""


@pytest.fixture(scope="module")
def roost() -> Iterator[Roost]:
    """`a` is a shell in which a test does what an agent could; `b` is what it must not touch."""
    with make_home() as home, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(os.environ, home).items():
            patch.setenv(name, value)
        home.roost.mkdir(mode=0o700)
        (home.roost / "config.toml").write_text(SHELL)
        yield from serving(home)


def serving(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        made.add("a", "shell")
        made.add("b", "shell")
        made.add("boss", "human")
        for name in ("a", "b"):
            made.call("wake", name=name)
        yield made


def out_of(roost: Roost, name: str) -> Path:
    return roost.home.work / f"{name}.out"


def inside(roost: Roost, line: str) -> None:
    """Type a line into a's shell, by way of a file: it may be long."""
    script = roost.home.work / "line.sh"
    script.write_text(line + "\n")
    roost.tmux("a", "send-keys", "-l", "-t", ":", f". {script}")
    roost.tmux("a", "send-keys", "-t", ":", "Enter")


def asker(roost: Roost, name: str, *requests: tuple[str, dict[str, Any], str], flag: str = "") -> str:
    """The words that ask these, each with a token, and leave the answers in a file of that name."""
    words = [sys.executable, str(ASKER), *([flag] if flag else [])]
    words += [str(roost.places.socket), str(out_of(roost, name))]
    for method, params, token in requests:
        words += [method, json.dumps(params), token]
    return shlex.join(words)


def answers(roost: Roost, name: str) -> list[dict[str, Any]]:
    path = out_of(roost, name)
    wait_until(
        path.exists, timeout=PATIENCE, why=f"an answer from {name}", describe=lambda: roost.screen("a")
    )
    return [json.loads(line) for line in path.read_text().splitlines()]


BARE = f"env -i PATH={shlex.quote(os.environ['PATH'])}"
CORNERS = {
    "without": "env -u ROOST_TOKEN -u ROOST_SESSION -u ROOST_NONCE {ask}",
    "bare": BARE + " {ask}",
    "setsid": BARE + " setsid -f {ask}",
    "daemonised": BARE + " {ask}",
    "other-tmux": BARE + " TERM=dumb tmux -S {other} -f /dev/null new-session -d {quoted}",
    "its-own-tmux": BARE + " tmux -S {server} run-shell -b {quoted}",
    "pid-namespace": BARE + " unshare --fork --pid {ask}",
}
"""Ways to ask from inside a's session with nothing in the environment that tells so."""


def test_F31_whatever_lives_in_a_session_is_its_agent(roost: Roost) -> None:
    requests: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("stop", {"name": "b"}, ""),
        ("send", {"to": "b", "body": "as another", "from": "boss"}, ""),
        ("inbox", {"name": "boss"}, ""),
        ("send", {"to": "boss", "body": "its own"}, ""),
    )
    for name, corner in CORNERS.items():
        if name == "pid-namespace" and os.geteuid() != 0:
            continue
        ask = asker(roost, name, *requests, flag="--daemon" if name == "daemonised" else "")
        words = {"other": roost.home.root / "o", "server": roost.session("a")["socket"]}
        inside(roost, corner.format(ask=ask, quoted=shlex.quote(ask), **words))
        stop, posing, reading, own = answers(roost, name)
        for refused in (stop, posing, reading):
            assert refused["error"]["code"] == "denied", (name, refused)
        assert "agent 'a'" in stop["error"]["message"], (name, stop)
        assert "result" in own, (name, own)
    mail = roost.call("inbox", name="boss")
    assert {item["from"] for item in mail} == {"a"}
    assert {row["name"]: row["stopped"] for row in roost.call("list")} == dict.fromkeys(
        ("a", "b", "boss"), False
    )


def test_F31_the_command_says_so_in_one_line_and_operators_outside_are_served(roost: Roost) -> None:
    command = shlex.join([*roost.program(), "stop", "b"])
    out, home = out_of(roost, "command"), shlex.quote(str(roost.places.home))
    inside(
        roost,
        f"env -i ROOST_HOME={home} {command} >{out}.new 2>&1; echo exit $? >>{out}.new; mv {out}.new {out}",
    )
    wait_until(out.exists, timeout=PATIENCE, why="the command's end")
    line, code = out.read_text().splitlines()
    assert (line.startswith("roost: 'stop' is for operators"), code) == (True, "exit 1")
    assert roost.cli("send", "boss", "from outside", environ={"ROOST_PEER": "a"}).returncode == 0
    subprocess.run(["setsid", "-w", *shlex.split(asker(roost, "outside", ("doctor", {}, "")))], check=True)
    (answer,) = answers(roost, "outside")
    assert "result" in answer


def test_F31_a_token_of_another_session_does_not_help(roost: Roost) -> None:
    send = {"to": "boss", "body": "as b"}
    line = asker(roost, "stolen", ("send", send, roost.token("b")), ("send", send, roost.token("a")))
    inside(roost, f"{BARE} {line}")
    stolen, own = answers(roost, "stolen")
    assert (stolen["error"]["code"], "another session" in stolen["error"]["message"]) == ("denied", True)
    assert "result" in own


def test_F31_a_process_that_left_the_tree_is_known_by_its_marker(roost: Roost) -> None:
    """As one that a service manager or `at` has started for the agent; its child may have shed the marker."""
    mine = environ_of(roost.session("a")["agent_pid"])
    mine.pop("ROOST_TOKEN")
    ask = asker(roost, "left", ("stop", {"name": "b"}, ""))
    subprocess.run(["sh", "-c", f"env -i {ask}; true"], env=mine, check=True)
    (answer,) = answers(roost, "left")
    assert "agent 'a'" in answer["error"]["message"]
    ended = {**mine, "ROOST_SESSION": "0" * 32, "ROOST_NONCE": "0" * 32}
    ask = asker(roost, "ended", ("status", {}, ""))
    subprocess.run(shlex.split(ask), env=ended, check=True)
    (answer,) = answers(roost, "ended")
    assert (answer["error"]["code"], "has ended" in answer["error"]["message"]) == ("denied", True)
    of_another = {**ended, "ROOST_HOME": str(roost.home.root / "elsewhere")}
    ask = asker(roost, "another-home", ("doctor", {}, ""))
    subprocess.run(shlex.split(ask), env=of_another, check=True)
    (answer,) = answers(roost, "another-home")
    assert "result" in answer


def test_F31_who_connected_and_ended_is_refused(roost: Roost) -> None:
    """It was gone before the daemon looked; whoever goes on with its connection is nobody."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    roost.daemon.send_signal(signal.SIGSTOP)
    try:
        pid = os.fork()
        if pid == 0:
            connection.connect(str(roost.places.socket))
            os._exit(0)
        os.waitpid(pid, 0)
    finally:
        roost.daemon.send_signal(signal.SIGCONT)
    with connection:
        connection.sendall(b'{"id": 1, "method": "doctor"}\n')
        answer = json.loads(connection.makefile().readline())
    assert (answer["error"]["code"], f"process {pid}" in answer["error"]["message"]) == ("denied", True)


@pytest.fixture
def scope(roost: Roost) -> Iterator[Path]:
    """A control group with the name of the scope of a's session, as systemd would make it."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    tree = next((Path(words[1]) for words in mounts if words[2] == "cgroup2"), None)
    name = Path(roost.session("a")["socket"]).name
    folder = (tree or Path("/nowhere")) / f"roost-{name}.scope"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    yield folder
    folder.rmdir()


def test_F31_a_process_in_a_sessions_scope_is_its_agent(roost: Roost, scope: Path) -> None:
    """It left the tree and its environment; what systemd gave the session it cannot leave."""
    ask = asker(roost, "scope", ("stop", {"name": "b"}, ""))
    subprocess.run(["sh", "-c", f"echo $$ > {scope}/cgroup.procs && exec {BARE} {ask}"], check=True)
    (answer,) = answers(roost, "scope")
    assert "agent 'a'" in answer["error"]["message"]
