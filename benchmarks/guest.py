"""A program that has joined as Claude Code does, for the time of one benchmark."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.home import Home, program

_PROGRAM = (
    "import subprocess, sys; input(); subprocess.run(sys.argv[1:], check=True); print(flush=True); input()"
)
"""Runs one command when it is told to, as a shell tool does, and stays."""


@dataclass(frozen=True, slots=True)
class Guest:
    """The process, and the conversation that it has open in its folder."""

    process: subprocess.Popen[bytes]
    conversation: str
    folder: Path

    def asks(self, hook: str) -> dict[str, dict[str, str]]:
        """How the first of our hooks of that name asks: `url`, `headers`."""
        settings = json.loads((self.folder / ".claude/settings.local.json").read_text())
        return settings["hooks"][hook][0]["hooks"][0]


@contextmanager
def joined(home: Home, name: str) -> Iterator[Guest]:
    """It has joined by this name; at the end it is gone."""
    conversation, folder, pipe = str(uuid.uuid4()), home.work / name, subprocess.PIPE
    folder.mkdir()
    environ = {**home.environment, "CLAUDE_CODE_SESSION_ID": conversation}
    command = [sys.executable, "-S", "-c", _PROGRAM, *program(), "join", name]
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environ, cwd=folder)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        started = Path(f"/proc/{process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
        sessions = Path(environ["HOME"]) / ".claude/sessions"
        sessions.mkdir(parents=True, exist_ok=True)
        told = {"pid": process.pid, "procStart": started, "sessionId": conversation, "status": "busy"}
        (sessions / f"{process.pid}.json").write_text(json.dumps({**told, "cwd": str(folder)}))
        process.stdin.write(b"\n")
        process.stdin.flush()
        while process.stdout.readline().strip():
            pass
        if home.row(name)["session"] is None:
            raise RuntimeError(f"{name} has not joined")
        yield Guest(process, conversation, folder)
    finally:
        process.kill()
        process.wait()
