"""A thread's state and evidence, from what its Codex app-server tells (0.171.0, measured).

A prompt stands in a `userMessage` item, once it is a part of the conversation: the first of a turn begins it,
others join. `turn/completed` names the end: completed, interrupted, failed. The status after a failed turn is
`systemError`; the thread takes the next turn all the same. A request for an approval is the server's, with an
id; `serverRequest/resolved` tells that somebody has answered it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from roost.core.vocabulary.question import Asking
from roost.core.vocabulary.session import SessionState
from roost.runtimes.codex_failure import failure, fault_in
from roost.runtimes.codex_screen import boot_answer, look_at
from roost.runtimes.codex_server.approvals import asking
from roost.runtimes.codex_server.thread import ENTERED, JOINED, LOST
from roost.runtimes.context import Context
from roost.runtimes.facts import (
    INTERRUPTED,
    Answered,
    Compacted,
    ConversationSeen,
    Fact,
    Prompted,
    TurnOver,
    Wrote,
)
from roost.runtimes.heard import HeardSensor
from roost.runtimes.lines import records, text_of
from roost.runtimes.view import Answer, Composer, Reading, View

SOURCE = "its server's record"
_REMEMBERED = 64
"""Turns whose ends are remembered: a thread that is joined again tells of them once more."""


class ThreadSensor(HeardSensor):
    """Reads what a server tells; there is no file and no screen.

    Where a session may change its thread, the state is that of the one that it entered last.
    """

    current = True

    def __init__(self, context: Context) -> None:
        """Watch the thread of this context."""
        self.since = context.session.started_at
        self._status: Mapping[str, Any] = {}
        self._thread: object = None
        self._lost = ""
        self._asks: dict[str, Asking] = {}
        self._turn: object = None
        self._prompts: set[object] = set()
        self._over: list[object] = []

    def on_screen(self, screen: str, title: str) -> View:
        """There is no screen."""
        del screen, title
        return View(Composer.HIDDEN)

    def on_lines(self, lines: Sequence[bytes]) -> list[Fact]:
        """Prompts taken, answers, turns ended; what was told before tells nothing again."""
        facts: list[Fact] = []
        for frame in records(lines):
            params: object = frame.get("params")
            if isinstance(params, dict):
                known = cast("dict[str, Any]", params)
                facts.extend(self._frame(str(frame.get("method")), known, frame.get("id")))
        return facts

    def _frame(self, method: str, params: dict[str, Any], number: object) -> Sequence[Fact]:
        match method:
            case "turn/started":
                self._begins(_part(params, "turn").get("id"))
            case "item/completed":
                return self._item(params)
            case "turn/completed":
                return self._ends(_part(params, "turn"))
            case _ if method == ENTERED:
                before, self._thread = self._thread, params.get("threadId")
                self._lost, self._status = "", {}
                self._asks.clear()
                anew = params.get("anew") if before not in (None, self._thread) else None
                return [ConversationSeen(str(self._thread), anew)]
            case _ if self._thread in (None, params.get("threadId")):
                self._tells(method, params, number)
            case _:
                pass
        return ()

    def _tells(self, method: str, params: dict[str, Any], number: object) -> None:
        """What tells of its state alone."""
        match method:
            case "thread/status/changed":
                self._status = params.get("status") or {}
            case "serverRequest/resolved":
                self._asks.pop(str(params.get("requestId")), None)
            case _ if method == JOINED:
                self._lost, self._status = "", params.get("status") or {}
                self._asks.clear()
            case _ if method == LOST:
                self._lost = str(params.get("why"))
            case _ if number is not None:
                self._asks[str(number)] = asking(number, method, params, _asked(method, params))
            case _:
                pass

    def _begins(self, turn: object) -> None:
        if turn != self._turn:
            self._turn, self._prompts = turn, set()

    def _item(self, params: Mapping[str, Any]) -> Sequence[Fact]:
        item = _part(params, "item")
        turn = params.get("turnId")
        if turn in self._over:
            return ()
        self._begins(turn)
        match item.get("type"):
            case "userMessage" if item.get("id") not in self._prompts:
                joins = bool(self._prompts)
                self._prompts.add(item.get("id"))
                return [Prompted(text_of(item.get("content")), SOURCE, joins)]
            case "userMessage":
                return ()
            case "fileChange" if item.get("status") == "completed":
                return [Answered(SOURCE), *_wrote_by(item)]
            case "contextCompaction":
                return [Compacted(SOURCE, (item.get("completedAtMs") or 0) / 1000.0)]
            case _:
                return [Answered(SOURCE)]

    def _ends(self, turn: Mapping[str, Any]) -> Sequence[Fact]:
        ident = turn.get("id")
        if ident in self._over:
            return ()
        self._over = [*self._over, ident][-_REMEMBERED:]
        self._asks.clear()
        match turn.get("status"):
            case "interrupted":
                return [TurnOver(SOURCE, INTERRUPTED, interrupted=True)]
            case "failed":
                error: object = turn.get("error")
                return [TurnOver(SOURCE, failure(error) or "the model did not answer", fault=fault_in(error))]
            case _:
                return [TurnOver(SOURCE)]

    def reading(self) -> Reading | None:
        """By the status that the server told last, and what it asks."""
        if self._lost:
            return Reading(SessionState.UNKNOWN, f"its server tells nothing now: {self._lost}")
        if self._asks:
            asks = tuple(self._asks.values())
            return Reading(
                SessionState.BLOCKED, f"it asks: {' '.join(asks[0].text.split())[:300]}", asks=asks
            )
        match self._status.get("type"):
            case "idle":
                return Reading(SessionState.IDLE, "at rest, by its server's word")
            case "systemError":
                return Reading(SessionState.IDLE, "at rest, its latest turn failed, by its server's word")
            case "active" if self._status.get("activeFlags"):
                return Reading(SessionState.BLOCKED, "it waits for a person, by its server's word", asks=None)
            case "active":
                return Reading(SessionState.WORKING, "in a turn")
            case _:
                return None


class OwnSensor(ThreadSensor):
    """Reads what the session's own server tells; the screen is for people, but for questions at its start."""

    styled = True

    def __init__(self, context: Context) -> None:
        """Watch the session of this context."""
        super().__init__(context)
        self._directories = (context.settings.dir,)

    def find(self, agent_pid: int, mark: str | None) -> Sequence[Fact]:
        """Blocking: by which names its folder may be shown."""
        del agent_pid, mark
        if len(self._directories) == 1:
            self._directories += (str(Path(self._directories[0]).resolve()),)
        return ()

    def on_screen(self, screen: str, title: str) -> View:
        """What a person has before them; a draft there is in nobody's way."""
        return look_at(screen, title).view

    def boot_answer(self, screen: str) -> Answer | None:
        """The folder dialog for the peer's own folder."""
        return boot_answer(screen, self._directories)


def _wrote_by(item: Mapping[str, Any]) -> Sequence[Fact]:
    """The files that a patch has written."""
    changes: object = item.get("changes")
    listed = cast("list[object]", changes) if isinstance(changes, list) else []
    known = [cast("dict[str, Any]", change) for change in listed if isinstance(change, dict)]
    at = (item.get("completedAtMs") or 0) / 1000.0
    return [Wrote(str(change.get("path")), at) for change in known]


def _part(params: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = params.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _asked(method: str, params: Mapping[str, Any]) -> str:
    """A request of the server in one line."""
    reason = params.get("reason") or params.get("message") or ""
    match method:
        case "item/commandExecution/requestApproval":
            what = f"may it run `{params.get('command')}`?"
        case "item/fileChange/requestApproval":
            what = "may it change files?"
        case "item/permissions/requestApproval":
            what = "may it have more permissions?"
        case "item/tool/requestUserInput":
            questions = params.get("questions") or ()
            what = " ".join(str(question.get("question")) for question in questions) or "a question"
        case "mcpServer/elicitation/request":
            what = f"the tool server {params.get('serverName')} wants to know something"
        case _:
            what = method
    return f"{what} {reason}".strip()
