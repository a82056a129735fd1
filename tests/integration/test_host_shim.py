"""The shim: how agents end, and what leftovers on record, in real terminals and without."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from roost.core.vocabulary.identity import ProcessId
from roost.host.interfaces.processes import Liveness, Processes
from roost.host.interfaces.terminals import Terminal
from roost.host.process import SystemProcesses
from roost.host.shim_spec import Companion, DeathRecord, ShimSpec, Started, read_started, shim_argv
from roost.host.spool import Spool
from roost.host.tmux.server import TmuxTerminals
from tests.support.lines import whole_lines
from tests.support.wait import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
_PATIENCE = 30
_PYTHON = [sys.executable, "-S", "-c"]
# Says in a file of its own (whole or not at all) that it is ready, then waits for ever.
_READY = (
    "import os, signal, sys, time\n"
    "def ready(text='x'):\n"
    "    open('r', 'w').write(str(text)); os.rename('r', 'ready')\n"
)
_IGNORE_ALL = _READY + (
    "for s in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT): signal.signal(s, signal.SIG_IGN)\n"
    "ready()\nwhile True: signal.pause()\n"
)
_PATIENT = _READY + "ready()\nsignal.pause()\n"
_FAMILY = _READY + (
    "import subprocess\n"
    "program = 'import signal\\nfor s in (1, 15): signal.signal(s, signal.SIG_IGN)\\n'\n"
    "program += 'print(1, flush=True)\\nwhile True: signal.pause()'\n"
    "child = subprocess.Popen([sys.executable, '-S', '-c', program], start_new_session=True,\n"
    "                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)\n"
    "child.stdout.readline()\nready(child.pid)\nsignal.pause()\n"
)


class Stage:
    """One session's files, its shim, and the end of everything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: Processes = SystemProcesses()
        self.terminals = TmuxTerminals(folder / "tmux.conf", self.processes)
        self.spool = Spool(folder / "spool")
        (folder / "forensics").mkdir()
        self.markers: list[tuple[str, str]] = []
        self._terminals: list[Terminal] = []

    def spec(self, *argv: str, session: str = "s1", grace: float = 0.3) -> ShimSpec:
        nonce = f"nonce-{self.folder.name}"
        self.markers.append((session, nonce))
        cwd = self.folder / f"cwd-{session}"
        cwd.mkdir(exist_ok=True)
        return ShimSpec(
            argv=argv,
            env={**os.environ, "ROOST_SESSION": session, "ROOST_NONCE": nonce},
            cwd=cwd,
            session=session,
            peer="anna",
            generation=2,
            nonce=nonce,
            boot=self.processes.boot_id(),
            spool=self.spool.path,
            exits_log=self.folder / "exits.log",
            forensics_dir=self.folder / "forensics",
            teardown=self.folder / f"teardown-{session}",
            started=self.folder / f"started-{session}",
            grace=grace,
        )

    def write(self, spec: ShimSpec) -> list[str]:
        path = self.folder / f"spec-{spec.session}.json"
        spec.write(path)
        return shim_argv(path)

    async def launch(self, spec: ShimSpec, *, wait: bool = True) -> tuple[Terminal, Started]:
        terminal = await self.terminals.start(
            self.folder / f"t-{spec.session}", self.write(spec), dict(spec.env), self.folder
        )
        self._terminals.append(terminal)
        started = await self.started(spec)
        if wait:
            await self.file(spec, "ready")
        return terminal, started

    async def started(self, spec: ShimSpec) -> Started:
        return await eventually(
            lambda: read_started(spec.started, self.processes), timeout=_PATIENCE, why="the shim has reported"
        ) or Started(None, None, None, "never")

    async def file(self, spec: ShimSpec, name: str) -> str:
        path = spec.cwd / name
        await eventually(path.exists, timeout=_PATIENCE, why=f"the agent wrote {name}")
        return path.read_text()

    async def death(self, session: str = "s1") -> DeathRecord:
        found = await eventually(
            lambda: self.spool.read(session), timeout=_PATIENCE, why=f"a death record of {session}"
        )
        assert isinstance(found, DeathRecord)
        return found

    def exits(self) -> list[str]:
        return whole_lines(self.folder / "exits.log")

    async def gone(self, process: ProcessId | None) -> None:
        assert process
        event = asyncio.Event()
        self.processes.watch(process, event.set)
        await asyncio.wait_for(event.wait(), _PATIENCE)

    def signal(self, process: ProcessId | None, signum: int) -> None:
        assert process
        assert self.processes.signal(process, signum)

    async def close(self) -> None:
        for terminal in self._terminals:
            await terminal.close()
        for session, nonce in self.markers:
            while left := self.processes.tree(None, session, nonce):
                for process in left:
                    self.processes.signal(process, signal.SIGKILL)
                for process in left:
                    await self.gone(process)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder:
        made = Stage(Path(folder))
        yield made
        await made.close()


