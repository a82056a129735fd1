"""The agent that is probed: one peer on a stage, what it is sent and what is seen of it."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from roost.client.connection import Record
from roost.core.messages import envelope
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import stand_in
from roost.probe.witness import Witness
from roost.probe.words import Words
from roost.runtimes.context import Context
from roost.stage.errors import StepError
from roost.stage.stage import Stage
from roost.store.reader import Reader

PATIENCE = 240.0
"""Seconds for a turn, a wake or an end, on a machine that does much else."""
FINAL = ("done", "expired", "refused", "dead-letter", "unknown")
NAME = "probed"


class Subject(Struct, frozen=True):
    """One peer, what speaks to it and who says what came of that. `settings` are those of `roost add`."""

    stage: Stage
    runtime: str
    settings: Mapping[str, str]
    words: Words
    witness: Witness

    def add(self) -> None:
        """Register the peer, in a folder of its own. Raises RoostError."""
        settings = {"runtime": self.runtime, "dir": str(self.folder), **self.settings}
        self.stage.ask("add", name=NAME, settings=settings)

    @property
    def folder(self) -> Path:
        """Where it works."""
        return self.stage.root / NAME

    @property
    def row(self) -> Record:
        """Its row of the registry."""
        return self.stage.row(NAME)

    @property
    def session(self) -> Record:
        """Its live session. Raises StepError where there is none."""
        session: Record | None = self.row["session"]
        if session is None:
            raise StepError(f"it has no session: {self.row['state']}, {self.row['why'] or 'no reason'}")
        return session

    def send(self, body: str) -> str:
        """Send; returns the message's id."""
        sent: Record = self.stage.ask("send", to=NAME, body=body)
        return sent["id"]

    def ends(self, message_id: str) -> Record:
        """The message once it has come to its end. StepError when that is not in time."""

        def look() -> Record | None:
            message: Record = self.stage.ask("message", id=message_id)
            return message if message["state"] in FINAL else None

        why = f"message {message_id[:8]} comes to its end"
        return self.stage.until(look, why, patience=PATIENCE, shows=lambda: self.shows(message_id))

    def ends_or_asks(self, message_id: str) -> Record:
        """The message once it has come to its end, or its agent asks something in its turn."""

        def look() -> Record | None:
            message: Record = self.stage.ask("message", id=message_id)
            asks = message["state"] == "accepted" and self.row["state"] == "blocked"
            return message if asks or message["state"] in FINAL else None

        why = f"message {message_id[:8]} comes to its end"
        return self.stage.until(look, why, patience=PATIENCE, shows=lambda: self.shows(message_id))

    def done(self, message_id: str) -> Record:
        """The message, whose turn has ended well. StepError otherwise."""
        message = self.ends(message_id)
        if message["state"] != "done":
            raise StepError(f"message {message_id[:8]} is {message['state']}: {message['why']}")
        return message

    def until(self, *states: str) -> Record:
        """Its row once it is in one of these states."""

        def look() -> Record | None:
            row = self.row
            return row if row["state"] in states else None

        return self.stage.until(
            look, f"it is {' or '.join(states)}", patience=PATIENCE, shows=lambda: self.shows(None)
        )

    def takes(self, message_id: str) -> Record:
        """Its row once it works on that message."""

        def look() -> Record | None:
            row = self.row
            turn: Record | None = row["turn"]
            there = row["state"] == "working" and turn is not None and turn["message"] == message_id
            return row if there else None

        return self.stage.until(
            look, "it works on it", patience=PATIENCE, shows=lambda: self.shows(message_id)
        )

    def shows(self, message_id: str | None) -> str:
        """How it stands now, for a failure."""
        row = self.row
        at = f"it is {row['state']}: {row['why'] or 'no reason'}"
        if message_id is None:
            return at
        message: Record = self.stage.ask("message", id=message_id)
        return f"the message is {message['state']} ({message['why']}); {at}"

    def texts(self, message_id: str) -> list[str]:
        """What came to the agent with this message's header in it."""
        return self.witness.texts(message_id, self._context())

    def expected(self, message_id: str, body: str) -> str:
        """The text that had to come, in the message's latest offer."""
        reader = Reader(self.stage.places.database)
        try:
            stored = reader.message(message_id)
            seed = next(state.peer.seed for state in reader.peers() if state.peer.name == NAME)
        finally:
            reader.close()
        if stored is None:
            raise StepError(f"message {message_id[:8]} is not stored")
        mark = envelope.boundary(seed, message_id, stored.message.attempts)
        return envelope.wrap(stored.message, body, mark)

    def _context(self) -> Context:
        session = self.session
        own = {name.removeprefix("env."): value for name, value in self.settings.items() if "env." in name}
        stood = stand_in(session["id"], NAME, session["generation"], session["conversation"])
        places = self.stage.places
        return Context(
            stood,
            Settings(dir=str(self.folder), runtime=self.runtime),
            places.session(session["id"]),
            places.state / self.runtime,
            {**self.stage.environ, **own},
            "",
            places.call(session["id"]),
        )
