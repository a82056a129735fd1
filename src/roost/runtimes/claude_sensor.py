"""What one Claude Code session leaves behind, as facts (2.1.328, measured).

Status: `sessions/<pid>.json` in its configuration folder, `status` idle, busy or waiting. It is absent during
the trust and MCP dialogs and stays behind after a SIGKILL, so it counts only with our process's start ticks.
Evidence: the UserPromptSubmit hook comes 40 to 75 ms after Enter, the transcript's line 145 to 250 ms.
End of a turn: a `turn_duration` line; after an error of the model only an assistant line that says
`isApiErrorMessage`; after Escape a line `[Request interrupted by user]`, or none if there was no output yet.
Text entered during a turn waits in the program's own queue, which the hook tells of as well. At the next tool
result it joins the turn, with a line for an attachment `queued_command`; a turn that ends before that, or by
Escape, leaves it to a turn of its own. A process that ends takes its queue with it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from roost.core.session import SessionState
from roost.runtimes import claude_screen
from roost.runtimes.base import (
    INTERRUPTED,
    Answer,
    Compacted,
    Composer,
    Context,
    ConversationSeen,
    Fact,
    Prompted,
    Reading,
    TurnOver,
    View,
)
from roost.runtimes.lines import records, status_object, text_of, time_of

TRANSCRIPT = "its transcript"
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
_OUTAGES = _NEEDS_PERSON | {"overloaded", "rate_limit", "server_error"}
"""Kinds of errors that are no fault of what was asked."""
_TELLING = re.compile(
    rb'"type":"user"|"type":"queued_command"|"subtype":"(?:turn_duration|compact_boundary)"|"isApiErrorMessage":true'
)


class ClaudeSensor:
    """State from the status file and, for dialogs, the screen; evidence from hooks and the transcript."""

    styled = True
    records = True

    def __init__(self, context: Context) -> None:
        """Watch the session of this context."""
        self._context = context
        self.since = context.session.started_at
        self._conversation = context.session.conversation or context.session.id
        self._directories: tuple[str, ...] = (context.settings.dir,)
        self._transcript: Path | None = None
        self._status: Mapping[str, Any] | None = None
        self._look = claude_screen.Look(View(Composer.HIDDEN))
        self._answer: Answer | None = None
        self._at_prompt = context.session.ready
        self._needs: str | None = None
        self._in_turn = False

    def find(self, agent_pid: int, mark: str | None) -> list[Fact]:
        """Blocking: look where the transcript is. Its folder is named after the working directory."""
        del agent_pid, mark
        if len(self._directories) == 1:
            self._directories += (str(self._context.directory.resolve()),)
        if self._transcript is None or self._conversation not in self._transcript.name:
            self._transcript = find_transcript(self._context, self._conversation)
        return []

    def tails(self) -> Sequence[Path]:
        """The transcript; it is made at the first prompt."""
        return (self._transcript or transcript_path(self._context, self._conversation),)

    def status_path(self, agent_pid: int) -> Path | None:
        """`sessions/<pid>.json`."""
        return config_folder(self._context.environ) / "sessions" / f"{agent_pid}.json"

    @property
    def watches_screen(self) -> bool:
        """At the prompt and in an ordinary turn the status file is enough; dialogs are told by the screen."""
        return not self._at_prompt or self._status is None or self._status.get("status") != "idle"

    def on_lines(self, lines: Sequence[bytes]) -> list[Fact]:
        """Prompts taken and turns ended; lines older than the session are another life's."""
        facts: list[Fact] = []
        for record in records([line for line in lines if _TELLING.search(line)]):
            if record.get("isSidechain") or not self._ours(record):
                continue
            match record.get("type"), record.get("subtype"):
                case "user", _:
                    facts.extend(self._user(record))
                case "attachment", _:
                    facts.extend(_queued(record))
                case "system", "turn_duration":
                    self._needs = None
                    facts.append(TurnOver(TRANSCRIPT))
                case "system", "compact_boundary":
                    facts.append(Compacted(TRANSCRIPT, time_of(record, "timestamp")))
                case "assistant", _ if record.get("isApiErrorMessage"):
                    facts.append(
                        TurnOver(TRANSCRIPT, self._failure(record), outage=record.get("error") in _OUTAGES)
                    )
                case _:
                    pass
        self._note_turn(facts)
        return facts

    def _note_turn(self, facts: Sequence[Fact]) -> None:
        """Whether a turn runs, as far as the transcript tells."""
        for fact in facts:
            if isinstance(fact, Prompted | TurnOver):
                self._in_turn = isinstance(fact, Prompted)

    def _ours(self, record: Mapping[str, Any]) -> bool:
        at = time_of(record, "timestamp")
        return not at or at >= self.since - 1.0

    def _user(self, record: Mapping[str, Any]) -> Iterable[Fact]:
        if "toolUseResult" in record or record.get("isCompactSummary"):
            return
        text = text_of(_content(record))
        if text.startswith(_INTERRUPTED):
            yield TurnOver(TRANSCRIPT, INTERRUPTED, interrupted=True)
            return
        self._needs = None
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
        self._conversation = conversation
        return [ConversationSeen(conversation)]

    def _of_our_process(self, status: Mapping[str, Any]) -> bool:
        processes = self._context.session.processes
        started = status.get("procStart")
        if processes is None or started is None:
            return status.get("sessionId") == self._conversation
        return status.get("pid") == processes.agent.pid and str(started) == str(processes.agent.start)

    def on_hook(self, name: str, payload: Mapping[str, Any]) -> list[Fact]:
        """A prompt that is being taken, unless it is queued; the other hooks say that it is worth looking.

        It begins a turn before the transcript shows that: what is entered right behind it is queued.
        """
        if name != "UserPromptSubmit" or payload.get("session_id") != self._conversation:
            return []
        queued, self._in_turn = self._in_turn, True
        return [] if queued else [Prompted(str(payload.get("prompt", "")), "its UserPromptSubmit hook")]

    def on_screen(self, screen: str, title: str) -> View:
        """Judge the live region of the screen."""
        del title
        self._look = claude_screen.look_at(screen)
        self._answer = self.boot_answer(screen)
        self._at_prompt = self._at_prompt or self._look.view.composer is not Composer.HIDDEN
        return self._look.view

    def reading(self) -> Reading | None:
        """The status file's state; the screen's where there is none."""
        view = self._look.view
        status = self._status.get("status") if self._status is not None else None
        if status == "waiting" or (view.dialog is not None and status != "idle"):
            return self._blocked(view)
        if status == "busy" or (status is None and view.busy):
            asked = self._look.retry
            why = f"in a turn; its model fails and is asked again: {asked}" if asked else "in a turn"
            return Reading(SessionState.WORKING, why)
        if not self._at_prompt:
            return None
        if status is None and view.composer is Composer.HIDDEN:
            return None
        if self._needs is not None:
            return Reading(SessionState.BLOCKED, self._needs)
        return Reading(SessionState.IDLE, "at its prompt")

    def _blocked(self, view: View) -> Reading | None:
        if not self._at_prompt and self._answer is not None:
            return None
        waits: object = self._status.get("waitingFor") if self._status is not None else None
        return Reading(SessionState.BLOCKED, f"a dialog is open: {view.dialog or waits or 'unknown'}")

    def boot_answer(self, screen: str) -> Answer | None:
        """The trust dialog for the peer's own folder, the API key of its own settings."""
        key = dict(self._context.settings.env).get("ANTHROPIC_API_KEY")
        return claude_screen.boot_answer(screen, self._directories, key)


