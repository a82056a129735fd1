"""What one Gemini CLI session leaves behind, as facts (0.61.0, measured).

Evidence: the record's line with the prompt, some 0.1 s after Enter (and after the hooks of the user). No line
tells the end of a turn that went well: it is over when the record holds an answer without a tool, the screen
shows the prompt and no turn, and nothing more comes. A cancelled turn is the line `Request cancelled.`, a
failed one an error; both take their prompt out of the conversation. What a hook keeps from the model is a
warning, without the prompt. Within a turn, the same warning says that a hook keeps it from going on, or that
one sends it on (AfterAgent): then the next prompt is what the hook has said, and the turn goes on with that.
A cancelled tool has the whole conversation written anew, with new ids and times, from the message that its
program made at the start up to a `$set` of all messages: nothing in between is news. A compaction is a `$set`
of messages that begin with a summary; one that came to nothing leaves no trace.
What is entered during a turn waits in the program's own queue and begins the next turn, all of it as one
prompt. A cancelled turn leaves the queue as it is; a process that ends takes it with it.
`/clear` and `/resume` lead to another conversation: nothing names it, so it is known by the mark of the
message that was handed over, in another record of the same project.
The prompt is drawn before bracketed paste is switched on (25 to 45 ms), and the record is written after that
(160 to 200 ms): so the prompt counts from the first line of the record on.
A start that resumes draws its input line, takes it away to load the conversation, writes the record that it
resumes (30 to 150 ms later, see `gemini_resume`) and draws it for good (20 to 180 ms later); what is pasted
before is lost. That record is not written before: here, too, the prompt counts from then on.
An answer to the trust dialog has the program start anew, as another process. Until that is there the old one
may draw its prompt, take what is entered and answer it, untrusted and without our tools.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from roost.core.messages import envelope
from roost.core.vocabulary.session import SessionState
from roost.faults import Fault, fault_of
from roost.runtimes import gemini_chats, gemini_resume, gemini_screen
from roost.runtimes.context import Context
from roost.runtimes.facts import (
    INTERRUPTED,
    PROGRAM,
    Answered,
    Compacted,
    ConversationSeen,
    Fact,
    Prompted,
    Rejected,
    TurnOver,
    Wrote,
)
from roost.runtimes.gemini_processes import processes_of
from roost.runtimes.lines import records, text_of, time_of
from roost.runtimes.marks import Marks
from roost.runtimes.view import Answer, Composer, Reading, View, at_rest

RECORD = "its record"
_CANCELLED = "Request cancelled."
_FAILED = "[API Error: "
_LIMIT = "The session has reached the maximum number of turns: "
"""What takes the place of a prompt, or ends a turn, by the user's setting `model.maxSessionTurns`."""
_CLEARED = "Conversation context has been cleared."
"""A hook that sends a turn on may ask for that: it goes on without what was said, in another record."""
_KEPT_BACK = re.compile(r"^Agent execution (blocked|stopped): *(.*)", re.DOTALL)
_GOES_ON = ("Please continue.", "System: ")
"""How prompts begin that the program itself gives to its model within a turn."""
_STATUS = re.compile(r'"code": *(\d{3})|\(Status: ([A-Z_]+)\)')
_REFUSED = frozenset({"INVALID_ARGUMENT", "OUT_OF_RANGE"})
"""How the kinds of errors are called that are about what was asked; a bad key is one of them (400)."""
_BAD_REQUEST, _FAILED_SERVICE = 400, 503
_STILL, _STILL_UNSEEN = 2, 15
"""Looks without anything new until an answer is the last; the same where no turn was seen to run."""
_RECHECK = 10
"""Looks between two looks at the other records of the project."""
_WRITING = frozenset({"write_file", "replace"})
"""The tools that write a file."""


