"""The native door: the same command by either, run by a fork, for the caller and as the caller."""

import json
import os
import pty
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support import doorway
from tests.support.daemon import PATIENCE, Roost, roost_in, signal_pid
from tests.support.door import PYTHON, ROOT, build, opened, program
from tests.support.home import Home
from tests.support.inside import SHELL, type_in
from tests.support.pane import Pane
from tests.support.rpc_server import result, serve
from tests.support.wait import wait_until

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="it is for Linux")]


AGE = re.compile(rb" +\d+[smhd] +")
"""How long ago something was grows between two commands."""


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    home.roost.mkdir(mode=0o700)
    (home.roost / "config.toml").write_text(SHELL)
    with roost_in(home) as made:
        made.add("me", "human")
        made.program()
        yield made


@pytest.fixture
def native(tmp_path: Path) -> str:
    """The native program, beside which there is no Python that could do its work."""
    if not build(tmp_path, doorway.NO_PYTHON):
        pytest.skip("there is no C compiler")
    return str(tmp_path / "roost")


def run(roost: Roost, words: list[str], environ: Mapping[str, str] | None = None) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        words,
        env=roost.environ if environ is None else environ,
        cwd=roost.home.work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, AGE.sub(b" AGE ", done.stdout), done.stderr


def test_the_same_bytes_and_exit_codes_by_either_door(roost: Roost, native: str) -> None:
    roost.send("me", "grüße ☃")
    for words in (
        ["list"],
        ["list", "--json"],
        ["list", "--help"],
        ["inbox", "me", "--all"],
        ["messages", "--json"],
        ["show", "nobody"],
        ["nonsense"],
        ["send", "me"],
        ["send", "me", "x", "--wait", "sometime"],
        ["send", "me", "--file", "absent.txt"],
        ["completion", "complete", "1", "roost", "li"],
        ["wait", "me", "--for", "never"],
        ["wait", "me", "--for", "asleep"],
        ["search", "grüße"],
    ):
        assert run(roost, [native, *words]) == run(roost, [*PYTHON, *words]), words
    broken = os.fsdecode(b"\xff\xfe")
    assert run(roost, [native, "send", "me", broken]) == run(roost, [*PYTHON, "send", "me", broken])
    latin = {"LC_ALL": "C"}
    assert run(roost, [native, "show", "ü"], roost.environ | latin) == run(
        roost, [*PYTHON, "show", "ü"], roost.environ | latin
    )


FACTS = """#!{python} -S
import json, os, resource, signal, sys
told = dict(
    words=sys.argv[1:],
    folder=os.getcwd(),
    umask=os.umask(0),
    environ=dict(os.environ),
    files=resource.getrlimit(resource.RLIMIT_NOFILE),
    ignored=[n for n in range(1, 32) if signal.getsignal(n) == signal.SIG_IGN],
    open=[n for n in range(64) if os.path.exists(f"/proc/self/fd/{{n}}") and os.isatty(n)],
    blocked=sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
)
json.dump(told, open(os.environ["FACTS"], "w"), sort_keys=True)
"""


def test_what_a_command_finds_is_what_its_caller_has(home: Home, native: str) -> None:
    """Shown by a program that `attach` starts to look at the terminal, and by the one that it becomes."""
    tools = home.root / "tools"
    tools.mkdir()
    (tools / "tmux").write_text(FACTS.format(python=sys.executable))
    (tools / "tmux").chmod(0o755)
    places = home.roost / "run"
    found: list[object] = []
    environ = {**os.environ, "TMUX": "/tmp/x,1,0", "PATH": f"{tools}:{os.environ['PATH']}", "ODD": "ü\udcff"}

    def narrow() -> None:
        os.umask(0o027)
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)

    with serve(places / "roost.sock") as server, opened(places):
        server.on("attach", result({"argv": ["tmux", "join", "", "last"]}))
        for words in ([*PYTHON], [native]):
            leader, follower = pty.openpty()
            subprocess.run(
                [*words, "attach", "bob"],
                env={**environ, "FACTS": str(home.root / "facts")},
                cwd=home.work,
                stdin=follower,
                stdout=follower,
                stderr=follower,
                preexec_fn=narrow,
                timeout=PATIENCE,
                check=True,
            )
            os.close(follower)
            os.close(leader)
            found.append(json.loads((home.root / "facts").read_text()))
    assert found[0] == found[1]
    assert found[0]["umask"] == 0o027  # pyright: ignore[reportIndexIssue] -- a record


