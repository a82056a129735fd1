"""A stand-in for a Codex that a person has started: the lock of its thread, its record, hooks, shell tool."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.daemon import Roost
from tests.support.guest import LOOP


@dataclass
class Codex:
    """One of them: a process that runs what its shell tool is told to."""

    roost: Roost
    folder: Path
    thread: str
    process: subprocess.Popen[str]

    @property
    def hooks_file(self) -> Path:
        """Where its person's hooks stand."""
        return self.roost.home.user / ".codex/hooks.json"

    def ask(self, *words: str) -> None:
        """Have its shell tool run a command of roost's."""
        self.shell(sys.executable, "-m", "roost", *words)

    def shell(self, *words: str) -> None:
        """Have its shell tool run a command."""
        assert self.process.stdin is not None
        env = {**self.roost.environ, "CODEX_THREAD_ID": self.thread}
        asked = {"argv": words, "env": env, "cwd": str(self.folder)}
        self.process.stdin.write(f"{json.dumps(asked)}\n")
        self.process.stdin.flush()

    def answer(self) -> tuple[int, str, str]:
        """What that came to: exit code, standard output and error."""
        assert self.process.stdout is not None
        code, out, error = json.loads(self.process.stdout.readline())
        return code, out, error

    def run(self, *words: str) -> tuple[int, str, str]:
        """A command of roost's, and what it came to."""
        self.ask(*words)
        return self.answer()

    def hook(self, name: str, thread: str | None = None) -> tuple[int, str, str]:
        """What the last of its person's hooks of that name comes to, as Codex runs it."""
        command = json.loads(self.hooks_file.read_text())["hooks"][name][-1]["hooks"][0]["command"]
        told = {"session_id": thread or self.thread, "hook_event_name": name}
        payload = self.folder / "payload"
        payload.write_text(json.dumps(told, separators=(",", ":")))
        self.shell("/bin/sh", "-c", f"exec < {payload}; {command}")
        return self.answer()

    def records(self, *payloads: Mapping[str, Any]) -> None:
        """Append events to its rollout."""
        place = self.roost.home.user / ".codex/sessions/2026/01/01"
        place.mkdir(parents=True, exist_ok=True)
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        lines = [{"timestamp": now, "type": "event_msg", "payload": payload} for payload in payloads]
        with (place / f"rollout-2026-01-01T00-00-00-{self.thread}.jsonl").open("a") as file:
            file.writelines(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines)

    def takes(self, text: str) -> None:
        """Its record says that its model was given what a hook has said, and that its turn is over."""
        item = {"type": "HookPrompt", "fragments": [{"text": text}]}
        self.records(
            {"type": "item_completed", "turn_id": "1", "item": item},
            {"type": "task_complete", "turn_id": "1"},
        )


@contextmanager
def codex(
    roost: Roost, name: str = "w", thread: str | None = None, words: Sequence[str] = ()
) -> Iterator[Codex]:
    """Such a program; at the end it is gone. `words`: of its command line."""
    thread = thread or str(uuid.uuid4())
    locks = roost.home.user / ".codex/thread-writer-locks"
    locks.mkdir(parents=True, exist_ok=True)
    folder = roost.home.work / name
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", f"held = open({str(locks / f'{thread}.lock')!r}, 'w'){LOOP}", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=dict(roost.environ)) as process:
        try:
            yield Codex(roost, folder, thread, process)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
