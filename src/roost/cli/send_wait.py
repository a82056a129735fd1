"""What is known of a message while its sender waits for what becomes of it."""

from __future__ import annotations

from roost.cli.output import Progress, local, one_line, say, warn
from roost.cli.stdout import deliver, flush, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.cli.app import App
    from roost.client.connection import ConnectionLostError, Record

INTERRUPTED = 130
"""The exit code of a wait that Ctrl-C ended; the message stays."""
_SHORT_ID = 16
"""Digits of an id that are shown while its sender waits."""
_STUCK = frozenset({"stopped", "quarantined", "blocked", "unknown"})
"""States of a recipient that somebody has to hear of who waits without looking at a terminal."""


class SendWait:
    """What is known of a message while its sender waits; what somebody has to hear of is told at once."""

    def __init__(self, to: str, *, prints_id: bool) -> None:
        """Nothing is known yet; `prints_id`: the id is what this command prints."""
        self.id: str | None = None
        self._prints_id = prints_id
        self.state = ""
        self.told = ""
        self.progress = Progress()
        self._to = to

    def on_event(self, event: Record) -> None:
        """News of the message or of its recipient."""
        if event.get("id") and event["id"] != self.id:  # a daemon that is back tells it once more
            self.id = event["id"]
            told.changed()
            if self._prints_id:
                say(str(self.id))
                flush()
        for note in event.get("notes") or ():
            self._tell(str(note))
        state, why = event.get("state"), local(one_line(event.get("why")))
        if state is not None:
            self.state = f"{self._to} is {state}: {why}".rstrip(": ")
            if state in _STUCK and self.state != self.told and not self._advised(state):
                self._tell(self.state)
        shown = self.state
        if event.get("message", "queued") != "queued":
            shown = f"{event['message']}: {why}".rstrip(": ")
        ident = "" if self._prints_id else str(self.id or "")[:_SHORT_ID]
        self.progress.show(f"{ident} {shown}".strip())

    def _advised(self, state: str) -> bool:
        """Whether that was told with the first words."""
        return f"is {state}" in self.told

    def _tell(self, text: str) -> None:
        self.told = text
        self.progress.clear()
        warn(text)


def lost(error: ConnectionLostError) -> str:
    """What became of the daemon; one that was asked again is looked for, and was not found."""
    asked_again = "key" in error.facts and not error.facts.get("mute")
    return "the daemon went away and is not back" if asked_again else error.message


def name_attachments(reply: Record) -> None:
    """Where the files of a reply are, beside its body."""
    for path in reply.get("attachments") or ():
        warn(f"attached by {reply['from']}: {path}")


def mark_read(app: App, reply: Record | None) -> None:
    """A reply that was waited for and has left for its reader counts as read."""
    if reply is not None and reply.get("unread"):
        deliver()
        app.call("acknowledge", {"name": reply["unread"], "ids": [reply["id"]]})
