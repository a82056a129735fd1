"""How many tokens the conversations of live sessions have taken, read from their records as they grow."""

import asyncio
from typing import Any

from msgspec import Struct

from roost.core.vocabulary.session import Session
from roost.daemon.serve.api.transcripts import Transcripts
from roost.daemon.state.fleet import Fleet
from roost.errors import RoostError
from roost.runtimes.turns.transcript import Transcript

PIECES = 32
"""Pieces of a record (2 MiB each) that are read at one look; the next look goes on from there."""
MOST = 64
"""Records that are kept open between two looks."""


class Reading(Struct):
    """How far a conversation's record was read. `whole`: to its end, as it was at that look."""

    transcript: Transcript
    whole: bool = False


class Usages:
    """Reads on where it stopped at the look before."""

    def __init__(self, fleet: Fleet, transcripts: Transcripts) -> None:
        """Look at the live sessions of this fleet."""
        self._fleet = fleet
        self._transcripts = transcripts
        self._read: dict[str, Reading] = {}
        self._turn = asyncio.Lock()

    async def all(self) -> list[dict[str, Any]]:
        """Of each live session: `given`, `cached`, `written` (tokens; null: not known, `why` says so).

        `whole`: the record was read to its end; where it is long, a later look knows more.
        """
        async with self._turn:
            live = [(state.peer.name, each) for state in self._fleet.states() for each in state.sessions]
            held = {session.conversation for _, session in live}
            for conversation in [each for each in self._read if each not in held]:
                self._read.pop(conversation).transcript.close()
            return [await self._of(name, session) for name, session in live]

    def close(self) -> None:
        """Let go of all records."""
        for reading in self._read.values():
            reading.transcript.close()
        self._read.clear()

    async def _of(self, name: str, session: Session) -> dict[str, Any]:
        told = {"peer": name, "session": session.id, "given": None, "cached": None, "written": None}
        if session.conversation is None:
            return {**told, "whole": False, "why": "its conversation is not known yet"}
        try:
            reading = await self._reading(name, session, session.conversation)
        except RoostError as error:
            return {**told, "whole": False, "why": error.message}
        usage = reading.transcript.usage
        if usage is None:
            return {**told, "whole": reading.whole, "why": "its record tells of none"}
        counts = {"given": usage.given, "cached": usage.cached, "written": usage.written}
        return {**told, **counts, "whole": reading.whole, "why": ""}

    async def _reading(self, name: str, session: Session, conversation: str) -> Reading:
        """Raises RoostError: nobody can tell, and why."""
        reading = self._read.pop(conversation, None)
        if reading is None:
            reading = Reading(await self._transcripts.open(name, session, whole=False))
        try:
            reading.whole = await self._transcripts.run(name, _go_on, reading.transcript)
        except BaseException:
            reading.transcript.close()
            raise
        self._read[conversation] = reading
        if len(self._read) > MOST:
            self._read.pop(next(iter(self._read))).transcript.close()
        return reading


def _go_on(transcript: Transcript) -> bool:
    """Blocking: read some more; whether that was all."""
    return any(transcript.step() is None for _ in range(PIECES))
