"""Makes lines for the sensor of what OpenCode's API holds and of the events that it tells. Pure (1.18.33).

The events are of all conversations of the process: the one that roost began, those of its subagents, and
others that a person began at its terminal. A question of any of them stands on the screen.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from roost.runtimes import opencode_lines
from roost.runtimes.opencode_lines import Message, line

_KEPT = 64
"""Prompts whose text may still have to come."""
_NOISE = b'"type":"message.part.delta"'
_BEAT = b'"type":"server.heartbeat"'
_HEAD = 128


class Restarted(Exception):
    """The server has let go of all that it ran, or the conversation is gone."""


def is_noise(event: bytes) -> bool:
    """Whether an event is a piece of the model's answer, of which there are thousands."""
    return _NOISE in event[:_HEAD]


def is_beat(event: bytes) -> bool:
    """Whether it is the sign of life that comes every ten seconds."""
    return _BEAT in event[:_HEAD]


class Events:
    """The events of one process, for the one conversation in it that is roost's."""

    def __init__(self, conversation: str) -> None:
        """Tell of this conversation."""
        self._conversation = conversation
        self._prompts: dict[str, Mapping[str, Any]] = {}
        self._parts: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._asks: dict[str, Mapping[str, Any]] = {}
        self._busy: set[str] = set()
        self._works = False
        self.elsewhere = False
        """Whether a person began another conversation."""

    def hinders(self, *, joins: bool) -> str | None:
        """Why a prompt has to wait, by what is known now; `joins`: it may go into a running turn."""
        if self._asks:
            return f"it asks: {text_of(next(iter(self._asks.values())))}"
        return "it is in a turn" if self._works and not joins else None

    def snapshot(
        self,
        messages: Iterable[Mapping[str, Any]],
        status: Mapping[str, Mapping[str, Any]],
        permissions: Iterable[Mapping[str, Any]],
        questions: Iterable[Mapping[str, Any]],
    ) -> list[bytes]:
        """The lines of all that the API holds now; what was known before is replaced."""
        asked = (*permissions, *questions)
        self._asks = {str(each.get("id")): each for each in asked if str(each.get("sessionID")) in status}
        self._busy = {name for name in status if name != self._conversation}
        self._works = self._conversation in status
        pairs: list[Message] = [(each["info"], each["parts"]) for each in messages]
        return [
            line("conversation", id=self._conversation),
            *opencode_lines.conversation(pairs),
            self._asked(),
            self._beside(),
            _status(status.get(self._conversation, {"type": "idle"})),
        ]

    def ends(self, event: Mapping[str, Any]) -> bool:
        """Whether it tells that no turn of the conversation runs."""
        told: object = event.get("properties")
        about = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
        ours = event.get("type") == "session.status" and about.get("sessionID") == self._conversation
        return ours and about.get("status") == {"type": "idle"}

    def lines(self, event: Mapping[str, Any]) -> Sequence[bytes]:
        """The lines of one event. Raises Restarted."""
        told: object = event.get("properties")
        about = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
        kind, ours = event.get("type"), about.get("sessionID") == self._conversation
        match kind:
            case "message.updated" if ours:
                return self._message(about.get("info") or {})
            case "message.part.updated" if ours:
                return self._part(about.get("part") or {})
            case "session.error" if ours:
                return (line("error", error=opencode_lines.error_of(about.get("error"))),)
            case "session.status":
                return self._status(str(about.get("sessionID")), about.get("status") or {})
            case "permission.asked" | "question.asked":
                self._asks[str(about.get("id"))] = about
                return (self._asked(),)
            case "permission.replied" | "question.replied" | "question.rejected":
                self._asks.pop(str(about.get("requestID")), None)
                return (self._asked(),)
            case "session.created" if not ours:
                self._created(about.get("info") or {})
                return ()
            case "session.deleted" if ours:
                raise Restarted("its conversation was deleted")
            case "server.instance.disposed" | "global.disposed":
                raise Restarted("its server begins anew")
            case _:
                return ()

    def _created(self, info: Mapping[str, Any]) -> None:
        """A subagent's conversation has a parent."""
        self.elsewhere = self.elsewhere or not info.get("parentID")

    def _message(self, info: Mapping[str, Any]) -> Sequence[bytes]:
        if info.get("role") == "assistant":
            return (opencode_lines.assistant(info),)
        self._prompts[str(info.get("id"))] = info
        while len(self._prompts) > _KEPT:
            oldest = next(iter(self._prompts))
            del self._prompts[oldest]
            self._parts.pop(oldest, None)
        return ()

    def _part(self, part: Mapping[str, Any]) -> Sequence[bytes]:
        """The text of a prompt comes after it, in its parts."""
        message = str(part.get("messageID"))
        info = self._prompts.get(message)
        if info is None or part.get("type") not in ("text", "compaction"):
            return ()
        parts = self._parts.setdefault(message, {})
        parts[str(part.get("id"))] = part
        return (opencode_lines.user(info, opencode_lines.text_of(parts.values())),)

    def _status(self, conversation: str, status: Mapping[str, Any]) -> Sequence[bytes]:
        """A turn that is broken off takes its questions along; the API goes on listing them (1.18.33)."""
        rests = status.get("type") == "idle"
        moot = [name for name, ask in self._asks.items() if rests and ask.get("sessionID") == conversation]
        for name in moot:
            del self._asks[name]
        asked = (self._asked(),) if moot else ()
        if conversation == self._conversation:
            self._works = not rests
            return (*asked, _status(status))
        before = bool(self._busy)
        (self._busy.discard if rests else self._busy.add)(conversation)
        return (*asked, self._beside()) if bool(self._busy) != before else asked

    def _asked(self) -> bytes:
        asks = self._asks.values()
        return line("asks", texts=[text_of(each) for each in asks], requests=list(asks))

    def _beside(self) -> bytes:
        return line("beside", what="another of its conversations works" if self._busy else "")


def _status(status: Mapping[str, Any]) -> bytes:
    return line("status", **{"is": status.get("type")}, why=status.get("message", ""))


def text_of(request: Mapping[str, Any]) -> str:
    """What is asked, in one line."""
    return question_text(request) if "questions" in request else permission_text(request)


def permission_text(request: Mapping[str, Any]) -> str:
    """What a permission is asked for, in one line."""
    patterns, data = request.get("patterns"), request.get("metadata")
    what = ", ".join(map(str, cast("list[object]", patterns))) if isinstance(patterns, list) else ""
    command = cast("dict[str, object]", data).get("command") if isinstance(data, dict) else None
    return _one_line(f"{request.get('permission')}: {command or what}")


def question_text(request: Mapping[str, Any]) -> str:
    """What its model asks, in one line."""
    questions: object = request.get("questions")
    if not isinstance(questions, list):
        return "a question"
    asked = [
        cast("dict[str, Any]", each) for each in cast("list[object]", questions) if isinstance(each, dict)
    ]
    return _one_line("; ".join(str(each.get("question", "")) for each in asked)) or "a question"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