def run(stage: Stage, spec: ShimSpec) -> int:
    """Run a shim without any terminal; its return code, negative for a signal."""
    return subprocess.run(
        stage.write(spec), check=False, timeout=_PATIENCE, stdin=subprocess.DEVNULL
    ).returncode


@pytest.mark.parametrize("code", [0, 1, 7, 255])
async def test_P9_exit_code_is_recorded_and_passed_on(stage: Stage, code: int) -> None:
    assert run(stage, stage.spec("sh", "-c", f"exit {code}")) == code
    record = await stage.death()
    assert (record.exit_code, record.signal, record.cause, record.oom) == (code, None, None, False)
    assert (record.session, record.peer, record.generation) == ("s1", "anna", 2)
    assert record.nonce == f"nonce-{stage.folder.name}"
    assert record.boot == stage.processes.boot_id()
    assert record.server_alive
    assert record.children_left == ()
    started = read_started(stage.folder / "started-s1", stage.processes)
    assert started
    assert record.agent == started.agent
    assert started.server
    assert started.server.pid == os.getpid()


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGSEGV", "SIGUSR1", "SIGPIPE", "SIGINT"])
async def test_P9_signal_is_recorded_and_passed_on(stage: Stage, name: str) -> None:
    number = signal.Signals[name]
    assert run(stage, stage.spec("sh", "-c", f"ulimit -c 0; kill -{number} $$")) == -number
    record = await stage.death()
    assert (record.exit_code, record.signal, record.cause) == (None, number, None)
    assert not list(stage.folder.glob("**/core*"))


@pytest.mark.parametrize("break_it", ["program", "folder", "not executable"])
async def test_P9_agent_that_cannot_be_run_is_boot_failed(stage: Stage, break_it: str) -> None:
    spec = stage.spec("/nonexistent/agent")
    if break_it == "folder":
        spec = replace(spec, cwd=stage.folder / "gone")
    elif break_it == "not executable":
        (stage.folder / "agent").touch()
        spec = replace(spec, argv=[str(stage.folder / "agent")])
    assert run(stage, spec) == 127
    record = await stage.death()
    assert (record.exit_code, record.cause) == (127, "boot-failed")
    assert record.error
    assert record.error.startswith("cannot run ")
    started = await stage.started(spec)
    assert (started.error, started.agent) == (record.error, None)


def test_bad_spec_is_a_clear_error(stage: Stage) -> None:
    (stage.folder / "spec").write_text("{")
    done = subprocess.run(
        shim_argv(stage.folder / "spec"), check=False, capture_output=True, timeout=_PATIENCE
    )
    assert done.returncode == 78
    assert b"cannot read the spec" in done.stderr


async def test_full_spool_never_keeps_the_shim(stage: Stage) -> None:
    spec = replace(stage.spec("sh", "-c", "exit 3"), spool=stage.folder / "missing")
    assert run(stage, spec) == 3
    assert "ev=death-record-failed" in stage.exits()[0]


