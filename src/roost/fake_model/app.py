"""The HTTP side of the fake model server."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Protocol

import msgspec
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from roost.fake_model import anthropic, chat, gemini, openai
from roost.fake_model.conversation import Said
from roost.fake_model.delays import Delays
from roost.fake_model.journal import Arrival, Journal
from roost.fake_model.script import Answer, Fail, Say, answer
from roost.fake_model.shape import TITLE, sample
from roost.fake_model.wire import Kind, Request, Turn

MODELS = ("fake-model",)
_SECRET = frozenset({"authorization", "x-api-key", "x-goog-api-key", "cookie", "proxy-authorization"})
_SESSION = ("x-claude-code-session-id", "session_id", "session-id", "conversation_id", "x-session-id")


class Dialect(Protocol):
    """How a kind of API writes what the model says."""

    def stream(self, turn: Turn) -> Iterator[bytes]:
        """The answer in pieces, as they go over the wire."""
        ...

    def whole(self, turn: Turn) -> dict[str, object]:
        """The answer as one object."""
        ...

    def error(self, status: int) -> dict[str, object]:
        """What is said with an HTTP error."""
        ...


class Outage(Struct):
    """While `status` is set, every turn is answered with that HTTP error.

    While `poison` is set, every turn whose history holds that text is answered with 400.
    """

    status: int | None = None
    poison: str | None = None

    def answers(self, request: Request) -> int | None:
        """The HTTP error for a request, None when it is to be answered."""
        if request.kind is not Kind.TURN:
            return None
        poisoned = self.poison is not None and any(self.poison in entry.text for entry in request.entries)
        return 400 if poisoned else self.status


def build(journal: Journal, outage: Outage, delays: Delays) -> Starlette:
    """The application; every request goes into `journal` before it is answered."""
    serve = _Endpoints(journal, outage, delays)
    anything = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
    return Starlette(
        routes=[
            Route("/__log", serve.log),
            Route("/v1/messages", serve.messages, methods=["POST"]),
            Route("/v1/messages/count_tokens", serve.count, methods=["POST"]),
            Route("/v1/responses", serve.responses, methods=["POST"]),
            Route("/v1/chat/completions", serve.completions, methods=["POST"]),
            Route("/v1beta/models/{call}", serve.gemini, methods=["POST"]),
            Route("/v1/models", serve.models),
            Route("/{rest:path}", serve.other, methods=anything),
        ]
    )


class _Endpoints(Struct, frozen=True):
    journal: Journal
    outage: Outage
    delays: Delays

    async def messages(self, http: HttpRequest) -> Response:
        return await self.answer(http, anthropic, anthropic.read)

    async def responses(self, http: HttpRequest) -> Response:
        return await self.answer(http, openai, openai.read)

    async def completions(self, http: HttpRequest) -> Response:
        return await self.answer(http, chat, chat.read)

    async def gemini(self, http: HttpRequest) -> Response:
        name: str = http.path_params["call"]
        model, _, method = name.rpartition(":")
        match method:
            case "generateContent" | "streamGenerateContent":
                streams = method == "streamGenerateContent"
                return await self.answer(http, gemini, partial(gemini.read, model=model, stream=streams))
            case "countTokens":
                body = await http.body()
                _note(http, self.journal, Kind.COUNT, len(body))
                return JSONResponse({"totalTokens": max(1, len(body) // 4)})
            case _:
                return await self.other(http)

    async def answer(self, http: HttpRequest, dialect: Dialect, read: Callable[[bytes], Request]) -> Response:
        """Answer in the dialect that the request came in."""
        turn = await _arrive(http, self.journal, self.decide, read)
        if isinstance(turn.answer.act, Fail):
            return await self.fail(turn, dialect.error(turn.answer.act.status))
        if turn.request.stream:
            return self.streaming(dialect.stream(turn), turn)
        await self.wait(turn)
        return JSONResponse(dialect.whole(turn))

    def decide(self, request: Request) -> Answer:
        status = self.outage.answers(request)
        return decide(request) if status is None else Answer(Fail(status))

    async def wait(self, turn: Turn) -> None:
        """The answer's delay."""
        whole = False
        try:
            await self.delays.wait(turn.answer.delay)
            whole = True
        finally:
            self.journal.end(turn.number, whole=whole)

    async def fail(self, turn: Turn, body: dict[str, object]) -> Response:
        await self.wait(turn)
        status = turn.answer.act.status if isinstance(turn.answer.act, Fail) else 500
        return JSONResponse(body, status_code=status)

    def streaming(self, events: Iterator[bytes], turn: Turn) -> StreamingResponse:
        """The first event at once: the CLI knows that the model is at work. The rest after the delay."""

        async def produce() -> AsyncIterator[bytes]:
            whole = False
            try:
                yield next(events)
                await self.delays.wait(turn.answer.delay)
                for chunk in events:
                    yield chunk
                whole = True
            finally:
                self.journal.end(turn.number, whole=whole)

        return StreamingResponse(produce(), media_type="text/event-stream")

    async def count(self, http: HttpRequest) -> Response:
        body = await http.body()
        _note(http, self.journal, Kind.COUNT, len(body))
        return JSONResponse({"input_tokens": max(1, len(body) // 4)})

    async def models(self, http: HttpRequest) -> Response:
        _note(http, self.journal, Kind.OTHER, 0)
        listed = [{"id": name, "type": "model", "object": "model", "display_name": name} for name in MODELS]
        return JSONResponse({"object": "list", "data": listed, "models": [], "has_more": False})

    async def log(self, _: HttpRequest) -> Response:
        return Response(msgspec.json.encode(self.journal.all()), media_type="application/json")

    async def other(self, http: HttpRequest) -> Response:
        _note(http, self.journal, Kind.OTHER, len(await http.body()))
        return JSONResponse({})


def decide(request: Request) -> Answer:
    """The answer to a request: the script for a turn, something harmless for the rest."""
    if request.kind is Kind.TURN:
        return answer(request.pending)
    if request.shape is None:
        return Answer(Say(TITLE))
    return Answer(Say(msgspec.json.encode(sample(request.shape)).decode()))


async def _arrive(
    http: HttpRequest,
    journal: Journal,
    decide: Callable[[Request], Answer],
    read: Callable[[bytes], Request],
) -> Turn:
    body = await http.body()
    request = read(body)
    turn = Turn(journal.number(), request, decide(request))
    journal.keep(turn.number, body)
    journal.add(
        Arrival(
            at=time.time(),
            number=turn.number,
            method=http.method,
            path=http.url.path,
            kind=request.kind,
            headers=_headers(http),
            session=_session(http),
            tools=list(request.tools),
            user_texts=[entry.text for entry in request.entries if entry.said is Said.USER],
            results=[entry.text for entry in request.entries if entry.said is Said.RESULT],
            answer=repr(turn.answer),
            results_since=request.pending.results,
            waiting=len(request.pending.texts),
            failed=isinstance(turn.answer.act, Fail),
        )
    )
    return turn


def _note(http: HttpRequest, journal: Journal, kind: Kind, size: int) -> None:
    journal.add(
        Arrival(
            at=time.time(),
            number=journal.number(),
            method=http.method,
            path=http.url.path,
            kind=kind,
            headers=_headers(http),
            session=_session(http),
            tools=[],
            user_texts=[],
            results=[],
            answer=f"{size} bytes taken",
        )
    )


def _headers(http: HttpRequest) -> dict[str, str]:
    return {name: value for name, value in http.headers.items() if name not in _SECRET}


def _session(http: HttpRequest) -> str:
    return next((http.headers[name] for name in _SESSION if name in http.headers), "")
