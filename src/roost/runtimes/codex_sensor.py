"""What one Codex session leaves behind, as facts (0.169.0 and 0.171.0, measured).

Evidence: the rollout's line with the prompt, some 15 ms after Enter. End of a turn: `task_complete` (with
`error.message` when the model failed) or `turn_aborted`. There is no status file: what the rollout does not
tell, the screen and the title tell. The thread that invents a title has no rollout and is never seen here.
A person may begin other threads or go back in one: `codex_threads` tells which is written. All that were
followed are read on, and their lines are told apart by the ids of the turns.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from roost.core.vocabulary.session import SessionState
from roost.runtimes import codex_rollout, codex_screen, codex_threads
from roost.runtimes.codex_failure import failure, fault_in
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
from roost.runtimes.lines import records, text_of, time_of
from roost.runtimes.turns.record import PACKED
from roost.runtimes.view import Answer, Composer, Reading, View, at_rest

ROLLOUT = "its rollout"
_TELLING = re.compile(
    rb'"(?:item_completed|task_started|task_complete|turn_aborted|hooks\.additional_context)"'
)
_HEADER = "[roost message "
_HOOK_LOOKS = 20
"""Looks at the screen, after a turn without a prompt, for the words of the hook that stopped it."""
_RECHECK = 25
"""Looks between two looks at all rollouts, where a process's open files do not tell which it writes."""