class GeminiSensor:
    """State from screen and title, evidence from the record."""

    styled = False
    records = True
    watches_screen = True

    def __init__(self, context: Context) -> None:
        """Watch the session of this context."""
        self._context = context
        self.since = context.session.started_at
        self._conversation = context.session.conversation or context.session.id
        self._folders: tuple[str, ...] = (context.directory.name,)
        self._chats: tuple[Path, ...] = ()
        self._marks = Marks()
        self._looks = 0
        self._begun = context.session.ready
        self._loading = context.session.resumed
        self._written = context.session.ready
        self._leaving: frozenset[int] | None = None
        self._touched = 0.0
        self._look = gemini_screen.Look(View(Composer.HIDDEN))
        self._answer: Answer | None = None
        self._at_prompt = context.session.ready
        self._replayed = False
        self._summary: str | None = None
        self._prompt: object = None
        self._dropped = False
        self._said: bool | None = None
        self._blocked: str | None = None
        self._answered = False
        self._worked = False
        self._still = 0

    def find(self, agent_pid: int, mark: str | None) -> list[Fact]:
        """Blocking: the record of the conversation, or the one that holds the mark in its place."""
        del agent_pid
        self._looks += 1
        if len(self._folders) == 1:
            self._folders += (self._context.directory.resolve().name,)
        if self._loading and self._chats:
            gemini_resume.restore(self._chats[-1], self._conversation)
        if not self._chats or not self._chats[-1].exists():
            chat = gemini_chats.find_chat(self._context.environ, self._conversation)
            self._chats = (chat,) if chat is not None else ()
        touched = self._chats[-1].stat().st_mtime if self._chats else 0.0
        self._written = self._written or (bool(self._chats) and self._is_written())
        self._see_restart(touched)
        if self._chats and not self._begun and not self._leaving:
            self._begun = touched >= self.since and touched > self._touched
        if self._loading and self._begun and self._chats:
            gemini_resume.finish(self._chats[-1], self._conversation)
            self._loading = False
        if self._chats and mark is not None and self._looks % _RECHECK == 0:
            return self._turned_to(mark)
        return []

    def _is_written(self) -> bool:
        """Blocking: whether a record of the conversation, be it the second one of a resume, is written."""
        written = gemini_chats.chats_beside(self._chats[-1], self.since)
        return any(path.name.endswith(f"-{self._conversation[:8]}.jsonl") for path in written)

    def _see_restart(self, touched: float) -> None:
        """Blocking: whether the process that asked for trust is the one that still runs.

        What that one wrote into the record by then, as of `touched`, is no sign of the next.
        """
        if self._leaving is None:
            if self._answer is None:
                return
            self._leaving, self._begun = frozenset(processes_of(self._conversation)), False
        elif not self._leaving:
            return
        if self._leaving.issuperset(processes_of(self._conversation)):
            self._touched = touched
        else:
            self._leaving = frozenset()

    def _turned_to(self, mark: str) -> list[Fact]:
        """Blocking: the conversation that was handed this mark, where it is another one."""
        for chat in gemini_chats.chats_beside(self._chats[-1], self.since - 1.0):
            if chat == self._chats[-1] or not self._marks.holds(chat, mark):
                continue
            conversation = gemini_chats.conversation_in(chat)
            if conversation is None or self._marks.holds(self._chats[-1], mark):
                continue
            self._chats = (*(each for each in self._chats if each != chat), chat)
            self._conversation = conversation
            return [ConversationSeen(conversation, gemini_chats.begun_anew(chat, self.since))]
        return []

    @property
    def current(self) -> bool:
        """Whether its project's records are known: each of them is searched for what is handed over."""
        return bool(self._chats)

    def tails(self) -> Sequence[Path]:
        """The records that were followed, the latest last."""
        return self._chats

    def status_path(self, agent_pid: int) -> Path | None:
        """None: Gemini CLI keeps no status file."""
        del agent_pid

    def on_lines(self, lines: Sequence[bytes]) -> list[Fact]:
        """Prompts taken and turns ended; lines older than the session are another life's."""
        facts: list[Fact] = []
        news = False
        for record in records(lines):
            messages = gemini_chats.messages_set(record)
            if messages is not None:
                self._replayed = False
                self._dropped = all(message.get("id") != self._prompt for message in messages)
                facts.extend(self._compacted(record["$set"], messages))
            elif "type" in record and self._ours(record):
                news = True
                facts.extend(self._record(record))
        if news or self._look.view.busy or self._look.view.dialog is not None:
            self._still = 0
        elif self._said or self._blocked is not None:
            self._still += 1
            if self._rests() and self._still >= (_STILL if self._worked else _STILL_UNSEEN):
                facts.append(self._over(self._blocked or None))
        return facts

    def _compacted(self, changed: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> Sequence[Fact]:
        """A compaction, where the conversation begins with another summary than before."""
        summary, known = gemini_chats.summary_in(messages), self._summary
        self._summary, at = summary, time_of(changed, "lastUpdated")
        return [Compacted(RECORD, at)] if summary not in (None, known) and at >= self.since - 1.0 else []

    def _rests(self) -> bool:
        return self._look.view.composer in (Composer.EMPTY, Composer.FILLED)

    def _ours(self, record: Mapping[str, Any]) -> bool:
        at = time_of(record, "timestamp")
        return not at or at >= self.since - 1.0

    def _over(
        self, failed: str | None = None, *, interrupted: bool = False, fault: Fault = Fault.UNKNOWN
    ) -> TurnOver:
        """The end of the turn that ran."""
        forgets = interrupted or (failed is not None and self._dropped)
        self._prompt, self._said, self._blocked, self._still = None, None, None, 0
        return TurnOver(RECORD, failed, interrupted, fault, forgets)

    def _record(self, record: Mapping[str, Any]) -> Sequence[Fact]:
        """The facts in one message."""
        content: object = record.get("content")
        text = text_of(content)
        match record.get("type"):
            case "user":
                return self._user(record, text, tool=_holds_result(content))
            case "gemini" if not self._replayed and self._said is not None:
                self._said = bool(text.strip()) and not record.get("toolCalls")
                return [Answered(RECORD), *_wrote_by(record)]
            case "info" if text == _CANCELLED:
                return [self._over(INTERRUPTED, interrupted=True)]
            case "error" if text.startswith(_FAILED) and self._said is not None:
                return [self._over(_one_line(text), fault=_fault(text))]
            case "info" | "warning" if (kept := _KEPT_BACK.match(text)) is not None:
                return self._kept_back(kept[2], stopped=kept[1] == "stopped")
            case "info" if text.startswith(_LIMIT):
                why = _one_line(text)
                return [Rejected(RECORD, why, by=PROGRAM)] if self._said is None else [self._over(why)]
            case "info" if text == _CLEARED and self._blocked is not None and self._answered:
                self._blocked = ""
                return []
            case _:
                return []

    def _kept_back(self, words: str, *, stopped: bool) -> Sequence[Fact]:
        """A hook keeps a prompt from the model; in a turn it ends that, or may send it on."""
        why = _one_line(words) or "it gave no reason"
        if self._said is None:
            return [Rejected(RECORD, why)]
        if stopped:
            return [self._over(why)]
        self._blocked, self._answered = why, self._said
        return []

    def _goes_on(self, text: str) -> bool:
        """Whether a prompt is one that the program itself gives to its model within the turn that runs.

        What a hook sends on with stands in its warning, or other words for people do; then it is told by the
        answer before that, as nothing else blocks a turn after one.
        """
        if self._said is None:
            return False
        if text.startswith(_GOES_ON):
            return True
        if self._blocked is None:
            return False
        return _one_line(text) == self._blocked or (self._answered and not envelope.marks(text))

    def _user(self, record: Mapping[str, Any], text: str, *, tool: bool) -> Sequence[Fact]:
        if text.startswith(gemini_chats.CONTEXT):
            self._replayed = True
            return []
        if self._replayed:
            return []
        if tool or self._goes_on(text):
            self._said = False if self._said is not None else None
            self._blocked = None
            return [Answered(RECORD)]
        before = [self._over(self._blocked or None)] if self._said is not None else []
        self._prompt, self._dropped, self._said = record.get("id"), False, False
        self._worked = self._look.view.busy
        return [*before, Prompted(text, RECORD)]

    def on_status(self, content: bytes | None) -> Sequence[Fact]:
        """There is no status file."""
        del content
        return ()

    def on_hook(self, name: str, payload: Mapping[str, Any]) -> None:
        """No hooks of ours: see `gemini`."""
        del name, payload

    def on_screen(self, screen: str, title: str) -> View:
        """Judge the live region of the screen; the prompt counts once its program has begun its record."""
        look = gemini_screen.look_at(screen, title)
        self._answer = gemini_screen.boot_answer(screen, self._folders)
        if not self._begun and look.view.composer in (Composer.EMPTY, Composer.FILLED):
            look = gemini_screen.Look(View(Composer.HIDDEN, shows="it is starting"))
        self._look = look
        self._worked = self._worked or look.view.busy
        self._at_prompt = self._at_prompt or self._rests()
        return look.view

    def reading(self) -> Reading | None:
        """Told by screen and title."""
        view = self._look.view
        if view.dialog is None and view.busy:
            asked = self._look.retry
            why = f"in a turn; its model fails and is asked again: {asked}" if asked else "in a turn"
            return Reading(SessionState.WORKING, why)
        reading = at_rest(view)
        if reading is None or (not self._at_prompt and self._answer is not None):
            return None
        return reading

    def boot_answer(self, screen: str) -> Answer | None:
        """The trust dialog for the peer's own folder, once its process has begun its record.

        An answer before that is kept, and its process stays as it is, untrusted: it does not start anew.
        """
        return gemini_screen.boot_answer(screen, self._folders) if self._written else None


def _holds_result(content: object) -> bool:
    """Whether a user's message is what a tool has returned."""
    parts = cast("list[object]", content) if isinstance(content, list) else []
    return any(isinstance(part, dict) and "functionResponse" in part for part in parts)


def _wrote_by(record: Mapping[str, Any]) -> Iterator[Fact]:
    """The files that the tools of a message have written."""
    calls: object = record.get("toolCalls")
    for call in cast("list[object]", calls) if isinstance(calls, list) else []:
        known = cast("dict[str, Any]", call) if isinstance(call, dict) else {}
        given = known.get("args")
        if known.get("name") in _WRITING and known.get("status") == "success" and isinstance(given, dict):
            yield Wrote(str(cast("dict[str, Any]", given).get("file_path")), time_of(record, "timestamp"))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _fault(text: str) -> Fault:
    """Whose fault it is, by the error's number or name, or else its words."""
    match = _STATUS.search(text)
    if match is None:
        return fault_of(text)
    status = _BAD_REQUEST if match[2] in _REFUSED else _FAILED_SERVICE
    return fault_of(text, int(match[1]) if match[1] else status)
