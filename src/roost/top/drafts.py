"""What is written to peers and not sent yet, and what makes the same words again the same message."""

import secrets

Draft = tuple[str, str]
"""The topic and the text of a message."""


class Drafts:
    """One for each peer that is written to."""

    def __init__(self) -> None:
        """Nothing is written yet."""
        self.texts: dict[str, Draft] = {}
        self.keys: dict[tuple[str, Draft], str] = {}

    def letter(self, to: str) -> "Letter":
        """What is there for this peer, to go on with."""
        return Letter(self, to)


class Letter:
    """A message to one peer, from when its dialog is opened until it is sent."""

    def __init__(self, drafts: Drafts, to: str) -> None:
        """`known`: what was there before."""
        self._drafts = drafts
        self.to = to
        self.known = drafts.texts.get(to, ("", ""))
        self._first = drafts.keys.get((to, self.known))

    def keep(self, draft: Draft) -> None:
        """It is not sent yet."""
        self._drafts.texts[self.to] = draft

    def key(self, draft: Draft) -> str:
        """The same words again are the same message, however the first try ended."""
        known = self._first if draft == self.known else None
        return known or self._drafts.keys.setdefault((self.to, draft), secrets.token_hex(16))

    def sent(self, draft: Draft) -> None:
        """It has been: it is no draft any more, where it was not written on meanwhile."""
        self._drafts.keys.pop((self.to, draft), None)
        if self._drafts.texts.get(self.to) == draft:
            del self._drafts.texts[self.to]
