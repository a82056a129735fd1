"""What only a real tmux can show: exact bytes, dead panes, quoting, hanging servers, many at once."""

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roost.host.errors import PaneInMode, TmuxError, TmuxGone, TmuxMissing, TmuxTimeout
from roost.host.interfaces.processes import Liveness
from roost.host.interfaces.terminals import Passed, PasteOutcome
from roost.host.process import SystemProcesses
from roost.host.tmux.attach import attach_argv
from roost.host.tmux.config import COLUMNS, ROWS
from roost.host.tmux.control import ControlClient
from roost.host.tmux.quote import line, quote
from roost.host.tmux.server import TmuxTerminals, new_enough
from roost.host.tmux.terminal import TmuxTerminal
from tests.support.wait import eventually

_PATIENCE = 30
# Reads one bracketed paste after the other in raw mode and keeps each as a file, byte by byte as it came.
_READER = """
import os, sys, tty
tty.setraw(0)
folder = sys.argv[1]
os.write(1, b"\\x1b[?2004h\\x1b]2;the title\\x07")
open(folder + "/ready", "w").close()
data, number = b"", 0
while True:
    chunk = os.read(0, 65536)
    if not chunk:
        break
    data += chunk
    while b"\\x1b[200~" in data and b"\\x1b[201~" in data:
        text, data = data.split(b"\\x1b[200~", 1)[1].split(b"\\x1b[201~", 1)
        number += 1
        with open(f"{folder}/new", "wb") as file:
            file.write(text)
        os.rename(f"{folder}/new", f"{folder}/paste{number}")
    with open(f"{folder}/keys", "ab") as file:
        if b"\\x1b[200~" not in data:
            file.write(data)
            data = b""
"""
_NASTY = (
    "-dash first, --x; 'single' \"double\" $(id) `id` $HOME ~ #{pane_id} #(id) %0 \\ \\n; }{ &&\n"
    "\ttab, emoji 👩‍👩‍👧‍👦 🏳️‍🌈, right-to-left שלום עליכם مرحبا, ZWSP \u200b NBSP \u00a0 end\n\n"
    "last line without newline but with a backslash \\"
)
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
_SPECIAL = st.text(st.sampled_from("$HOME~'\"\\#{};%&|-=\n\r\t\x1b 7uU"), max_size=12)


