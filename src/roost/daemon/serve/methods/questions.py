"""The methods about questions. No agent may call one: whoever asks does not answer."""

from roost.daemon.serve.api.others import Others
from roost.daemon.serve.api.questions import Questions
from roost.daemon.serve.methods.method import Answer, Call, Method, Params, Table


class All(Params):
    """All of them; `all`: of other hosts, too."""

    all: bool = False


class Given(Params):
    """A question, by the first digits of its id, and an option: by id, by label, or by number from 1 on.

    One of another host is `ID@HOST`.
    """

    id: str
    option: str
    message: str = ""


class Denied(Params):
    """A question; `message`: what its agent is told, where its program takes that."""

    id: str
    message: str = ""


class QuestionMethods:
    """Answers what is asked about questions."""

    def __init__(self, questions: Questions, others: Others) -> None:
        """Ask these operations, and other hosts for theirs."""
        self._questions = questions
        self._others = others

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "questions": Method(All, self._all, looks=True, waits=True),
            "answer": Method(Given, self._answer, waits=True),
            "deny": Method(Denied, self._deny, waits=True),
        }

    async def _all(self, call: Call[All]) -> Answer:
        found, notes = await self._others.questions() if call.params.all else ([], [])
        return Answer([*self._questions.all(), *found], notes)

    async def _answer(self, call: Call[Given]) -> Answer:
        asked = call.params
        if "@" in asked.id:
            return await self._there(call, "answer", {"option": asked.option, "message": asked.message})
        return Answer(await self._questions.answer(asked.id, asked.option, call.by, asked.message))

    async def _deny(self, call: Call[Denied]) -> Answer:
        if "@" in call.params.id:
            return await self._there(call, "deny", {"message": call.params.message})
        return Answer(await self._questions.deny(call.params.id, call.by, call.params.message))

    async def _there(self, call: Call[Given] | Call[Denied], method: str, asked: dict[str, str]) -> Answer:
        """Have a question of another host answered there."""
        number, _, host = call.params.id.partition("@")
        return Answer(*await self._others.ask(host, method, {**asked, "id": number}, call.progress))