ODD: dict[str, Mapping[str, str]] = {
    "another library": {"PYTHONPATH": "/nowhere"},
    "a library of C": {"LD_LIBRARY_PATH": "/nowhere"},
    "a text that is not UTF-8": {"LC_ALL": "de_DE.ISO-8859-1"},
    "no wish for it": {"ROOST_DOOR": "python"},
    "another roost": {"ROOST_HOME": "/nowhere"},
}


def test_a_caller_whose_environment_is_odd_is_python_itself(roost: Roost, native: str) -> None:
    for what, odd in ODD.items():
        assert run(roost, [native, "list"])[0] == 0
        assert run(roost, [native, "list"], {**roost.environ, **odd})[0] == doorway.FELL, what


def test_a_caller_with_odd_streams_rights_or_signals_is_python_itself(roost: Roost, native: str) -> None:
    for line in (
        '"$0" list >&-',
        '"$0" list <&-',
        '"$0" list 2>&-',
        '"$0" send me --file /dev/fd/3 3</dev/null',
        f'exec {shlex.quote(sys.executable)} -c "{CONFINED}" "$0"',
        *([f'exec {shlex.quote(sys.executable)} -c "{BOUNDED}" "$0"'] if os.geteuid() == 0 else []),
        f'exec {shlex.quote(sys.executable)} -c "{BLOCKED}" "$0"',
        *([f'exec {shlex.quote(sys.executable)} -c "{APART}" "$0"'] if _can_be_apart() else []),
        '"$0" up',
        '"$0" list --watch',
        '"$0" --home /nowhere list',
    ):
        code, _, said = run(roost, ["sh", "-c", line, native])
        assert code == doorway.FELL, (line, said)
    assert roost.call("messages") == []


CONFINED = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(38, 1, 0, 0, 0);"
    " os.execv(sys.argv[1], [sys.argv[1], 'list'])"
)
"""Its programs get no new rights, as in a sandbox: what runs outside of it must not do its work."""
BOUNDED = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 0, 0, 0, 0);"
    " os.execv(sys.argv[1], [sys.argv[1], 'list'])"
)
"""Its programs lack a capability (CAP_CHOWN) that ours have; only root has any to lose."""
APART = (
    "import ctypes, os, sys; user = os.getuid(); ctypes.CDLL(None).unshare(0x10000000) and sys.exit(1);"
    " open('/proc/self/uid_map', 'w').write(f'{user} {user} 1');"
    " os.execv(sys.argv[1], [sys.argv[1], 'list'])"
)
"""It has gone into a user namespace of its own, as a sandbox does, and is there who it was."""
BLOCKED = (
    "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]);"
    " os.execv(sys.argv[1], [sys.argv[1], 'list'])"
)


def _can_be_apart() -> bool:
    words = [sys.executable, "-c", APART, "/bin/true"]
    return subprocess.run(words, check=False, timeout=PATIENCE, capture_output=True).returncode == 0


def test_another_python_is_asked_for_by_another_script(roost: Roost, tmp_path: Path, native: str) -> None:
    script = tmp_path / "roost-python"
    script.write_text(doorway.NO_PYTHON.replace(sys.executable, "/usr/bin/env python3", 1))
    assert run(roost, [native, "list"])[0] != 0


def test_code_that_was_replaced_is_not_run_any_more(home: Home, native: str, tmp_path: Path) -> None:
    library, places = tmp_path / "library", home.roost / "run"
    shutil.copytree(ROOT / "src", library, ignore=shutil.ignore_patterns("__pycache__"))
    with serve(places / "roost.sock") as server, opened(places, library):
        server.on("list", result([]))
        assert subprocess.run([native, "list"], check=False).returncode == 0
        with (library / "roost" / "cli" / "registry.py").open("a") as file:
            file.write("# newer\n")
        wait_until(lambda: not doorway.processes(places), timeout=PATIENCE, why="it has ended")
        assert subprocess.run([native, "list"], check=False).returncode == doorway.FELL


