"""The earlier prompts that an agent shows as it loads a conversation."""

from collections.abc import Mapping
from typing import Any

from roost.acp.updates import kind_of, text_of


class History:
    """Puts the pieces of each prompt together. What tells of something else in between ends a prompt."""

    def __init__(self) -> None:
        """Nothing was shown."""
        self._prompts: list[list[str]] = []
        self._message: object = None
        self._open = False

    @property
    def prompts(self) -> list[str]:
        """The prompts, the eldest first."""
        return ["".join(pieces) for pieces in self._prompts]

    def take(self, update: Mapping[str, Any]) -> None:
        """Take one update."""
        if kind_of(update) != "user_message_chunk":
            self._open = False
            return
        message = update.get("messageId")
        if not self._open or message != self._message:
            self._prompts.append([])
        self._open, self._message = True, message
        self._prompts[-1].append(text_of(update.get("content")))
