"""What is written to peers and not sent yet, and what makes the same words again the same message."""

import secrets
from typing import NamedTuple

from roost.client.connection import Record
from roost.client.registry import Registry

Draft = tuple[str, str]
"""The topic and the text of a message."""


class Recipient(NamedTuple):
    """A peer, told from one that has its name later by when it was made (not known of other hosts')."""

    name: str
    made: str | None

    def is_of(self, row: Record) -> bool:
        """Whether it is the peer of this row, also under a new name."""
        return row["created_at"] == self.made and self.name in (row["name"], *row["former_names"])


class Drafts:
    """One for each peer that is written to. It stays with the peer, whatever that is called."""

    def __init__(self, peers: Registry) -> None:
        """Nothing is written yet."""
        self.peers = peers
        self.texts: dict[Recipient, Draft] = {}
        self.keys: dict[tuple[Recipient, Draft], str] = {}

    def letter(self, name: str) -> "Letter":
        """What is there for the peer of this name, to go on with."""
        row = self.peers.rows[name]
        written = [*self.texts, *(to for to, _ in self.keys)]
        found = (each for each in written if each.is_of(row))
        left = (each for each in self.texts if each.name == name and self.name(each) is None)
        return Letter(self, next(found, Recipient(name, row["created_at"])), next(left, None))

    def name(self, of: Recipient) -> str | None:
        """What it is called now; None where it is gone."""
        return next((name for name, row in self.peers.rows.items() if of.is_of(row)), None)


class Letter:
    """A message to one peer, from when its dialog is opened until it is sent."""

    def __init__(self, drafts: Drafts, to: Recipient, left: Recipient | None) -> None:
        """`left`: a peer of that name that is gone; where nothing else is written, what was to it is here."""
        self._drafts = drafts
        self.to = to
        self._left = left if to not in drafts.texts else None
        self.known = drafts.texts.get(self._left or to, ("", ""))
        self._first = drafts.keys.get((to, self.known))

    @property
    def name(self) -> str | None:
        """What its peer is called now; None where that is gone."""
        return self._drafts.name(self.to)

    @property
    def head(self) -> str:
        """To whom it is."""
        name = self.name
        if name is None:
            now = "is another peer now" if self.to.name in self._drafts.peers.rows else "is gone"
            return f"'{self.to.name}' {now}: nothing is sent, and the text is kept"
        return f"to {name}" + (
            f"; this was written to an earlier '{name}', which is gone" if self._left else ""
        )

    def keep(self, draft: Draft) -> None:
        """It is not sent yet."""
        self._drafts.texts[self.to] = draft
        if self._left is not None:
            self._drafts.texts.pop(self._left, None)

    def asked(self, draft: Draft, to: str, sender: str | None) -> Record:
        """What `send` takes. The same words again are the same message, however the first try ended."""
        known = self._first if draft == self.known else None
        key = known or self._drafts.keys.setdefault((self.to, draft), secrets.token_hex(16))
        topic, body = draft
        beside = {"topic": topic, "from": sender}
        return {
            "to": to,
            "body": body,
            "key": key,
            **{name: value for name, value in beside.items() if value},
        }

    def sent(self, draft: Draft) -> None:
        """It has been: it is no draft any more, where it was not written on meanwhile."""
        self._drafts.keys.pop((self.to, draft), None)
        if self._drafts.texts.get(self.to) == draft:
            del self._drafts.texts[self.to]