class Bench:
    """A folder, terminals in it, and the end of everything started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes = SystemProcesses()
        self.terminals = TmuxTerminals(folder / "tmux.conf", self.processes)
        self.started: list[TmuxTerminal] = []

    async def start(self, *argv: str, name: str = "s") -> TmuxTerminal:
        terminal = await self.terminals.start(self.folder / name, argv, dict(os.environ), self.folder)
        self.started.append(terminal)
        return terminal

    async def start_reader(self) -> TmuxTerminal:
        terminal = await self.start(sys.executable, "-S", "-c", _READER, str(self.folder))
        await eventually((self.folder / "ready").exists, timeout=_PATIENCE, why="the reader is ready")
        return terminal

    async def file(self, name: str) -> bytes:
        await eventually((self.folder / name).exists, timeout=_PATIENCE, why=f"{name} was written")
        return (self.folder / name).read_bytes()

    async def command(self, terminal: TmuxTerminal, *words: str) -> list[str]:
        return await terminal._control.command(line(*words))

    async def close(self) -> None:
        for terminal in self.started:
            pane = self.processes.identify(terminal.pane_pid)
            if pane:
                self.processes.signal(pane, signal.SIGKILL)
            self.processes.signal(terminal.server, signal.SIGKILL)
            await terminal.close()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder:
        made = Bench(Path(folder))
        yield made
        await made.close()


async def test_P1_pastes_of_every_size_arrive_whole(bench: Bench) -> None:
    terminal = await bench.start_reader()
    bodies = [_NASTY, _NASTY * 20, (_NASTY * 400)[: 100 * 1024], "x" * (1 << 20), "-", "'"]
    for number, body in enumerate(bodies, 1):
        text = body.encode("utf-8", "ignore")
        assert await terminal.paste(text) is PasteOutcome.PASTED
        assert await bench.file(f"paste{number}") == text
    assert await bench.command(terminal, "list-buffers") == []
    await terminal.keys("Enter", "Escape", "Down", "C-c", ";", "-", "~", "é")
    wanted = b"\r\x1b\x1b[B\x03;-~" + "é".encode()
    await eventually(
        lambda: (bench.folder / "keys").exists() and (bench.folder / "keys").read_bytes() == wanted,
        timeout=_PATIENCE,
        why="the keys arrived",
        describe=(bench.folder / "keys").read_bytes,
    )
    assert (await terminal.look()).title == "the title"


@pytest.mark.parametrize("scope", ["-w", "-p", "off for ours"])
async def test_nothing_of_ours_goes_into_panes_that_a_person_has_synchronized(
    bench: Bench, scope: str
) -> None:
    """It stays synchronized as the person has it: for all of the window, by the pane, or without ours."""
    terminal = await bench.start_reader()
    beside = bench.folder / "beside"
    keep = line("split-window", "-d", "--", "sh", "-c", 'stty raw -echo; exec cat > "$0"', str(beside))
    await terminal._control.command(keep)
    option = (terminal._pane, "synchronize-panes")
    given = [("-p", terminal._pane, "on"), ("-p", "%1", "on")] if scope == "-p" else [("-w", "%1", "on")]
    given += [("-p", terminal._pane, "off")] if scope == "off for ours" else []
    for kind, pane, value in given:
        await bench.command(terminal, "set-option", kind, "-t", pane, option[1], value)
    set_to = await bench.command(terminal, "show-options", "-p", "-t", *option)
    await bench.file("beside")
    await terminal.paste(b"text", "0a:1:0/-")
    await terminal.keys("Enter", "x", label="0a:1:0/-")
    await terminal.keys("y")
    assert await terminal.passed() == Passed("0a:1:0/-", "0a:1:0/-")
    await bench.file("keys")
    assert await bench.command(terminal, "show-options", "-p", "-t", *option) == set_to
    await bench.command(terminal, "send-keys", "-t", "%1", "z")
    wanted = b"\rxy" if scope == "off for ours" else b"\rxyz"
    await eventually(
        lambda: [(bench.folder / name).read_bytes() for name in ("keys", "beside")] == [wanted, b"z"],
        timeout=_PATIENCE,
        why="ours got our keys, and the person's where theirs go into it",
    )
    assert await bench.file("paste1") == b"text"


async def test_paste_into_a_dead_pane_pastes_nothing_and_the_server_lives(bench: Bench) -> None:
    terminal = await bench.start(sys.executable, "-S", "-c", "import sys; sys.stdin.read()")
    await bench.command(terminal, "set-option", "-g", "remain-on-exit", "on")
    pane = bench.processes.identify(terminal.pane_pid)
    assert pane
    bench.processes.signal(pane, signal.SIGKILL)

    async def dead() -> bool:
        return await terminal._show("#{pane_dead}") == ["1"]

    await eventually(dead, timeout=_PATIENCE, why="tmux knows that the pane is dead")
    assert await terminal.paste(b"x") is PasteOutcome.DEAD
    await terminal.ping()
    assert await bench.command(terminal, "list-buffers") == []
    assert bench.processes.probe(terminal.server).liveness is Liveness.ALIVE


async def test_P1_a_paste_that_tmux_refuses_leaves_nothing_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the program nor in the server: no buffer, no line in the log of its commands."""
    terminal = await bench.start_reader()
    pane, terminal._pane = terminal._pane, "%99"
    with pytest.raises(TmuxError, match="can't find pane"):
        await terminal.paste(b"lost", "0a:1:0/-")
    terminal._pane = pane
    monkeypatch.setattr(
        "roost.host.tmux.terminal.line", lambda *words: line(*words).replace("set-b", "get-b")
    )
    with pytest.raises(TmuxError, match="unknown command"):
        await terminal.paste(b"unknown", "0a:1:0/-")
    monkeypatch.undo()
    assert await terminal.passed() == Passed()
    assert await bench.command(terminal, "list-buffers") == []
    await terminal.paste(b"next")
    assert await bench.file("paste1") == b"next"
    assert await bench.command(terminal, "show-messages") == []


async def test_escapes_and_history(bench: Bench) -> None:
    script = "for i in $(seq 1 80); do echo row$i; done; printf '\\033[31mred\\033[0m\\n'; exec cat"
    terminal = await bench.start("sh", "-c", script)

    async def red() -> bool:
        return "red" in await terminal.capture()

    await eventually(red, timeout=_PATIENCE, why="the program has written")
    assert "row1\n" not in await terminal.capture()
    assert "row1\n" in await terminal.capture(history=100)
    assert "\x1b[31mred" in await terminal.capture(escapes=True)