MOST_MEMORY = 15 << 20
"""Bytes that the process and the fork that is ready may have beside the daemon."""


def test_the_door_has_little_memory(roost: Roost, native: str) -> None:
    """Also after commands; what several processes share is counted once."""
    folder = roost.places.run
    assert run(roost, [native, "list"])[0] == run(roost, [native, "messages"])[0] == 0
    wait_until(lambda: len(doorway.processes(folder)) == 2, timeout=PATIENCE, why="one fork is left")
    (ready,) = wait_until(lambda: doorway.ready(folder), timeout=PATIENCE, why="it is ready")
    wait_until(lambda: _state(ready) == "S", timeout=PATIENCE, why="it has rehearsed")
    assert sum(_memory(pid) for pid in doorway.processes(folder)) <= MOST_MEMORY


def _memory(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.findall(r"^Pss: +(\d+) kB", text, re.MULTILINE)[0]) << 10


def test_without_the_process_and_without_a_daemon_it_is_python(roost: Roost, native: str) -> None:
    keeper = doorway.keeper(roost.places.run)
    signal_pid(keeper, signal.SIGKILL)
    wait_until(
        lambda: keeper not in doorway.processes(roost.places.run), timeout=PATIENCE, why="it has ended"
    )
    assert run(roost, [native, "list"])[0] in (0, doorway.FELL)
    wait_until(
        lambda: run(roost, [native, "list"])[0] == 0, timeout=PATIENCE, why="the daemon has started another"
    )
    roost.down(agents=False)
    assert not doorway.processes(roost.places.run)
    assert run(roost, [native, "list"])[0] == doorway.FELL
    roost.start()


def test_F31_who_asks_is_the_caller_by_either_door(roost: Roost, native: str) -> None:
    roost.add("a", "shell")
    roost.call("wake", name="a")
    terminal = roost.session("a")["socket"]
    said = type_in(roost, terminal, f"{native} send me 'from the agent'")
    assert said.endswith("code 0\n"), said
    said = type_in(roost, terminal, f"env -u ROOST_TOKEN {native} send me 'by the kernel'")
    assert said.endswith("code 0\n"), said
    refused = type_in(roost, terminal, f"env -u ROOST_TOKEN {native} stop me")
    assert "'stop' is for operators" in refused
    assert run(roost, [native, "send", "me", "from a person"])[0] == 0
    assert {mail["body"]: mail["from"] for mail in roost.call("inbox", name="me")} == {
        "from the agent": "a",
        "by the kernel": "a",
        "from a person": "operator",
    }


def test_ctrl_z_fg_and_ctrl_c_in_a_terminal(roost: Roost, native: str) -> None:
    roost.add("a", "shell")
    run_folder = roost.places.run
    environ = {**roost.environ, "PS1": "shell> ", "ENV": ""}
    with Pane(roost.home.root, ["bash", "--norc"], environ=environ, directory=roost.home.work) as pane:
        pane.wait_for("shell>")
        pane.keys(f"{native} wait a --for working", "Enter")
        _, command = _wait_command(run_folder)
        pane.keys("C-z")
        pane.wait_for("Stopped")
        assert _state(command) == "T", "the command stands still with its caller"
        pane.keys("fg", "Enter")
        wait_until(lambda: _state(command) == "S", timeout=PATIENCE, why="it goes on")
        pane.keys("C-c")
        pane.wait_for("interrupted")
        pane.keys("echo code $?", "Enter")
        pane.wait_for("code 130")
    doorway.wait_alone(run_folder)


def _wait_command(folder: Path) -> tuple[int, int]:
    """The process of the door and its one fork, once that waits for the daemon."""
    found: list[int] = []

    def waits() -> bool:
        found[:] = doorway.forks(folder)
        return bool(found) and _state(found[0]) == "S"

    wait_until(waits, timeout=PATIENCE, why="a command runs")
    return doorway.keeper(folder), found[0]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def test_the_program_of_these_tests_is_the_native_one() -> None:
    """Unless a run asks for the other."""
    chosen = os.environ.get("ROOST_TEST_DOOR", "native")
    assert (program() == [*PYTHON]) == (chosen == "python")
