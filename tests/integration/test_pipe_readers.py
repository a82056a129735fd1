"""Who waits at the pipe of a program at rest tells it what is whole and still theirs to tell (17)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from roost.core.vocabulary.message import Message
from roost.daemon.delivery.hook.claim import Claim
from roost.runtimes import claude_plugin
from roost.runtimes.claude_joined import WAITER
from roost.runtimes.claude_own import ClaudeCarrier
from tests.support.wait import wait_until

PATIENCE = 30.0
TEXT = "one\n\n  two \\\\n `id` $(id) é\n" + "x" * 8000
MESSAGE = Message("m", "operator", "me", 0.0, 1, "d", attempts=1)


def plugin(pipe: Path) -> list[str]:
    """What the plugin runs: the words stand in its module as JSON."""
    module = claude_plugin.files(pipe.parent)["claude-plugin/hooks/register.js"]
    told = module.partition("$.process.run(")[2]
    words: list[str] = json.JSONDecoder().raw_decode(told)[0]
    return words


def waiter(pipe: Path) -> list[str]:
    return [sys.executable, "-S", "-E", "-I", str(WAITER), str(pipe)]


def write(pipe: Path, data: bytes) -> None:
    """As the daemon does, once somebody reads."""

    def opened() -> list[int]:
        try:
            return [os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)]
        except OSError:
            return []

    (descriptor,) = wait_until(opened, timeout=PATIENCE, why="somebody reads")
    assert os.write(descriptor, data) == len(data)
    os.close(descriptor)


@pytest.mark.parametrize("command", [plugin, waiter])
def test_17_what_is_whole_and_claimed_is_told(command: Callable[[Path], list[str]], tmp_path: Path) -> None:
    pipe = tmp_path / claude_plugin.PIPE
    claim = Claim(pipe, MESSAGE)
    claim.make()
    with subprocess.Popen(command(pipe), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reader:
        write(pipe, ClaudeCarrier().framed(TEXT, claim.name).encode())
        out, error = reader.communicate(timeout=PATIENCE)
    told = out.decode().removesuffix(claude_plugin.END) if command is plugin else error.decode()
    assert told == TEXT
    assert claim.taken
    assert not claim.revoke()


def test_17_what_was_written_before_the_waiter_had_opened_the_pipe_again_is_told(tmp_path: Path) -> None:
    """It opens it once for its lock; a writer that has come and gone in between leaves no end to be read."""
    pipe = tmp_path / claude_plugin.PIPE
    claim = Claim(pipe, MESSAGE)
    claim.make()
    os.mkfifo(pipe)
    lock = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write(pipe, ClaudeCarrier().framed(TEXT, claim.name).encode())
    with subprocess.Popen(waiter(pipe), stderr=subprocess.PIPE) as reader:
        try:
            assert reader.communicate(timeout=PATIENCE)[1].decode() == TEXT
        finally:
            reader.kill()
            os.close(lock)


@pytest.mark.parametrize("command", [plugin, waiter])
@pytest.mark.parametrize("how", ["taken back", "cut off"])
def test_17_what_was_taken_back_or_cut_off_is_not_told(
    command: Callable[[Path], list[str]], how: str, tmp_path: Path
) -> None:
    pipe = tmp_path / claude_plugin.PIPE
    claim = Claim(pipe, MESSAGE)
    claim.make()
    framed = ClaudeCarrier().framed(TEXT, claim.name).encode()
    with subprocess.Popen(command(pipe), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reader:
        if how == "taken back":
            assert claim.revoke()
        write(pipe, framed if how == "taken back" else framed[:-1])
        pipe.unlink()  # one that waits for more leaves then
        out, error = reader.communicate(timeout=PATIENCE)
    assert (out, error, reader.returncode == 2) == (b"", b"", False)
