"""What still runs when the server ends is answered, not broken off."""

import asyncio

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class AnsweredAtTheEnd:
    """Answers 503 for a request that uvicorn cancels, which it does when it ends and the request does not.

    Without it uvicorn 0.54 logs a defect for each of them and closes their connections without a word.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Stand before this application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; an answer that was begun is left as it is."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:
            if not begun:
                refusal = JSONResponse(
                    {"error": "the daemon is ending; ask again"}, 503, {"Retry-After": "1"}
                )
                await refusal(scope, receive, send)