async def test_human_client_is_counted_and_may_leave(bench: Bench) -> None:
    terminal = await bench.start("cat")
    assert (await terminal.clients(), (await terminal.look()).keyed) == (0, None)
    primary, secondary = os.openpty()
    env = {**os.environ, "TERM": "xterm-256color"}
    human = subprocess.Popen(  # noqa: ASYNC220 it needs the terminal as its standard streams
        attach_argv(terminal.socket), stdin=secondary, stdout=secondary, stderr=secondary, env=env
    )
    os.close(secondary)
    try:

        async def attached() -> bool:
            return await terminal.clients() == 1

        await eventually(attached, timeout=_PATIENCE, why="the human's client is attached")
        seen = await terminal.last_input()
        assert seen is not None
        assert seen > 1_700_000_000
        assert (await terminal.look()).keyed == seen
    finally:
        human.kill()
        human.wait(_PATIENCE)
        os.close(primary)

    async def alone() -> bool:
        return await terminal.clients() == 0

    await eventually(alone, timeout=_PATIENCE, why="the human's client is gone")
    assert await terminal.last_input() is None
    assert (await terminal.look()).keyed is None


async def test_N5_hanging_server_is_a_timeout_not_a_death(bench: Bench) -> None:
    terminal = await bench.start("cat")
    bench.processes.signal(terminal.server, signal.SIGSTOP)
    with pytest.raises(TmuxTimeout):
        await terminal._control.command("display-message -p x", deadline=0.05)
    with pytest.raises(TmuxTimeout):
        await ControlClient.attach(terminal.socket, deadline=0.05)
    bench.processes.signal(terminal.server, signal.SIGCONT)
    # The late answer belongs to the command that gave up, not to the next one.
    assert await terminal._control.command("display-message -p y") == ["y"]


async def test_answers_match_their_commands_when_pipelined(bench: Bench) -> None:
    control = (await bench.start("cat"))._control
    questions = [control.command(line("display-message", "-p", str(number))) for number in range(500)]
    questions.insert(250, control.command("no-such-command"))
    questions.insert(300, control.command("if-shell -F 0 'kill-server' 'display-message -p two'", blocks=2))
    answers = await asyncio.gather(*questions, return_exceptions=True)
    assert isinstance(answers.pop(250), TmuxError)
    assert answers.pop(299) == ["two"]
    assert answers == [[str(number)] for number in range(500)]


async def test_commands_fail_as_gone_when_the_server_is_killed(bench: Bench) -> None:
    terminal = await bench.start("cat")
    bench.processes.signal(terminal.server, signal.SIGSTOP)
    waiting = [asyncio.create_task(terminal.ping()) for _ in range(5)]
    await asyncio.sleep(0)
    bench.processes.signal(terminal.server, signal.SIGKILL)
    for result in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(result, TmuxGone)


async def test_program_that_ends_at_once_is_reported_as_gone(bench: Bench) -> None:
    gone = asyncio.Event()
    try:
        terminal = await bench.start("true")
        terminal.on_gone(gone.set)  # it ended just after we connected
    except TmuxGone:
        gone.set()
    await asyncio.wait_for(gone.wait(), _PATIENCE)


async def test_argv_is_never_read_by_a_shell(bench: Bench) -> None:
    words = ["$(touch x) `touch x`", "; touch x", "-n", "a b", "'\"", "~", "{", "é"]
    program = "import sys, os; open('args','w').write(repr(sys.argv[1:])); os.rename('args', 'argv'); input()"
    await bench.start(sys.executable, "-c", program, *words)
    assert (await bench.file("argv")).decode() == repr(words)
    assert not (bench.folder / "x").exists()


async def test_user_configuration_is_not_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench.folder / ".tmux.conf").write_text("set -g mouse on\nset -g remain-on-exit on\n")
    monkeypatch.setenv("HOME", str(bench.folder))
    monkeypatch.setenv("ROOST_FOREIGN", "x")
    terminal = await bench.start("cat")
    for option in ("mouse", "remain-on-exit"):
        assert await bench.command(terminal, "show-options", "-gv", option) == ["off"]


async def test_F16_a_server_of_another_version_gets_our_configuration(bench: Bench) -> None:
    terminal = await bench.start("cat")
    for words in (("-g", "status", "off"), ("-s", "@roost-config", "another"), ("-g", "mouse", "on")):
        await bench.command(terminal, "set-option", *words)
    await bench.command(terminal, "set-option", "-s", "default-terminal", "screen")
    for _ in range(2):
        again = await bench.terminals.adopt(terminal.socket)
        await again.close()
    assert await bench.command(terminal, "show-options", "-gv", "status") == ["on"]
    assert await bench.command(terminal, "show-options", "-gv", "mouse") == ["off"]
    assert await bench.command(terminal, "show-options", "-sv", "default-terminal") == ["screen"]
    [hooks] = await bench.command(terminal, "show-hooks", "-g", "client-detached")
    assert "resize-window" in hooks


async def test_many_terminals_at_once(bench: Bench) -> None:
    found = await asyncio.gather(*(bench.start("cat", name=f"s{number}") for number in range(10)))
    assert len({terminal.server for terminal in found}) == 10
    await asyncio.gather(*(terminal.kill() for terminal in found))


