"""F13: every path and text that reaches tmux goes through one door; nothing is executed, nothing is lost."""

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roost.host.environment import child_environment
from roost.host.process import SystemProcesses
from roost.host.tmux.quote import argument, line
from roost.host.tmux.server import TmuxTerminals
from roost.host.tmux.status import STATUS
from roost.host.tmux.terminal import TmuxTerminal
from tests.support.hostile import Hostile
from tests.support.wait import eventually

SEED = int(os.environ.get("ROOST_FUZZ_SEED", "13"))
CASES = int(os.environ.get("ROOST_FUZZ_CASES", "600"))
"""The chore of 100,000: `ROOST_FUZZ_CASES=100000 pytest tests/integration/test_tmux_door.py -k fuzz`."""
_BATCH = 200
_FORKS = 50
"""So many cases for one that starts a shell and one that starts a tmux program."""
_PATIENCE = 30
_CANARY = "executed"
_BAIT = f"#(touch {_CANARY})#{{pane_id}}%H"
EXPANDING = {
    "load-buffer": ("load-buffer", "-b", "b", "/BAIT"),
    "save-buffer": ("save-buffer", "-b", "held", "/BAIT"),
    "pipe-pane": ("pipe-pane", "-O", "cat > BAIT"),
    "display-message": ("display-message", "-p", "BAIT"),
    "rename-window": ("rename-window", "BAIT"),
    "new-window -n": ("new-window", "-d", "-n", "BAIT"),
    "new-window -c": ("new-window", "-d", "-c", "/BAIT", "sleep 1000"),
    "select-pane -T": ("select-pane", "-T", "BAIT"),
    "set-option -F": ("set-option", "-gF", "@bait", "BAIT"),
}
LITERAL = {
    "set-option": ("set-option", "-g", "@bait", "BAIT"),
    "set-environment": ("set-environment", "-g", "BAIT", "BAIT"),
    "set-buffer": ("set-buffer", "-b", "bait", "--", "BAIT"),
    "send-keys": ("send-keys", "-l", "--", "BAIT"),
    "new-window -e": ("new-window", "-d", "-e", "X=BAIT", "--", "sleep", "1000"),
    "new-window": ("new-window", "-d", "--", "sh", "-c", "exec sleep 1000", "BAIT"),
    "an option's value": ("display-message", "-p", "#{@held}"),
}


@pytest.fixture
async def terminal(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TmuxTerminal]:
    """A tmux of our own in a folder of a hostile name, with a pane that swallows what it gets."""
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as short:
        folder = Path(short) / "c#S %H #(touch x)~;"
        folder.mkdir()
        monkeypatch.chdir(folder)
        terminals = TmuxTerminals(folder / "tmux.conf", SystemProcesses())
        env = {**child_environment(os.environ, {}, ()), "ROOST_TEST_RUN": os.environ["ROOST_TEST_RUN"]}
        made = await terminals.start(
            folder / "s", ["sh", "-c", "stty raw -echo; exec cat > /dev/null"], env, folder
        )
        yield made
        await made.kill()


async def run(terminal: TmuxTerminal, *words: str) -> list[str]:
    return await terminal._control.command(line(*words))


@pytest.mark.parametrize("words", [*EXPANDING.values(), *LITERAL.values()], ids=[*EXPANDING, *LITERAL])
async def test_F13_what_tmux_expands_is_as_the_door_says(
    terminal: TmuxTerminal, words: tuple[str, ...]
) -> None:
    """The real tmux is asked: what it expands, it executes."""
    await run(terminal, "set-option", "-g", "@held", _BAIT)
    await run(terminal, "set-buffer", "-b", "held", "x")
    expands = words in EXPANDING.values()
    baited = line(*(word.replace("BAIT", _BAIT) for word in words))
    await asyncio.gather(terminal._control.command(baited), return_exceptions=True)
    if expands:
        await eventually(Path(_CANARY).exists, timeout=_PATIENCE, why=f"{words[0]} executes what it expands")
    await run(terminal, "run-shell", "true")
    assert expands or not Path(_CANARY).exists()


async def test_F13_fuzz_nothing_executed_nothing_lost(terminal: TmuxTerminal) -> None:
    """Texts to paste, values to show, scripts to run, words of the program itself, of a hostile series."""
    hostile = Hostile(SEED, _CANARY)
    for text in (";", "x;", "x\\;", "\\", "-", "--", "{", "%"):
        await give(terminal, text)
        await caption(terminal, text)
    for start in range(0, CASES, _BATCH):
        await fill(terminal, [hostile.text() for _ in range(min(_BATCH, CASES - start))])
        for _ in range(_BATCH // _FORKS):
            await caption(terminal, hostile.text())
            await log(terminal, hostile.name())
            await give(terminal, hostile.text())
    # A command that was started by mistake would be among tmux's jobs before this one.
    await run(terminal, "run-shell", "sleep 0.05")
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["out", "s", "tmux.conf"]


async def fill(terminal: TmuxTerminal, texts: list[str]) -> None:
    """Each text becomes a buffer's, as a paste has it made."""
    Path("out").write_bytes(b"")
    wanted = b""
    for number, text in enumerate(texts):
        given = f"{text}\n{number}\n"
        await run(terminal, "set-buffer", "-b", f"n{number}", "--", given)
        wanted += os.fsencode(given)
    buffers = [f"n{number}" for number in range(len(texts))]
    await asyncio.gather(*(run(terminal, "save-buffer", "-a", "-b", buffer, "out") for buffer in buffers))
    await asyncio.gather(*(run(terminal, "delete-buffer", "-b", buffer) for buffer in buffers))
    assert Path("out").read_bytes() == wanted


async def caption(terminal: TmuxTerminal, text: str) -> None:
    """What is to be shown to who is attached comes out of the status line's format as it is."""
    await terminal.caption(text, time.time() + 1000)
    shown = "".join(character for character in text if character.isprintable())
    [status] = await run(terminal, "display-message", "-p", STATUS)
    # As `display-message` has no screen to draw on, the signs that a drawing would halve are still double.
    assert status.endswith(f" | {shown.replace('#', '##')}")


async def log(terminal: TmuxTerminal, name: str) -> None:
    """A log of a hostile name gets what the pane shows."""
    path = Path.cwd() / name
    await terminal.log_to(path, 1 << 20)
    [pane] = await run(terminal, "display-message", "-p", "#{pane_tty}")
    descriptor = os.open(pane, os.O_WRONLY | os.O_NOCTTY)
    os.write(descriptor, b"shown")
    os.close(descriptor)
    await eventually(lambda: path.read_bytes() == b"shown", timeout=_PATIENCE, why=f"it is in {path!r}")
    await run(terminal, "pipe-pane")
    path.unlink()


async def give(terminal: TmuxTerminal, text: str) -> None:
    """A word of the tmux program's own command line."""
    words = ["tmux", "-u", "-S", str(terminal.socket), "set-buffer", "-b", "word", "--", argument(text)]
    process = await asyncio.create_subprocess_exec(*words, stdin=subprocess.DEVNULL)
    assert await process.wait() == 0
    await run(terminal, "save-buffer", "-b", "word", "out")
    assert Path("out").read_bytes() == os.fsencode(text)