async def test_agent_has_its_environment_folder_and_default_signals(stage: Stage) -> None:
    program = _READY + (
        "import json\n"
        "odd = [n for n in signal.valid_signals() if n not in (9, 19)\n"
        "       and signal.getsignal(n) not in (signal.SIG_DFL, signal.default_int_handler)]\n"
        "mask = list(signal.pthread_sigmask(signal.SIG_BLOCK, []))\n"
        "foreground = os.tcgetpgrp(0) == os.getpgrp() == os.getpid()\n"
        "odd = list(map(int, odd))\n"
        "ready(json.dumps([sorted(os.environ), sys.argv[1:], os.getcwd(), mask, foreground, odd]))\n"
    )
    # Python itself ignores SIGPIPE and SIGXFSZ at its start.
    words = ["a b", "$HOME", "é👩‍👧", "\udcff"]
    spec = replace(
        stage.spec(*_PYTHON, program, *words),
        env={"ROOST_SESSION": "s1", "ROOST_NONCE": f"x-{stage.folder.name}", "É": "👩"},
    )
    stage.markers.append(("s1", f"x-{stage.folder.name}"))
    terminal = await stage.terminals.start(
        stage.folder / "t", stage.write(spec), dict(os.environ), stage.folder
    )
    names, argv, cwd, mask, foreground, odd = json.loads(await stage.file(spec, "ready"))
    assert [name for name in names if name != "LC_CTYPE"] == ["ROOST_NONCE", "ROOST_SESSION", "É"]
    assert argv == words
    assert cwd == str(spec.cwd)
    assert mask == []
    assert foreground
    assert set(odd) <= {signal.SIGPIPE, signal.SIGXFSZ}
    await terminal.close()


async def test_keys_that_raise_signals_reach_the_agent_only(stage: Stage) -> None:
    program = _READY + "signal.signal(2, lambda *_: os._exit(42))\nready()\nwhile True: signal.pause()\n"
    terminal, _ = await stage.launch(stage.spec(*_PYTHON, program))
    await terminal.keys("C-c")
    assert (await stage.death()).exit_code == 42


async def test_agent_that_stops_itself_is_continued(stage: Stage) -> None:
    program = _READY + (
        "signal.signal(signal.SIGCONT, lambda *_: ready('continued'))\n"
        "os.kill(os.getpid(), signal.SIGTSTP)\nsignal.pause()\n"
    )
    spec = stage.spec(*_PYTHON, program)
    await stage.launch(spec)
    assert await stage.file(spec, "ready") == "continued"


async def test_N6_death_is_recorded_at_once_with_children_named(stage: Stage) -> None:
    spec = stage.spec(*_PYTHON, _FAMILY)
    terminal, started = await stage.launch(spec)
    child = int(await stage.file(spec, "ready"))
    stage.signal(started.agent, signal.SIGKILL)
    record = await stage.death()
    assert (record.signal, record.cause, record.children_left) == (signal.SIGKILL, None, (child,))
    assert record.oom in (False, None)
    await stage.gone(started.server)
    await stage.gone(started.shim)
    assert stage.processes.tree(started.shim, "s1", spec.nonce) == []
    assert stage.exits() == []
    del terminal


async def test_N7_setsid_grandchildren_are_in_the_tree(stage: Stage) -> None:
    spec = stage.spec(*_PYTHON, _FAMILY)
    _, started = await stage.launch(spec)
    child = int(await stage.file(spec, "ready"))
    for root in (started.agent, started.shim, None):
        assert child in [process.pid for process in stage.processes.tree(root, "s1", spec.nonce)]
    without_marker = stage.processes.tree(started.shim, "other", "other")
    assert child in [process.pid for process in without_marker]


async def test_P10_killed_server_is_written_down_and_a_stubborn_agent_ended(stage: Stage) -> None:
    spec = stage.spec(*_PYTHON, _IGNORE_ALL)
    _, started = await stage.launch(spec)
    stage.signal(started.server, signal.SIGKILL)
    record = await stage.death()
    assert (record.cause, record.signal, record.server_alive) == ("server-exit", signal.SIGKILL, False)
    await stage.gone(started.agent)
    await stage.gone(started.shim)
    assert len(stage.exits()) == 1
    line = stage.exits()[0]
    assert re.match(r"ts=\d{4}-\d\d-\d\dT[\d:.]+Z ev=server-exit peer=anna session=s1 generation=2 ", line)
    snapshots = list((stage.folder / "forensics").iterdir())
    assert len(snapshots) == 1
    assert f"forensics={snapshots[0]}" in line
    assert "MemAvailable" in snapshots[0].read_text()


