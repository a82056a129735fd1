"""The demo agent of this package (`python -m roost.demo_agent`)."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.policy import Traits
from roost.core.vocabulary.session import SessionState
from roost.runtimes.context import Context
from roost.runtimes.facts import INTERRUPTED, Compacted, Fact, Prompted, TurnOver, Wrote
from roost.runtimes.lines import changed_since, records, status_files, status_object, time_of, whole_number
from roost.runtimes.runtime import Claim, Controls, LaunchPlan
from roost.runtimes.turns.demo import DemoReader
from roost.runtimes.turns.record import FileRecord
from roost.runtimes.turns.transcript import Transcript
from roost.runtimes.view import Answer, Composer, Reading, View

_DIALOG = "Allow? [Enter = yes, Esc = no]"
_PROMPT = "demo>"
_BUSY = "working (esc to interrupt)"
_COLLAPSED = re.compile(r"\[Pasted text #\d+(?: \+\d+ lines)?\]")


class DemoSensor:
    """State from the agent's status file, evidence from its conversation file."""

    watches_screen = False
    styled = False
    records = True
    current = True

    def __init__(self, context: Context) -> None:
        """Watch the session of this context."""
        self._context = context
        self.since = context.session.started_at
        self._reading: Reading | None = None

    def find(self, agent_pid: int, mark: str | None) -> Sequence[Fact]:
        """Its files are known in advance."""
        del agent_pid, mark
        return ()

    def tails(self) -> Sequence[Path]:
        """The conversation file."""
        return (_conversation_file(self._context),)

    def status_path(self, agent_pid: int) -> Path | None:
        """`status/<pid>.json` in the shared directory."""
        return self._context.shared / "status" / f"{agent_pid}.json"

    def on_lines(self, lines: Sequence[bytes]) -> list[Fact]:
        """Prompts taken and turns ended."""
        facts: list[Fact] = []
        for record in records(lines):
            if record.get("type") == "user":
                joins = record.get("joins") is True
                facts.append(Prompted(str(record.get("text", "")), "its conversation file", joins))
            elif record.get("type") == "turn_end":
                interrupted = record.get("status") == "interrupted"
                failed = INTERRUPTED if interrupted else None
                facts.append(TurnOver("its conversation file", failed, interrupted))
            elif record.get("type") == "wrote":
                facts.append(Wrote(str(record.get("path", "")), time_of(record, "at")))
            elif record.get("type") == "compact":
                facts.append(Compacted("its conversation file", time_of(record, "at")))
        return facts

    def on_status(self, content: bytes | None) -> Sequence[Fact]:
        """Keep what the status file says, if it speaks of this conversation."""
        status = status_object(content)
        if status is None or status.get("conversation") != self._context.session.conversation:
            self._reading = None
            return ()
        match status.get("status"):
            case "idle":
                self._reading = Reading(SessionState.IDLE, "at its prompt")
            case "busy":
                self._reading = Reading(SessionState.WORKING, "in a turn")
            case "waiting":
                self._reading = Reading(SessionState.BLOCKED, f"a dialog is open: {_DIALOG}")
            case _:
                self._reading = None
        return ()

    def on_hook(self, name: str, payload: Mapping[str, Any]) -> None:
        """The demo agent has no hooks."""
        del name, payload

    def on_screen(self, screen: str, title: str) -> View:
        """The prompt is the last line that starts with `demo>`. Whatever is said above it is indented."""
        del title
        lines = screen.splitlines()
        starts = [index for index, line in enumerate(lines) if line.startswith(_PROMPT)]
        composer, draft = Composer.HIDDEN, ""
        if starts:
            draft = " ".join(lines[starts[-1] :])[len(_PROMPT) :].strip()
            composer = Composer.FILLED if draft else Composer.EMPTY
        collapsed = _COLLAPSED.fullmatch(draft) is not None
        dialog = _DIALOG if _DIALOG in lines else None
        return View(composer, dialog, _BUSY in lines, draft=draft, collapsed=collapsed)

    def reading(self) -> Reading | None:
        """What the status file said last."""
        return self._reading

    def boot_answer(self, screen: str) -> Answer | None:
        """It starts without dialogs."""
        del screen
        return None


class DemoRuntime:
    """`--runtime demo`."""

    name = "demo"
    traits = Traits(steers=True)
    submit_delay = 0.0
    controls = Controls(clear=("C-u",), compact="/compact")
    passes = ("ROOST_DEMO_LOG",)

    def locate(self, path: str | None) -> str:
        """This Python: the agent is part of the package."""
        del path
        return sys.executable

    def check(self, settings: Settings) -> None:
        """Its arguments are its own."""
        del settings

    def plan(self, context: Context) -> LaunchPlan:
        """Start it on its conversation."""
        session = context.session
        argv = [
            sys.executable,
            "-m",
            "roost.demo_agent",
            "--conversation",
            session.conversation or session.id,
        ]
        if session.resumed:
            argv.append("--resume")
        env = {"ROOST_DEMO_STATE": str(context.shared)}
        return LaunchPlan((*argv, *context.settings.args), env, calls=False)

    def sensor(self, context: Context) -> DemoSensor:
        """The sensor of one session."""
        return DemoSensor(context)

    def call(self, context: Context) -> None:
        """None: it is told by its terminal."""
        del context

    def claims(self, context: Context) -> list[Claim]:
        """The status files that name the conversation."""
        return [
            Claim(pid, whole_number(status.get("start")), "its status file")
            for status in status_files(context.shared / "status")
            if status.get("conversation") == context.session.conversation
            and (pid := whole_number(status.get("pid"))) is not None
        ]

    def transcript(self, context: Context) -> Path | None:
        """The conversation file, if the conversation exists."""
        path = _conversation_file(context)
        return path if path.exists() else None

    def transcripts(self, context: Context) -> Sequence[Path]:
        """The conversation file."""
        path = self.transcript(context)
        return () if path is None else (path,)

    def written(self, context: Context, since: float) -> Sequence[Path]:
        """The conversation files in the shared directory."""
        return changed_since(context.shared.glob("*.jsonl"), since)

    def said(self, context: Context, *, whole: bool) -> Transcript:
        """The conversation file."""
        return Transcript(FileRecord(lambda: self.transcripts(context)), DemoReader(), whole=whole)

    def given(self, line: bytes) -> bool:
        """Its conversation file tells prompts apart."""
        del line
        return False

    def conversation_of(self, record: Path) -> str | None:
        """By the file's name."""
        return record.stem


def _conversation_file(context: Context) -> Path:
    return context.shared / f"{context.session.conversation or context.session.id}.jsonl"
