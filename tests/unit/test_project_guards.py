"""Every guard of tests/support/guards.py is seen red once, in a pytest of its own."""

import os
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Protocol

import pytest

from tests.support import processes
from tests.support.home import Home, environment, is_foreign, make_home
from tests.support.wait import NeverHappenedError, eventually, wait_until

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.real


class Run(Protocol):
    """Run this source as a test file under the guards."""

    def __call__(self, source: str) -> pytest.RunResult: ...


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    def inner(source: str) -> pytest.RunResult:
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # most of the start is plugins
        pytester.makeini(
            """
            [pytest]
            asyncio_mode = auto
            asyncio_default_fixture_loop_scope = function
            markers =
                unit: u
                real: r
                e2e: e
            """
        )
        pytester.makeconftest(
            "import tests.support.processes\n"
            'pytest_plugins = ["tests.support.guards"]\n'
            "tests.support.processes.GRACE = 0.2\n"
        )
        pytester.makepyfile(textwrap.dedent(source))
        return pytester.runpytest_subprocess(
            "-q", "-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin", timeout=50
        )

    return inner


def test_an_honest_test_passes(run: Run) -> None:
    run(
        """
        import asyncio, subprocess, sys, time

        async def test_free_loop():
            await asyncio.sleep(0)
            time.sleep(0)
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
            assert await process.wait() == 0
            assert await asyncio.to_thread(subprocess.call, [sys.executable, "-c", "pass"]) == 0
        """
    ).assert_outcomes(passed=1)


def test_a_sleeping_test_fails(run: Run) -> None:
    source = "import asyncio, time\n"
    for name, call in (("time", "time.sleep(0.01)"), ("asyncio", "await asyncio.sleep(0.02)")):
        source += f"async def test_{name}():\n    {call}\n"
    result = run(source)
    for call in ("time.sleep(0.01)", "asyncio.sleep(0.02)"):
        result.stdout.fnmatch_lines([f"*calls {call}*wait for the condition*"])
    result.assert_outcomes(failed=2, errors=2)


BLOCKERS = {
    "sleep": "import time\ndef block(): time.sleep(0.01)",
    "process": "import subprocess, sys\ndef block(): subprocess.run([sys.executable, '-c', 'pass'])",
    "lock": "import threading\ndef block(): threading.Event().wait(0.01)",
    "future": "from concurrent.futures import Future\ndef block(): Future().result(0.01)",
    "socket": "import socket\ndef block():\n    a, b = socket.socketpair()\n    with a, b: b.send(b'x')",
    "fsync": "import os, tempfile\ndef block():\n    with tempfile.TemporaryFile() as f: os.fsync(f)",
}


def test_blocking_the_loop_from_roost_fails(run: Run) -> None:
    """The blocking code gets a file name inside the roost package, and its error is swallowed."""
    source = f"""
        import contextlib, os, pytest, roost

        BLOCKERS = {BLOCKERS!r}

        @pytest.fixture(params=BLOCKERS)
        def block(request):
            scope = {{}}
            path = os.path.join(roost.__path__[0], "blocker.py")
            exec(compile(BLOCKERS[request.param], path, "exec"), scope)
            return scope["block"]

        def test_outside_a_loop(block):
            with contextlib.suppress(TimeoutError):
                block()

        async def test_in_the_loop(block):
            with contextlib.suppress(Exception):
                block()
        """
    result = run(source)
    for blocker in BLOCKERS:
        title = f"*ERROR at teardown of test_in_the_loop?{blocker}? *"
        result.stdout.fnmatch_lines([title, "the event loop was blocked by *"], consecutive=True)
    result.assert_outcomes(passed=2 * len(BLOCKERS), errors=len(BLOCKERS))


LEAK = """
    import subprocess, sys, pytest

    {mark}
    def test_leaves_a_process():
        code = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
        pipe = subprocess.PIPE
        keep = subprocess.Popen([sys.executable, "-c", code], stdout=pipe, text=True, start_new_session=True)
        with keep.stdout, open("pid", "w") as out:
            out.write(keep.stdout.readline())  # it runs: before that its environment reads as empty
        keep.returncode = 0  # a daemonised process has nobody who would warn about it

    def test_next():
        pass
    """


