"""A message's trace as a tree: when each span began after the message was stored, how long it took."""

from datetime import datetime

from roost.cli.output import GAP, cells, clip, one_line, paint, say, width
from roost.client.connection import Record
from roost.core.vocabulary.durations import rough_duration

_LINKED = 16
"""Digits of the id of a message that a span leads to."""
_TIME = 7
"""Columns of a time."""


def show_trace(trace: Record) -> None:
    """Print it. A span that goes on has no duration yet."""
    say(f"{paint('trace', 'bold')}{GAP}{trace['trace_id']}")
    say(f"{'began':>{_TIME + 1}}{GAP}{'took':>{_TIME}}")
    tree = _Tree(trace)
    tree.show(trace["spans"][0], "", "")


class _Tree:
    def __init__(self, trace: Record) -> None:
        root, *others = trace["spans"]
        self._message = trace["message"]
        self._began = root["start"]
        self._inner: dict[str, list[Record]] = {}
        for span in others:
            self._inner.setdefault(span["parent_span_id"], []).append(span)

    def show(self, span: Record, branch: str, stem: str) -> None:
        """One span, then what is in it."""
        began = f"+{_time(_seconds(self._began, span['start']))}"
        took = _time(span["took"]) if span["took"] is not None else "..."
        left = f"{began:>{_TIME + 1}}{GAP}{took:>{_TIME}}{GAP}{branch}"
        text = GAP.join([one_line(span["name"]), *self._told(span)])
        text = clip(text, max(width() - cells(left), 1))
        say(left + paint(text, "red" if span["error"] else None))
        inner = self._inner.get(span["span_id"], [])
        for number, each in enumerate(inner, 1):
            last = number == len(inner)
            self.show(each, stem + ("└─ " if last else "├─ "), stem + ("   " if last else "│  "))

    def _told(self, span: Record) -> list[str]:
        """How it ended, why its session was woken, which message was sent, what else there was."""
        end = "goes on" if span["end"] is None else span["outcome"]
        cause, message = span["attributes"].get("roost.cause"), span["attributes"]["messaging.message.id"]
        parts = [end, cause, message[:_LINKED] if message != self._message else None]
        parts += [
            f"{event['name']} at +{_time(_seconds(self._began, event['at']))}" for event in span["events"]
        ]
        told = ", ".join(one_line(part) for part in parts if part)
        return [told] if told else []


def _seconds(start: str, at: str) -> float:
    return max((datetime.fromisoformat(at) - datetime.fromisoformat(start)).total_seconds(), 0.0)


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms" if seconds < 1 else rough_duration(seconds)