def config_folder(environ: Mapping[str, str]) -> Path:
    """Where Claude Code keeps its files: `$CLAUDE_CONFIG_DIR`, or `.claude` in the home folder."""
    given = environ.get("CLAUDE_CONFIG_DIR")
    return Path(given) if given else Path(environ.get("HOME") or Path.home()) / ".claude"


def transcript_path(context: Context, conversation: str) -> Path:
    """Where the transcript is by rule: all characters of the folder but letters and digits become dashes."""
    folder = re.sub(r"[^a-zA-Z0-9]", "-", context.settings.dir)
    return config_folder(context.environ) / "projects" / folder / f"{conversation}.jsonl"


def find_transcript(context: Context, conversation: str) -> Path | None:
    """Blocking: the transcript, also in a folder named otherwise (long paths, links); None: there is none."""
    path = transcript_path(context, conversation)
    if path.exists():
        return path
    projects = config_folder(context.environ) / "projects"
    return next(iter(sorted(projects.glob(f"*/{conversation}.jsonl"))), None)


def holds_a_turn(path: Path) -> bool:
    """Blocking: whether a transcript holds a prompt: one without any cannot be resumed."""
    try:
        with path.open("rb") as file:
            lines = (line for line in file if b'"type":"user"' in line)
            return any(record.get("type") == "user" for line in lines for record in records([line]))
    except OSError:
        return False


def _queued(record: Mapping[str, Any]) -> Iterable[Fact]:
    """A prompt that waited in the program's queue and has joined the running turn."""
    attachment: object = record.get("attachment")
    known = cast("dict[str, Any]", attachment) if isinstance(attachment, dict) else {}
    if known.get("type") == "queued_command" and known.get("commandMode") == "prompt":
        yield Prompted(text_of(known.get("prompt")), TRANSCRIPT, joins=True)


def _content(record: Mapping[str, Any]) -> object:
    message: object = record.get("message")
    return cast("dict[str, object]", message).get("content") if isinstance(message, dict) else None