class CodexSensor:
    """State from the rollout and the screen, evidence from the rollout."""

    styled = True
    records = True
    current = False
    watches_screen = True

    def __init__(self, context: Context) -> None:
        """Watch the session of this context."""
        self._context = context
        self.since = context.session.started_at
        self._home = codex_rollout.codex_home(context.environ)
        self._conversation = context.session.conversation
        self._directories: tuple[str, ...] = (context.settings.dir,)
        self._rollouts: tuple[Path, ...] = ()
        self._threads = codex_threads.Threads()
        self._looks = 0
        self._look = codex_screen.Look(View(Composer.HIDDEN))
        self._answer: Answer | None = None
        self._at_prompt = context.session.ready
        self._in_turn = False
        self._turn: object = None
        self._prompted = False
        self._unprompted = 0

    def find(self, agent_pid: int, mark: str | None) -> Sequence[Fact]:
        """Blocking: the thread that its process writes, by the open files or else by what it holds."""
        self._looks += 1
        if len(self._directories) == 1:
            self._directories += (str(self._context.directory.resolve()),)
        held = codex_threads.held_by(agent_pid)
        if held.locks:
            running = self._threads.written(held, self._conversation, mark)
        else:
            running = self._holder(mark) or self._conversation
        self.current = running in held.locks
        facts: list[Fact] = []
        if running is not None and running != self._conversation:
            before, self._conversation = self._conversation, running
            self._in_turn = self._prompted = False
            anew = codex_rollout.begun_anew(self._home, running, self.since) if before is not None else None
            facts.append(ConversationSeen(running, anew))
        self._follow(running, held.rollouts.get(running) if running is not None else None)
        return [*facts, *self._refused()]

    def _follow(self, thread: str | None, written: Path | None) -> None:
        """Blocking: follow the thread's rollouts too, the one that is written last."""
        if thread is None:
            return
        again = written is None and self._looks % _RECHECK == 0
        if again or not any(codex_rollout.conversation_in(path) == thread for path in self._rollouts):
            self._add(codex_rollout.rollouts_of(self._home, thread))
        if written is not None:
            self._add([written])

    def _add(self, paths: Sequence[Path]) -> None:
        new = [path for path in paths if path.suffix != PACKED and path not in self._rollouts]
        self._rollouts += tuple(new)

    def _refused(self) -> Sequence[Fact]:
        """A prompt that a hook stopped: the rollout has its turn without it, the screen has the words."""
        if not self._unprompted:
            return ()
        refusal, self._unprompted = self._look.refusal, self._unprompted - 1
        if refusal is None:
            return ()
        self._unprompted = 0
        return (Rejected(ROLLOUT, refusal),)

    def _holder(self, mark: str | None) -> str | None:
        """The thread that holds the mark, where a machine does not tell a process's open files."""
        if mark is None or self._looks % _RECHECK:
            return None
        try:
            recent = codex_rollout.written_since(self._home, self.since - 1.0)
        except OSError:
            return None
        return self._threads.holding(recent, mark)

    def tails(self) -> Sequence[Path]:
        """The rollouts of the threads that were followed since the session began, in that order."""
        return self._rollouts

    def status_path(self, agent_pid: int) -> Path | None:
        """None: Codex keeps no status file."""
        del agent_pid

    def on_lines(self, lines: Sequence[bytes]) -> list[Fact]:
        """Prompts taken and turns ended; lines older than the session are another life's."""
        facts: list[Fact] = []
        for record in records([line for line in lines if _TELLING.search(line)]):
            payload: object = record.get("payload")
            if record.get("type") == "response_item" and isinstance(payload, dict) and self._ours(record):
                facts.extend(_by_hook(text_of(cast("dict[str, Any]", payload).get("content"))))
            if record.get("type") != "event_msg" or not isinstance(payload, dict) or not self._ours(record):
                continue
            facts.extend(self._event(cast("dict[str, Any]", payload), time_of(record, "timestamp")))
        return facts

    def _ours(self, record: Mapping[str, Any]) -> bool:
        at = time_of(record, "timestamp")
        return not at or at >= self.since - 1.0

    def _event(self, payload: Mapping[str, Any], at: float) -> Sequence[Fact]:
        match payload.get("type"):
            case "task_started" if at and at < self.since and self._context.session.joined is None:
                return []  # a life that was cut off just before this one began it, and nobody ends it
            case "task_started":
                self._in_turn, self._prompted, self._turn = True, False, payload.get("turn_id")
            case "item_completed":
                return self._completed(payload, at)
            case "task_complete" | "turn_aborted" if self._of_another(payload):
                return []
            case "task_complete":
                error: object = payload.get("error")
                self._unprompted = _HOOK_LOOKS if error is None and not self._prompted else 0
                self._in_turn = self._prompted = False
                return [TurnOver(ROLLOUT, failure(error), fault=fault_in(error))]
            case "turn_aborted":
                self._in_turn = self._prompted = False
                return [TurnOver(ROLLOUT, INTERRUPTED, interrupted=True)]
            case _:
                pass
        return []

    def _of_another(self, payload: Mapping[str, Any]) -> bool:
        """Whether it is of a turn that still ran when its thread was left: of none that is followed now."""
        return None not in (self._turn, payload.get("turn_id")) and payload.get("turn_id") != self._turn

    def _completed(self, payload: Mapping[str, Any], at: float) -> Sequence[Fact]:
        """A prompt that was taken, a compaction that was done, or something of no concern here.

        What is entered during a turn is taken into it, after the tool that runs; an interrupted turn, or one
        that ends before, leaves it to the next one.
        """
        item: object = payload.get("item")
        known = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        if known.get("type") == "UserMessage":
            self._turn = payload.get("turn_id")
            joins, self._prompted = self._prompted, self._in_turn
            return [Prompted(text_of(known.get("content")), ROLLOUT, joins)]
        if known.get("type") == "HookPrompt" and (given := list(_by_hook(_fragments(known)))):
            return given
        if known.get("type") == "ContextCompaction":
            return [Compacted(ROLLOUT, at)]
        wrote = _wrote_by(known, at)
        return wrote if self._of_another(payload) else [Answered(ROLLOUT), *wrote]

    def on_status(self, content: bytes | None) -> Sequence[Fact]:
        """There is no status file."""
        del content
        return ()

    def on_hook(self, name: str, payload: Mapping[str, Any]) -> None:
        """Its hooks would have to be trusted by a person; the rollout tells as much."""
        del name, payload

    def on_screen(self, screen: str, title: str) -> View:
        """Judge the live region of the screen."""
        self._look = codex_screen.look_at(screen, title)
        self._answer = self.boot_answer(screen)
        self._at_prompt = self._at_prompt or self._look.view.composer in (Composer.EMPTY, Composer.FILLED)
        return self._look.view

    def reading(self) -> Reading | None:
        """A dialog is told by the screen, a turn by the rollout or the screen, the prompt by both."""
        if self._context.session.own_terminal:
            return self._by_rollout()
        view = self._look.view
        if view.dialog is None and (view.busy or self._in_turn):
            asked = self._look.retry
            why = f"in a turn; its model fails and is asked again: {asked}" if asked else "in a turn"
            return Reading(SessionState.WORKING, why)
        reading = at_rest(view)
        if reading is None or (not self._at_prompt and self._answer is not None):
            return None
        return replace(reading, background=self._look.background)

    def _by_rollout(self) -> Reading | None:
        """In a person's own terminal there is no screen: only what it has written down tells."""
        if self._in_turn:
            return Reading(SessionState.WORKING, "in a turn")
        return Reading(SessionState.IDLE, "no turn runs, by its rollout") if self._rollouts else None

    def boot_answer(self, screen: str) -> Answer | None:
        """The folder dialog for the peer's own folder, the choice of folder of a resumed conversation."""
        return codex_screen.boot_answer(screen, self._directories)


def _by_hook(text: str) -> Sequence[Fact]:
    """Mail that a hook has put into the running turn."""
    return [Prompted(text, ROLLOUT, joins=True)] if _HEADER in text else []


def _wrote_by(item: Mapping[str, Any], at: float) -> list[Fact]:
    """The files that a patch has written; also one that its shell was given is an item of its own."""
    changes: object = item.get("changes")
    if item.get("type") != "FileChange" or item.get("status") != "completed" or not isinstance(changes, dict):
        return []
    return [Wrote(path, at) for path in cast("dict[str, object]", changes)]


def _fragments(item: Mapping[str, Any]) -> str:
    found: object = item.get("fragments")
    parts = cast("list[object]", found) if isinstance(found, list) else []
    texts = (cast("dict[str, object]", part).get("text", "") for part in parts if isinstance(part, dict))
    return "\n".join(str(text) for text in texts)
