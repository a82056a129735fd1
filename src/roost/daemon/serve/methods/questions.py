"""The methods about questions. No agent may call one: whoever asks does not answer."""

from roost.daemon.serve.api.questions import Questions
from roost.daemon.serve.methods.method import BY, Answer, Call, Method, Params, Table


class All(Params):
    """All of them."""


class Given(Params):
    """A question, by the first digits of its id, and an option: by id, by label, or by number from 1 on."""

    id: str
    option: str
    message: str = ""


class Denied(Params):
    """A question; `message`: what its agent is told, where its program takes that."""

    id: str
    message: str = ""


class QuestionMethods:
    """Answers what is asked about questions."""

    def __init__(self, questions: Questions) -> None:
        """Ask these operations."""
        self._questions = questions

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "questions": Method(All, self._all, looks=True),
            "answer": Method(Given, self._answer, waits=True),
            "deny": Method(Denied, self._deny, waits=True),
        }

    async def _all(self, _call: Call[All]) -> Answer:
        return Answer(self._questions.all())

    async def _answer(self, call: Call[Given]) -> Answer:
        asked = call.params
        return Answer(await self._questions.answer(asked.id, asked.option, BY, asked.message))

    async def _deny(self, call: Call[Denied]) -> Answer:
        return Answer(await self._questions.deny(call.params.id, BY, call.params.message))
