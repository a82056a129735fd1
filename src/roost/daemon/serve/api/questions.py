"""What can be asked of questions: which are open, and that one is answered."""

from collections.abc import Iterator
from typing import Any

from roost.core.vocabulary import requests as r
from roost.core.vocabulary.limits import PREFIX_LEAST
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.question import Question, QuestionState
from roost.core.vocabulary.session import Session
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.waits import Waits
from roost.errors import NotFoundError, RefusedError, RoostError
from roost.present.questions import question_object


class Questions:
    """Lists what agents ask, and has it answered."""

    def __init__(self, fleet: Fleet, waits: Waits) -> None:
        """Those of this fleet."""
        self._fleet = fleet
        self._waits = waits

    def all(self) -> list[dict[str, Any]]:
        """Those that wait for an answer, the eldest first."""
        pending = [found for found in self._each() if found[2].pending]
        pending.sort(key=lambda found: found[2].since)
        return [question_object(session, question) for _, session, question in pending]

    def _each(self) -> Iterator[tuple[PeerState, Session, Question]]:
        for state in self._fleet.states():
            for session in state.sessions:
                for question in session.questions:
                    yield state, session, question

    async def answer(self, name: str, option: str, by: str, text: str) -> dict[str, Any]:
        """Answer a question by one of its options; returns it once its program has the answer.

        Raises NotFoundError, UsageError for no such option, RefusedError for one that is answered or gone,
        RoostError where the answer did not arrive.
        """
        found = self._find(name)
        return await self._have(found, r.Answer(found[2].id, option, by, text))

    async def deny(self, name: str, by: str, text: str) -> dict[str, Any]:
        """Deny what a question asks for; as `answer`."""
        found = self._find(name)
        return await self._have(found, r.Deny(found[2].id, by, text))

    def peer_of(self, name: str) -> str:
        """Who asks it. Raises NotFoundError."""
        return self._find(name)[0].peer.name

    def _find(self, name: str) -> tuple[PeerState, Session, Question]:
        """A question by the first digits of its id."""
        found = (
            [each for each in self._each() if each[2].id.startswith(name)]
            if len(name) >= PREFIX_LEAST
            else []
        )
        if len(found) > 1:
            raise NotFoundError(f"several questions begin with '{name}'; give more digits")
        if not found:
            raise NotFoundError(
                f"no agent asks a question '{name}', or it does not any more; `roost questions` lists those"
                " that are open"
            )
        return found[0]

    async def _have(
        self, found: tuple[PeerState, Session, Question], event: r.Answer | r.Deny
    ) -> dict[str, Any]:
        state, session, question = found
        name = state.peer.name
        with self._waits.peer(name) as changes:
            await self._fleet.tell(name, event)
            while True:
                current = self._fleet.get(name).find_session(session.id)
                if current is None:
                    why = f"the session of '{name}' ended before it had the answer; see `roost deaths {name}`"
                    raise RoostError(why)
                now = next((each for each in current.questions if each.id == question.id), None)
                if now is None or now.state is not QuestionState.ANSWERING:
                    break
                await changes.get()
        if now is not None and now.state is not QuestionState.ANSWERED:
            raise RefusedError(f"question {question.id} of '{name}': {now.why}")
        return question_object(current, now or question)
