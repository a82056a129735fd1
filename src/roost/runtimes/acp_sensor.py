"""What the client of an ACP agent leaves behind (`roost.acp`), as facts: its status file and its record."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from roost.core.vocabulary.question import Asking, Option
from roost.core.vocabulary.session import SessionState
from roost.faults import Fault
from roost.runtimes.acp_records import record_of
from roost.runtimes.context import Context
from roost.runtimes.facts import (
    INTERRUPTED,
    Answered,
    Compacted,
    ConversationSeen,
    Fact,
    Prompted,
    TurnOver,
)
from roost.runtimes.lines import records, status_object, time_of
from roost.runtimes.view import Answer, Composer, Reading, View

RECORD = "its client's record"
_PROMPT = "acp>"
_QUESTION = "? "
_BUSY = "working (Esc cancels the turn)"


class AcpSensor:
    """State from the client's status file, evidence from its record."""

    watches_screen = False
    styled = False
    records = True
    current = True

    def __init__(self, context: Context) -> None:
        """Watch the session of this context."""
        self._context = context
        self.since = context.session.started_at
        self._conversation: str | None = None
        self._reading: Reading | None = None

    def find(self, agent_pid: int, mark: str | None) -> Sequence[Fact]:
        """Until the conversation is known, the status file tells it: the record lies in its folder."""
        del mark
        if self._conversation is not None:
            return ()
        try:
            return self._seen(status_object(self.status_path(agent_pid).read_bytes()))
        except OSError:
            return ()

    def tails(self) -> Sequence[Path]:
        """The record of this session."""
        if self._conversation is None:
            return ()
        return (record_of(self._context.shared, self._conversation, self._context.session.id),)

    def status_path(self, agent_pid: int) -> Path:
        """`status/<pid>.json` in the shared directory."""
        return self._context.shared / "status" / f"{agent_pid}.json"

    def on_lines(self, lines: Sequence[bytes]) -> list[Fact]:
        """Prompts taken, answers begun, turns ended. What the agent showed of its past is nothing new."""
        return [fact for record in records(lines) for fact in _facts(record)]

    def on_status(self, content: bytes | None) -> Sequence[Fact]:
        """Keep what the status file says, if it is of this session."""
        status = status_object(content)
        self._reading = None
        if status is None or status.get("session") != self._context.session.id:
            return ()
        match status.get("state"):
            case "idle":
                note = status.get("note")
                why = f"at its prompt; {note}" if note else "at its prompt"
                self._reading = Reading(SessionState.IDLE, why)
            case "busy":
                self._reading = Reading(SessionState.WORKING, "in a turn")
            case "waiting":
                why = f"a dialog is open: {status.get('question')}"
                self._reading = Reading(SessionState.BLOCKED, why, asks=_asks(status.get("asks")))
            case _:
                pass
        return self._seen(status)

    def _seen(self, status: Mapping[str, Any] | None) -> Sequence[Fact]:
        if status is None or status.get("session") != self._context.session.id:
            return ()
        conversation = status.get("conversation")
        if not isinstance(conversation, str) or conversation == self._conversation:
            return ()
        self._conversation = conversation
        return (ConversationSeen(conversation),)

    def on_hook(self, name: str, payload: Mapping[str, Any]) -> None:
        """Its agents have no hooks."""
        del name, payload

    def on_screen(self, screen: str, title: str) -> View:
        """The prompt is the last line that starts with `acp>`. Whatever is said above it is indented."""
        del title
        lines = screen.splitlines()
        starts = [index for index, line in enumerate(lines) if line.startswith(_PROMPT)]
        if not starts:
            return View(Composer.HIDDEN)
        above, draft = lines[: starts[-1]], " ".join(lines[starts[-1] :])[len(_PROMPT) :].strip()
        dialog = next((line[2:] for line in reversed(above) if line.startswith(_QUESTION)), None)
        composer = Composer.FILLED if draft else Composer.EMPTY
        return View(composer, dialog, _BUSY in above, draft=draft)

    def reading(self) -> Reading | None:
        """What the status file said last."""
        return self._reading

    def boot_answer(self, screen: str) -> Answer | None:
        """Whatever its agent asks as it starts is for a person."""
        del screen
        return None


def _asks(listed: object) -> tuple[Asking, ...]:
    """What its client says is asked."""
    known = cast("list[object]", listed) if isinstance(listed, list) else []
    return tuple(_asking(cast("dict[str, Any]", each)) for each in known if isinstance(each, dict))


def _asking(asked: Mapping[str, Any]) -> Asking:
    options = tuple(
        Option(str(each["id"]), str(each["name"]), str(each.get("kind", "")))
        for each in asked.get("options", ())
    )
    tool, command = str(asked.get("tool", "")), str(asked.get("command", ""))
    return Asking(str(asked.get("id")), str(asked.get("text")), options, tool=tool, command=command)


def _facts(record: Mapping[str, Any]) -> Iterator[Fact]:
    match record.get("type"):
        case "prompt":
            yield Prompted(str(record.get("text", "")), RECORD)
        case "answered":
            yield Answered(RECORD)
        case "turn_end" if record.get("stop") == "cancelled":
            yield TurnOver(RECORD, INTERRUPTED, interrupted=True)
        case "turn_end":
            failed, fault = record.get("failed"), record.get("fault")
            known = Fault(fault) if fault in list(Fault) else Fault.UNKNOWN
            yield TurnOver(RECORD, str(failed) if failed else None, fault=known)
        case "compacted":
            yield Compacted(RECORD, time_of(record, "at"))
        case _:
            pass


def given(line: bytes) -> bool:
    """Whether a line shows that the agent was given a message: it was to be written, or was replayed."""
    return any(record.get("type") in ("submitted", "replayed") for record in records([line]))