async def test_missing_tmux_is_named(bench: Bench) -> None:
    terminals = TmuxTerminals(bench.folder / "c", bench.processes, tmux="no-such-tmux")
    with pytest.raises(TmuxMissing, match="install tmux"):
        await terminals.version()
    with pytest.raises(TmuxMissing):
        await terminals.start(bench.folder / "s", ["cat"], {}, bench.folder)


def test_versions() -> None:
    assert [new_enough(each) for each in ("3.3a", "3.3", "next-3.7", "4.0")] == [True] * 4
    assert [new_enough(each) for each in ("3.2a", "2.9", "master")] == [False] * 3


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_TEXT | _SPECIAL))
def test_quoted_words_are_read_literally_by_tmux(quoting_server: "QuotingServer", words: list[str]) -> None:
    assert quoting_server.round_trip("|".join(words)) == "|".join(words)


def test_a_nul_cannot_be_quoted() -> None:
    with pytest.raises(TmuxError, match="NUL"):
        quote("a\0b")


class QuotingServer:
    """A tmux whose parser is asked what it understood: an option is set and read back as raw bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._bench = Bench(folder)
        self._terminal = self._loop.run_until_complete(self._bench.start("cat"))

    def round_trip(self, text: str) -> str:
        return self._loop.run_until_complete(self._round_trip(text))

    async def _round_trip(self, text: str) -> str:
        # set-buffer and save-buffer keep every byte, and expand nothing.
        target = self._folder / "out"
        if not text:
            return text
        await self._bench.command(self._terminal, "set-buffer", "-b", "q", "--", text)
        await self._bench.command(self._terminal, "save-buffer", "-b", "q", str(target))
        await self._terminal.ping()
        return target.read_bytes().decode()

    def close(self) -> None:
        self._loop.run_until_complete(self._bench.close())
        self._loop.close()


@pytest.fixture
def quoting_server() -> "Iterator[QuotingServer]":
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder:
        server = QuotingServer(Path(folder))
        yield server
        server.close()


async def test_F3_no_key_is_pressed_while_a_mode_of_tmux_would_get_it(bench: Bench) -> None:
    terminal = await bench.start("cat")
    await bench.command(terminal, "copy-mode", "-t", ":")
    assert (await terminal.look()).mode == "copy-mode"
    with pytest.raises(PaneInMode, match="copy-mode"):
        await terminal.keys("x", "Enter")
    assert await terminal.settle()
    assert (await terminal.look()).mode == ""
    await terminal.keys("y", "Enter")
    screen = await eventually(
        lambda: shows(terminal, "y"), timeout=10, why="the key arrives once the mode is left"
    )
    assert "x" not in (screen or "")


async def test_C14_a_small_client_that_leaves_takes_its_size_along(bench: Bench) -> None:
    terminal = await bench.start("cat")
    for columns, rows in ((12, 3), (5, 24), (2, 1)):
        with joined(terminal.socket, columns, rows):
            await eventually(
                lambda c=columns, r=rows: sized(terminal, c, inside(r)),
                timeout=10,
                why="the small client is there",
            )
            assert not await terminal.settle()
        await eventually(lambda: sized(terminal, COLUMNS, ROWS), timeout=10, why="its own size is back")
    with joined(terminal.socket, 90, 30):
        await eventually(
            lambda: sized(terminal, 90, inside(30)), timeout=10, why="it follows the next client"
        )


async def test_F17_a_session_that_a_person_renamed_is_joined_and_gets_its_size_back(bench: Bench) -> None:
    """Ctrl-b $ renames it: it could not be joined any more, and kept the size of whoever left it."""
    terminal = await bench.start("cat")
    await bench.command(terminal, "rename-session", "-t", "main", "mine")
    for columns in (70, 90):
        with joined(terminal.socket, columns, 20):
            await eventually(
                lambda c=columns: sized(terminal, c, inside(20)), timeout=10, why="it follows who joined"
            )
        await eventually(lambda: sized(terminal, COLUMNS, ROWS), timeout=10, why="its own size is back")


async def shows(terminal: TmuxTerminal, text: str) -> str | None:
    screen = await terminal.capture()
    return screen if text in screen else None


async def sized(terminal: TmuxTerminal, columns: int, rows: int) -> bool:
    frame = await terminal.look()
    return (frame.columns, frame.rows) == (columns, rows)


def inside(rows: int) -> int:
    """The rows that are left to the pane: the status line takes one where there are two."""
    return max(rows - 1, 1)


@contextlib.contextmanager
def joined(socket: Path, columns: int, rows: int) -> Iterator[None]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    client = subprocess.Popen(
        attach_argv(socket),
        env={**os.environ, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    try:
        yield
    finally:
        client.kill()
        client.wait()
        os.close(ours)
        os.close(theirs)
