"""What one Claude Code session leaves behind, as facts (2.1.328, measured).

Status: `sessions/<pid>.json` in its configuration folder, `status` idle, busy or waiting. It is absent during
the trust and MCP dialogs and stays behind after a SIGKILL, so it counts only with our process's start ticks.
It may be a child of a wrapper that is the agent.
Evidence: the transcript's line, 145 to 250 ms after Enter. The UserPromptSubmit hook is none: it tells that
a prompt was entered, and another hook may refuse that. Then a line says so (`promptSubmitEnding`); it repeats
the prompt where it was not kept, and the prompt may stand in the input line again (2.1.332).
End of a turn: a `turn_duration` line; after an error of the model only an assistant line that says
`isApiErrorMessage`; after Escape a line `[Request interrupted by user]`, or none if there was no output yet.
Beside turns: `status` shell while a command runs in the background; `busy` while an agent does, during which
its prompt takes messages for the next turn; timers by the results of the tools that set them (2.1.332).
The conversation changes under a process by `/clear`, `/branch` and `/resume`: the status file names the new
one at once. That of `/clear` begins with its command, `/branch` copies the transcript, times included, into a
new one. `/cd` moves it. An edited message (Esc Esc, `/rewind`), a compaction and an accepted plan go on in
the same file (2.1.332).
Text entered during a turn waits in the program's own queue, which the hook tells of as well. At the next tool
result it joins the turn, with a line for an attachment `queued_command`; a turn that ends before that, or by
Escape, leaves it to a turn of its own. A process that ends takes its queue with it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from roost.core.vocabulary.session import SessionState
from roost.faults import Fault, fault_of
from roost.runtimes import claude_permission, claude_screen
from roost.runtimes.claude_process import ClaudeProcess
from roost.runtimes.claude_timers import ClaudeTimers
from roost.runtimes.claude_transcript import config_folder, find_transcript, is_kept, transcript_path
from roost.runtimes.context import Context
from roost.runtimes.facts import (
    INTERRUPTED,
    Answered,
    Compacted,
    ConversationSeen,
    Fact,
    Prompted,
    Rejected,
    TurnOver,
    Wrote,
)
from roost.runtimes.hook import HookAsks
from roost.runtimes.lines import records, status_object, text_of, time_of
from roost.runtimes.view import Answer, Composer, Reading, View, at_rest

TRANSCRIPT = "its transcript"
_CLEARED = "<command-name>/clear</command-name>"
_INTERRUPTED = "[Request interrupted by user"
_NEEDS_PERSON = frozenset(
    {
        "account_on_hold",
        "authentication_failed",
        "billing_error",
        "cloud_credential_error",
        "oauth_org_not_allowed",
        "verification_required",
    }
)
"""Kinds of errors after which every further prompt would fail as well, until a person has acted."""
_OUTAGES = _NEEDS_PERSON | {"model_not_found", "overloaded", "rate_limit", "server_error"}
"""Kinds of errors that are no fault of what was asked."""
_REFUSED = "invalid_request"
_TELLING = re.compile(
    rb'"type":"user"|"type":"(?:queued_command|hook_additional_context|hook_blocking_error)"|"type":"assistant"|"promptSubmitEnding"'
    rb'|"subtype":"(?:turn_duration|compact_boundary|scheduled_task_fire)"'
)
_WRITING = {
    "Write": "file_path",
    "Edit": "file_path",
    "MultiEdit": "file_path",
    "NotebookEdit": "notebook_path",
}
"""The tools that write a file, and what names it (2.1.332)."""
_HEADER = "[roost message "
_NOTIFIED = "task-notification"
"""How a prompt of its queue is called that a hook in the background has told, when a turn had just begun."""
_SHELL = "shell"
"""The status of an idle program with a command in the background."""


class ClaudeSensor:
    """State from the status file and, for dialogs, the screen; evidence from hooks and the transcript."""

    styled = True

    def __init__(self, context: Context) -> None:
        """Watch the session of this context."""
        self._context = context
        self.since = context.session.started_at
        self._conversation = context.session.conversation or context.session.id
        self._directories: tuple[str, ...] = (context.settings.dir,)
        self._transcript: Path | None = None
        self._sought: str | None = None
        self._latest = 0.0
        self._copied = 0.0
        self._turned = False
        self._status: Mapping[str, Any] | None = None
        self._look = claude_screen.Look(View(Composer.HIDDEN))
        self._answer: Answer | None = None
        self._at_prompt = context.session.ready
        self._needs: str | None = None
        self._timers = ClaudeTimers()
        self._shells: tuple[str, ...] = ()
        self._wrote: list[Wrote] = []
        self._sessions = config_folder(context.environ) / "sessions"
        self._process = ClaudeProcess(self._sessions, context.session.agent)
        self._kept: bool | None = None

    @property
    def records(self) -> bool:
        """Whether it writes its transcript; blocking when it is asked for the first time."""
        if self._kept is None:
            self._kept = is_kept(self._context)
        return self._kept

    def find(self, agent_pid: int, mark: str | None) -> list[Fact]:
        """Blocking: look where its status file and the transcript are.

        `/cd` moves the transcript into the folder of another directory.
        """
        del agent_pid, mark
        if len(self._directories) == 1:
            self._directories += (str(self._context.directory.resolve()),)
            self._kept = is_kept(self._context)
        self._process.seek(self._conversation, self._directories)
        kept = self._sought == self._conversation and self._transcript is not None
        if not kept or self._transcript is None or not self._transcript.exists():
            self._transcript = find_transcript(self._context, self._conversation)
        self._sought = self._conversation
        return []

    @property
    def current(self) -> bool:
        """The status file of its process names the conversation that was looked into."""
        named = self._status.get("sessionId") if self._status is not None else None
        return named == self._sought

    def tails(self) -> Sequence[Path]:
        """The transcript; it is made at the first prompt."""
        return (self._transcript or transcript_path(self._context, self._conversation),)

    def status_path(self, agent_pid: int) -> Path | None:
        """`sessions/<pid>.json`."""
        return self._sessions / f"{self._process.pid or agent_pid}.json"

    @property
    def watches_screen(self) -> bool:
        """Dialogs in a turn are told by the screen."""
        return True

    def on_lines(self, lines: Sequence[bytes]) -> list[Fact]:
        """Prompts taken and turns ended; lines older than the session are another life's."""
        facts: list[Fact] = [*self._wrote]
        self._wrote.clear()
        for record in records([line for line in lines if _TELLING.search(line)]):
            if not record.get("isSidechain") and self._ours(record):
                self._latest = max(self._latest, time_of(record, "timestamp"))
                facts.extend(self._record(record))
        return facts

    def _record(self, record: Mapping[str, Any]) -> Iterable[Fact]:
        match record.get("type"):
            case "user":
                self._timers.note_result(record.get("toolUseResult"))
                return self._user(record)
            case "attachment":
                return _attached(record)
            case "system":
                return self._system(record)
            case "assistant" if record.get("isApiErrorMessage"):
                why = self._failure(record)
                return [TurnOver(TRANSCRIPT, why, fault=_fault(record, why))]
            case "assistant":
                return [Answered(TRANSCRIPT)]
            case _:
                return []

    def _system(self, record: Mapping[str, Any]) -> Iterable[Fact]:
        match record.get("subtype"):
            case "turn_duration":
                self._needs = None
                return [TurnOver(TRANSCRIPT)]
            case "compact_boundary":
                return [Compacted(TRANSCRIPT, time_of(record, "timestamp"))]
            case "scheduled_task_fire":
                self._timers.note_fired(record.get("taskId"))
                return []
            case _:
                return _rejected(record)

    def _ours(self, record: Mapping[str, Any]) -> bool:
        at = time_of(record, "timestamp")
        copied = record.get("sessionId") == self._conversation and at <= self._copied
        return not at or (at >= self.since - 1.0 and not copied)

    def _user(self, record: Mapping[str, Any]) -> Iterable[Fact]:
        if "toolUseResult" in record or record.get("isCompactSummary"):
            return
        text = text_of(_content(record))
        if text.startswith(_INTERRUPTED):
            yield TurnOver(TRANSCRIPT, INTERRUPTED, interrupted=True)
            return
        self._needs = None
        if self._turned and text.startswith(_CLEARED) and record.get("sessionId") == self._conversation:
            yield ConversationSeen(self._conversation, time_of(record, "timestamp"))
        if text and not record.get("isMeta"):
            yield Prompted(text, TRANSCRIPT)

    def _failure(self, record: Mapping[str, Any]) -> str:
        why = " ".join(text_of(_content(record)).split())[:200] or "the model did not answer"
        if record.get("error") in _NEEDS_PERSON:
            self._needs = why
        return why

    def on_status(self, content: bytes | None) -> list[Fact]:
        """Keep what the status file says, if it speaks of our process; it names the conversation too."""
        status = status_object(content)
        if status is None or not self._of_our_process(status):
            self._status = None
            return []
        self._status = status
        conversation = status.get("sessionId")
        if not isinstance(conversation, str) or conversation == self._conversation:
            return []
        self._conversation, self._copied, self._turned = conversation, self._latest, True
        return [ConversationSeen(conversation)]

    def _of_our_process(self, status: Mapping[str, Any]) -> bool:
        process, started = self._process, status.get("procStart")
        if not process.pid or started is None:
            return status.get("sessionId") == self._conversation
        return status.get("pid") == process.pid and str(started) == str(process.start)

    def on_hook(self, name: str, payload: Mapping[str, Any]) -> HookAsks | None:
        """A hook says that it is worth looking, and some say more.

        Stop tells which commands run in the background, PostToolUse which file was written, by a sub-agent,
        too; one asks.
        """
        if name == claude_permission.EVENT:
            return claude_permission.asks(payload)
        if name == "PostToolUse" and (path := _written(payload)):
            self._wrote.append(Wrote(path))
        tasks: object = payload.get("background_tasks")
        if name == "Stop" and payload.get("session_id") == self._conversation and isinstance(tasks, list):
            self._shells = tuple(_described(task) for task in cast("list[object]", tasks))
        return None

    def on_screen(self, screen: str, title: str) -> View:
        """Judge the live region of the screen."""
        del title
        self._look = claude_screen.look_at(screen)
        self._answer = self.boot_answer(screen)
        self._at_prompt = self._at_prompt or self._look.view.composer in (Composer.EMPTY, Composer.FILLED)
        return self._look.view

    def reading(self) -> Reading | None:
        """A turn by the status file, or the screen where there is none; a prompt only by the screen."""
        view, status = self._look.view, self._status.get("status") if self._status is not None else None
        if view.dialog is None and (status == "busy" or (status is None and view.busy)):
            asked = self._look.retry
            why = f"in a turn; its model fails and is asked again: {asked}" if asked else "in a turn"
            return Reading(SessionState.WORKING, why)
        waits = self._status.get("waitingFor") if self._status is not None and status == "waiting" else None
        reading = at_rest(view, str(waits) if waits else None)
        if reading is None or (not self._at_prompt and self._answer is not None):
            return None
        if reading.state is SessionState.IDLE and self._needs is not None:
            reading = Reading(SessionState.BLOCKED, self._needs)
        return replace(reading, background=self._background(status))

    def _background(self, status: object) -> str:
        """What goes on beside turns, in words."""
        shells = ", ".join(self._shells) or "a command that it started"
        parts = [f"runs {shells}"] if status == _SHELL else []
        return "; ".join([*parts, *self._timers.words()])

    def boot_answer(self, screen: str) -> Answer | None:
        """The trust dialog for the peer's own folder, the API key of its own settings."""
        key = dict(self._context.settings.env).get("ANTHROPIC_API_KEY")
        return claude_screen.boot_answer(screen, self._directories, key)