async def test_N7_children_of_an_agent_that_left_with_its_server_are_ended(stage: Stage) -> None:
    spec = stage.spec(*_PYTHON, _FAMILY.replace("signal.pause()\n", "") + "sys.stdin.read(); os._exit(0)\n")
    _, started = await stage.launch(spec)
    stage.signal(started.server, signal.SIGKILL)
    record = await stage.death()
    assert (record.cause, record.children_left) == ("server-exit", ())
    await stage.gone(started.shim)
    assert stage.processes.tree(started.shim, "s1", spec.nonce) == []


async def test_P10_deliberate_teardown_is_silent(stage: Stage) -> None:
    spec = stage.spec(*_PYTHON, _PATIENT)
    terminal, started = await stage.launch(spec)
    spec.teardown.touch()
    await terminal.kill()
    assert (await stage.death()).cause == "teardown"
    await stage.gone(started.shim)
    await stage.gone(started.agent)
    assert stage.exits() == []
    assert list((stage.folder / "forensics").iterdir()) == []


async def test_P10_closed_pane_is_told_from_a_dead_server(stage: Stage) -> None:
    spec = stage.spec(*_PYTHON, _PATIENT)
    terminal, started = await stage.launch(spec)
    control = terminal._control  # pyright: ignore[reportAttributeAccessIssue]
    await control.command("new-window -d cat")
    await control.command("kill-pane -t %0")
    record = await stage.death()
    assert (record.cause, record.server_alive) == ("terminal-closed", True)
    assert [line.split()[1] for line in stage.exits()] == ["ev=terminal-closed"]
    await stage.gone(started.shim)
    await terminal.kill()


async def test_N7_asked_shim_ends_the_whole_tree(stage: Stage) -> None:
    spec = stage.spec(*_PYTHON, _FAMILY.replace("signal.pause()\n", "") + "while True: signal.pause()\n")
    _, started = await stage.launch(spec)
    stage.signal(started.shim, signal.SIGTERM)
    record = await stage.death()
    assert (record.cause, record.children_left) == ("terminated", ())
    await stage.gone(started.server)
    await stage.gone(started.shim)  # it closes the pane, and with it the server, before it is quite gone
    assert stage.processes.tree(started.shim, "s1", spec.nonce) == []


async def test_polite_agent_ends_itself_when_asked(stage: Stage) -> None:
    program = (
        _READY
        + "signal.signal(15, lambda *_: os._exit(5))\nsignal.signal(1, signal.SIG_IGN)\n"
        + "ready()\nsignal.pause()\n"
    )
    _, started = await stage.launch(stage.spec(*_PYTHON, program, grace=_PATIENCE))
    stage.signal(started.shim, signal.SIGTERM)
    record = await stage.death()
    assert (record.exit_code, record.cause) == (5, "terminated")


async def test_H4_recycled_start_ticks_are_never_signalled(stage: Stage) -> None:
    _, started = await stage.launch(stage.spec(*_PYTHON, _PATIENT))
    assert started.agent
    stranger = structs.replace(started.agent, start=started.agent.start + 1)
    assert not stage.processes.signal(stranger, signal.SIGKILL)
    assert stage.processes.probe(stranger).liveness is Liveness.DEAD
    assert stage.processes.probe(started.agent).liveness is Liveness.ALIVE


@pytest.mark.slow
async def test_P9_fifty_deaths_close_together_give_fifty_exact_causes(stage: Stage) -> None:
    ends: list[Callable[[], int]] = [lambda: signal.SIGKILL, lambda: signal.SIGTERM, lambda: signal.SIGUSR2]
    specs = [stage.spec(*_PYTHON, _PATIENT, session=f"s{number}") for number in range(50)]
    started: list[Started] = []
    for batch in range(0, 50, 10):
        launched = await asyncio.gather(*(stage.launch(spec) for spec in specs[batch : batch + 10]))
        started += [each for _, each in launched]
    for number, each in enumerate(started):
        stage.signal(each.agent, ends[number % 3]())
    for number in range(50):
        record = await stage.death(f"s{number}")
        assert (record.signal, record.cause) == (ends[number % 3](), None), number
    for each in started:
        await stage.gone(each.server)
    assert stage.exits() == []


