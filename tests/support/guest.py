"""A stand-in for a Claude Code that a person has started: what it leaves behind, and its shell tool."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.daemon import Roost
from tests.support.posting import post

LOOP = """
import json, subprocess, sys
for line in sys.stdin:
    asked = json.loads(line)
    done = subprocess.run(asked["argv"], env=asked["env"], cwd=asked["cwd"], capture_output=True, text=True)
    print(json.dumps([done.returncode, done.stdout, done.stderr]), flush=True)
"""


@dataclass
class Guest:
    """One of them: a process that runs what its shell tool is told to."""

    roost: Roost
    folder: Path
    conversation: str
    environ: Mapping[str, str]
    process: subprocess.Popen[str]
    claims: str = field(default="")

    @property
    def settings(self) -> Path:
        """Its personal settings of the folder."""
        return self.folder / ".claude/settings.local.json"

    @property
    def _projects(self) -> Path:
        folder = "".join(letter if letter.isalnum() else "-" for letter in str(self.folder))
        return self.roost.home.user / ".claude/projects" / folder / f"{self.conversation}.jsonl"

    def says(self, status: str, *, started: str = "") -> None:
        """Write its status file; `started`: as of another process that had its pid."""
        place = self.roost.home.user / ".claude/sessions"
        place.mkdir(parents=True, exist_ok=True)
        pid = self.process.pid
        started = started or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        told = {
            "pid": pid,
            "procStart": started,
            "sessionId": self.claims or self.conversation,
            "cwd": str(self.folder),
            "status": status,
        }
        kept = place / f"{pid}.new"
        kept.write_text(json.dumps(told))
        kept.rename(place / f"{pid}.json")

    def records(self, *lines: Mapping[str, Any]) -> None:
        """Append to its transcript, as compact as Claude Code writes it."""
        self._projects.parent.mkdir(parents=True, exist_ok=True)
        with self._projects.open("a") as file:
            file.writelines(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines)

    def hook(self, name: str, **payload: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
        """What the first of our hooks of that name answers; all fields of the payload are its program's."""
        entry = json.loads(self.settings.read_text())["hooks"][name][0]["hooks"][0]
        told = {"session_id": self.conversation, "hook_event_name": name, **payload}
        status, answer = post(self.roost, urlsplit(entry["url"]).path, told, **entry["headers"])
        assert status == 200, answer
        return json.loads(answer)

    def shell(self, *words: str) -> tuple[int, str, str]:
        """What its shell tool does with a command: exit code, standard output and error."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        env = {**self.environ, "CLAUDE_CODE_SESSION_ID": self.conversation, "CLAUDECODE": "1"}
        asked = {"argv": list(words), "env": env, "cwd": str(self.folder)}
        self.process.stdin.write(f"{json.dumps(asked)}\n")
        self.process.stdin.flush()
        code, out, error = json.loads(self.process.stdout.readline())
        return code, out, error

    def run(self, *words: str) -> tuple[int, str, str]:
        """A command of roost's in its shell tool."""
        return self.shell(sys.executable, "-m", "roost", *words)


@contextmanager
def guest(roost: Roost, name: str = "w", conversation: str | None = None) -> Iterator[Guest]:
    """A program in the folder of that name; at the end it is gone."""
    folder = roost.home.work / name
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", LOOP]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=dict(roost.environ)) as process:
        made = Guest(roost, folder, conversation or str(uuid.uuid4()), roost.environ, process)
        made.says("busy")
        try:
            yield made
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def joined(who: Guest, *name: str) -> str:
    """It joins; by which name."""
    code, out, error = who.run("join", *name, "--json")
    assert (code, error) == (0, ""), error
    return str(json.loads(out)["name"])


def records_hooked(who: Guest, text: str, *, ended: bool = True) -> None:
    """Its transcript says that its model was given what a hook answered; `ended`: and its turn is over."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    attached = {"type": "hook_additional_context", "content": [text]}
    end = {"type": "system", "subtype": "turn_duration", "timestamp": now, "sessionId": who.conversation}
    who.records(
        {"type": "attachment", "attachment": attached, "timestamp": now, "sessionId": who.conversation},
        *([end] if ended else []),
    )