def _fault(record: Mapping[str, Any], words: str) -> Fault:
    """By the kind of its error, or else by the status, which 2.1.332 writes down beside it."""
    kind, status = record.get("error"), record.get("apiErrorStatus")
    if kind in _OUTAGES:
        return Fault.SERVICE
    known = fault_of(words, status if isinstance(status, int) else None)
    return Fault.REQUEST if known is Fault.UNKNOWN and kind == _REFUSED else known


def _written(payload: Mapping[str, Any]) -> str | None:
    """The file that a tool has written: the hook comes after those that succeeded."""
    field = _WRITING.get(str(payload.get("tool_name")))
    given: object = payload.get("tool_input")
    path = cast("dict[str, object]", given).get(field) if field and isinstance(given, dict) else None
    return path if isinstance(path, str) and path else None


def _attached(record: Mapping[str, Any]) -> Iterable[Fact]:
    """A prompt that waited in the program's queue and has joined the running turn, or mail by a hook.

    A hook that wakes it while somebody begins a turn has its text wait in that queue as well.
    """
    attachment: object = record.get("attachment")
    known = cast("dict[str, Any]", attachment) if isinstance(attachment, dict) else {}
    if known.get("type") == "queued_command":
        text = text_of(known.get("prompt"))
        notified = known.get("commandMode") == _NOTIFIED and _HEADER in text
        if notified or known.get("commandMode") == "prompt":
            yield Prompted(text, TRANSCRIPT, joins=True)
    yield from (Prompted(text, TRANSCRIPT, joins=True) for text in _by_hook(known) if _HEADER in text)