# What runs beside an agent.
_SERVER = (
    "import os, signal, socket, sys\n"
    "print('it begins', file=sys.stderr, flush=True)\n"
    "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()\n"
    "def end(*_): open('asked', 'w').close(); sys.exit(3)\n"
    "signal.signal(signal.SIGTERM, end)\n"
    "open('pid', 'w').write(f'{os.getpid()} {os.isatty(0)}')\n"
    "try: open('/dev/tty')\n"
    "except OSError: open('no-tty', 'w').close()\n"
    "while True: signal.pause()\n"
)
_CLIENT = _READY + (
    "import socket\n"
    "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
    "ready()\nwhile True: signal.pause()\n"
)


def with_companion(stage: Stage, program: str = _SERVER, client: str = _CLIENT) -> ShimSpec:
    place = stage.folder / "beside"
    spec = stage.spec(*_PYTHON, client, str(place))
    return replace(
        spec, companion=Companion("server", [*_PYTHON, program, str(place)], place, stage.folder / "log")
    )


async def test_P9_an_agent_is_ended_with_its_companion_whose_end_is_the_record(stage: Stage) -> None:
    spec = with_companion(stage)
    (stage.folder / "beside").write_text("left by an earlier life")
    _, started = await stage.launch(spec)  # the agent connects at once, so it was started later
    pid, terminal = (await stage.file(spec, "pid")).split()
    assert terminal == "False"
    await stage.file(spec, "no-tty")
    os.kill(int(pid), signal.SIGKILL)
    record = await stage.death()
    assert (record.cause, record.signal, record.oom) == ("companion-ended", signal.SIGKILL, False)
    assert record.error == f"its server (process {pid}) ended first"
    await stage.gone(started.agent)
    await stage.gone(started.shim)


@pytest.mark.parametrize("ends", ["agent", "shim"])
async def test_N7_a_companion_is_asked_to_leave_once_its_agent_has(stage: Stage, ends: str) -> None:
    spec = with_companion(stage)
    _, started = await stage.launch(spec)
    pid = int((await stage.file(spec, "pid")).split()[0])
    companion = stage.processes.identify(pid)
    if ends == "agent":
        stage.signal(started.agent, signal.SIGKILL)
    else:
        spec.teardown.touch()
        stage.signal(started.shim, signal.SIGTERM)
    record = await stage.death()
    assert record.cause == (None if ends == "agent" else "teardown")
    assert record.error is None
    await stage.gone(companion)
    await stage.gone(started.shim)
    await stage.file(spec, "asked")


async def test_P9_a_companion_that_never_listens_is_boot_failed_with_its_last_words(stage: Stage) -> None:
    broken = "import sys; sys.exit('no such option\\n')"
    assert run(stage, with_companion(stage, broken)) == 127
    record = await stage.death()
    assert record.cause == "boot-failed"
    assert record.error == "its server ended before it listened: exit code 1; no such option"
    assert not (stage.folder / "cwd-s1/ready").exists()
    spec = replace(with_companion(stage), session="s2", started=stage.folder / "started-s2")
    gone = Companion("server", ["/no/such/program"], stage.folder / "beside", stage.folder / "log")
    missing = replace(spec, companion=gone)
    assert run(stage, missing) == 127
    assert "cannot run /no/such/program" in str((await stage.death("s2")).error)


async def test_shim_is_small(stage: Stage) -> None:
    _, started = await stage.launch(stage.spec(*_PYTHON, _PATIENT))
    assert started.shim
    rollup = Path(f"/proc/{started.shim.pid}/smaps_rollup").read_text()
    pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    assert pss < 9 * 1024


def test_shim_imports_little() -> None:
    probe = "import sys; sys.path.append(sys.argv[1]); import shimlib.shim; print(sorted(sys.modules))"
    argv = [sys.executable, "-S", "-E", "-I", "-c", probe, str(Path(shim_argv(Path())[-2]).parent)]
    modules = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=_PATIENCE).stdout
    for heavy in ("'re'", "'json'", "'ctypes'", "'enum'", "'roost'", "'typing'", "'subprocess'"):
        assert heavy not in modules
