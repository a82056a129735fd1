"""The page about questions: what agents ask a person, and the answers that are given there."""

from starlette.requests import Request
from starlette.responses import Response

from roost.client.connection import Record
from roost.errors import UsageError
from roost.web.asked import label_of
from roost.web.site import Site, form_of

SHOWN = 200
"""Questions of which a page can ask at a time what has become of them."""


class QuestionPages:
    """Shows questions, and has them answered."""

    def __init__(self, site: Site) -> None:
        """Of this site."""
        self._site = site

    async def questions(self, request: Request) -> Response:
        """Those that are open, of one peer where it is named.

        To a page that shows some already (`shown`: their ids) also what became of those that are over.
        """
        asked = self._site.asked
        await asked.look()
        peer = request.query_params.get("peer") or None
        found = asked.of(peer)
        standing = {question["id"] for question in found}
        shown = request.query_params.get("shown", "").split(",")[:SHOWN]
        return self._site.page(
            request,
            "questions.html",
            peer=peer,
            questions=found,
            over=[(name, *asked.over(name)) for name in shown if name and name not in standing],
            asked_mark=asked.mark,
        )

    async def answer(self, request: Request) -> Response:
        """One question by one of its options; answers once the agent's program has it."""
        option = form_of(request).get("option", "")
        if not option:
            raise UsageError("say which of its options is the answer")
        return await self._given(request, "answer", {"option": option})

    async def deny(self, request: Request) -> Response:
        """Deny what one asks for."""
        return await self._given(request, "deny", {})

    async def _given(self, request: Request, method: str, asked: Record) -> Response:
        words = form_of(request).get("message", "").replace("\r\n", "\n").strip()
        asked = {**asked, "id": request.path_params["id"], "message": words}
        result, notes = await self._site.daemon.ask(method, asked, patience=None)
        said = f"{result['peer']} was answered: {label_of(result)}"
        return self._site.page(request, "said.html", said=said, notes=notes, link=None, key=None)