def _by_hook(attachment: Mapping[str, Any]) -> Iterator[str]:
    """What a hook has given to the model: context within a turn, a reason to go on at its end."""
    content: object = attachment.get("content")
    error: object = attachment.get("blockingError")
    if attachment.get("type") == "hook_additional_context" and isinstance(content, list):
        yield from (str(text) for text in cast("list[object]", content))
    elif attachment.get("type") == "hook_blocking_error" and isinstance(error, dict):
        yield str(cast("dict[str, object]", error).get("blockingError", ""))


def _rejected(record: Mapping[str, Any]) -> Iterable[Fact]:
    """A prompt that a hook kept from the model: by exit code 2, `decision: block`, or `continue: false`."""
    submitted: object = record.get("promptSubmitEnding")
    if not isinstance(submitted, dict):
        return
    known = cast("dict[str, Any]", submitted)
    ending = cast("dict[str, Any]", known.get("ending") or {})
    why = " ".join(str(ending.get("reason") or "it gave no reason").split())
    yield Rejected(TRANSCRIPT, why, None if known.get("promptKept") else str(record.get("content", "")))


def _described(task: object) -> str:
    """A task in the background, as its program names it."""
    known = cast("dict[str, object]", task) if isinstance(task, dict) else {}
    return " ".join(str(known.get("command") or known.get("description") or "a task").split())[:80]


def _content(record: Mapping[str, Any]) -> object:
    message: object = record.get("message")
    return cast("dict[str, object]", message).get("content") if isinstance(message, dict) else None