def test_a_leaked_process_fails_its_own_test(run: Run, pytester: pytest.Pytester) -> None:
    result = run(LEAK.format(mark="@pytest.mark.real"))
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["left behind by this test (now ended):", "pid *signal.pause()*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert_gone(pytester)


KEEPING = """
    import os, subprocess, sys, pytest
    from tests.support.processes import kept

    @pytest.fixture(scope="module")
    def shared():
        with kept("WHO=shared"):
            yield

    @pytest.mark.real
    def test_starts_what_the_module_keeps(shared):
        code = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
        keep = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={{**os.environ, "WHO": "{who}"}},
        )
        with keep.stdout, open("pid", "w") as out:
            out.write(keep.stdout.readline())
        keep.returncode = 0

    @pytest.mark.real
    def test_next(shared):
        pass
    """


@pytest.mark.parametrize(("who", "at"), [("shared", "test_next"), ("other", "test_starts_what_*")])
def test_what_a_module_keeps_fails_the_module_that_leaves_it(
    run: Run, pytester: pytest.Pytester, who: str, at: str
) -> None:
    """It may outlive a test, and only what the fixture answers for may."""
    result = run(KEEPING.format(who=who))
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines([f"ERROR *{at}*"])
    result.stdout.fnmatch_lines(["*left behind*(now ended):*"])
    assert_gone(pytester)


def test_a_leaked_process_fails_the_run(run: Run, pytester: pytest.Pytester) -> None:
    result = run(LEAK.format(mark=""))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*processes left behind by this run*", "pid *signal.pause()*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert_gone(pytester)


def test_a_child_of_what_a_module_keeps_is_not_the_tests(run: Run) -> None:
    source = """
        import os, signal, subprocess, sys, pytest

        PARENT = (
            "import os, subprocess, sys\\n"
            "for line in sys.stdin:\\n"
            "    child = subprocess.Popen(['sleep', '60'], stdout=2)\\n"
            "    print('born', flush=True)\\n"
            "child.kill(); child.wait()"
        )

        @pytest.fixture(scope="module")
        def kept():
            pipe = subprocess.PIPE
            with subprocess.Popen([sys.executable, "-c", PARENT], stdin=pipe, stdout=pipe, text=True) as made:
                yield made
                made.stdin.close()

        @pytest.mark.real
        def test_first(kept):
            pass

        @pytest.mark.real
        def test_next(kept):
            kept.stdin.write("go\\n")
            kept.stdin.flush()
            assert kept.stdout.readline() == "born\\n"
        """
    run(source).assert_outcomes(passed=2)


def assert_gone(pytester: pytest.Pytester) -> None:
    pid = int((pytester.path / "pid").read_text())
    wait_until(lambda: processes._start(pid) is None, timeout=30, why=f"pid {pid} to be ended by the guard")


def test_a_connection_beyond_loopback_fails(run: Run) -> None:
    run(
        """
        import pytest, socket

        @pytest.mark.parametrize(
            ("family", "address"), [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")]
        )
        def test_reaches_out(family, address):
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                with pytest.raises(PermissionError, match="127.0.0.1 only"):
                    sock.connect((address, 9))
                with pytest.raises(PermissionError, match="127.0.0.1 only"):
                    sock.sendto(b"x", (address, 9))

        def test_looks_up_a_name():
            with pytest.raises(PermissionError, match="127.0.0.1 only"):
                socket.getaddrinfo("example.invalid", 9)

        def test_loopback_is_free():
            assert socket.getaddrinfo("127.0.0.1", 9)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.connect(("127.0.0.1", 9))
        """
    ).assert_outcomes(passed=4)


def test_the_private_network_has_nothing_but_loopback() -> None:
    if "ROOST_TEST_LOOPBACK_ONLY" not in os.environ:
        pytest.skip("not in a network of its own (scripts/test makes one where allowed)")
    assert [name for _, name in socket.if_nameindex() if name == "lo" or _is_up(name)] == ["lo"]


def _is_up(interface: str) -> bool:
    return int(Path(f"/sys/class/net/{interface}/flags").read_text(), 16) & 1 == 1


def test_home_is_its_own_and_goes_away() -> None:
    foreign = {
        "CLAUDECODE": "1",
        "CLAUDE_CODE_X": "1",
        "TMUX": "x",
        "ROOST_TOKEN": "t",
        "OPENAI_API_KEY": "k",
        "https_proxy": "p",
    }
    with make_home() as home:
        made = environment({**foreign, "PATH": "/bin", processes.MARKER: "n"}, home)
        assert made == {"PATH": "/bin", processes.MARKER: "n", **home.variables}
        assert all(is_foreign(name) for name in foreign)
        assert home.temporary.is_dir()
        assert home.user.is_dir()
        assert not home.roost.exists()
        assert len(str(home.root)) < 20
    assert not home.root.exists()


def test_the_home_fixture_rules_the_environment(home: Home) -> None:
    assert os.environ["ROOST_HOME"] == str(home.roost)
    assert Path.home() == home.user
    assert Path(tempfile.mkdtemp()).is_relative_to(home.root)


def test_wait_until_returns_the_value_or_says_what_was_missing() -> None:
    answers = iter([0, None, "", "there"])
    assert wait_until(lambda: next(answers), timeout=5, why="the answer") == "there"
    with pytest.raises(NeverHappenedError, match=r"not within 0\.01 s: the moon; instead: cheese"):
        wait_until(lambda: False, timeout=0.01, why="the moon", describe=lambda: "cheese")


async def test_eventually_returns_the_value_or_says_what_was_missing() -> None:
    answers = iter([0, None, "", "there"])

    async def answer() -> object:
        return next(answers)

    assert await eventually(answer, timeout=5, why="the answer") == "there"
    with pytest.raises(NeverHappenedError, match=r"not within 0\.01 s: the moon"):
        await eventually(lambda: False, timeout=0.01, why="the moon")


def test_only_the_verified_process_is_ended() -> None:
    """A pid whose start differs is another process: it is left alone."""
    nonce = os.environ[processes.MARKER]
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        [real] = wait_until(
            lambda: [each for each in processes.marked(nonce) if each.pid == child.pid],
            timeout=30,
            why="the child to be found by its marker",
        )
        processes.end(frozenset({processes.Found(real.pid, real.start + 1, real.command)}))
        assert child.poll() is None
        processes.end(frozenset({real}))
        assert child.wait(30) == -9
