"""What each request has to pass, and what each answer carries: who asks, from which page, and how much."""

import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from roost.errors import RoostError
from roost.web.sign_in import Session, SignIn

BODY = 1536 * 1024
"""The longest body of a request, in bytes: a message of 400 KiB fits with every character escaped."""
FIELDS = 100
"""Fields of a form."""
OPEN = ("/sign-in", "/assets/")
"""What is answered to whoever has not signed in."""
_LOOKS = frozenset({"GET", "HEAD"})
# A browser that may tell no referrer at all sends `Origin: null` with our own forms, too (Chromium).
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class GateError(RoostError):
    """The request was refused."""

    def __init__(self, message: str, status: int) -> None:
        """`status`: what HTTP calls it."""
        super().__init__(message)
        self.status = status


class Gate:
    """Stands before all pages."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        port: int,
        sign_in: SignIn,
        refused: Callable[[Scope, GateError], Response],
    ) -> None:
        """`refused` draws a refusal; `port` is the one that browsers must name."""
        self._app = app
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._cookie = cookie_name(port)
        self._sign_in = sign_in
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request, then pass it on."""
        kept = _with_headers(scope, send)
        try:
            receive = await self._checked(scope, receive)
        except GateError as error:
            await self._refused(scope, error)(scope, receive, kept)
            return
        await self._app(scope, receive, kept)

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        """How the body is read; raises GateError."""
        connection = HTTPConnection(scope)
        headers = connection.headers
        host = headers.get("host", "")
        if host not in self._hosts:
            raise GateError(f"this page is not at that address; it is at http://{min(self._hosts)}/", 421)
        origin, changes = headers.get("origin"), scope["method"] not in _LOOKS
        if origin != f"http://{host}" and (changes or origin is not None):
            raise GateError("this was asked for by another page, or by none; nothing was done", 403)
        session = self._sign_in.find(connection.cookies.get(self._cookie))
        scope["session"] = session
        path: str = scope["path"]
        if session is None and not path.startswith(OPEN):
            raise GateError("sign in first: `roost web` prints an address that works once", 401)
        if not changes:
            return receive
        body = await _body(headers, receive)
        scope["form"] = form = _form(headers, body)
        if session is not None:
            _allow(session, headers.get("x-csrf-token") or form.get("csrf", ""), path)
        return receive


def cookie_name(port: int) -> str:
    """A name of its own for each port: browsers keep cookies by host alone."""
    return f"roost_web_{port}"


def _allow(session: Session, csrf: str, path: str) -> None:
    """Raise GateError for a change that this browser's own form did not ask for, or that it may not make."""
    if not secrets.compare_digest(csrf.encode(), session.csrf.encode()):
        raise GateError("this form is not of the page that is signed in now; load the page again", 403)
    if session.read_only and path != "/sign-out":
        raise GateError("this page may only look: it was opened by `roost web --read-only`", 403)


async def _body(headers: Headers, receive: Receive) -> bytes:
    """The body, read no further than it may go."""
    told = headers.get("content-length", "0")
    if not told.isdecimal() or int(told) > BODY:
        raise GateError(f"that is too much: a form holds {BODY // 1024} KiB at most; nothing was done", 413)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GateError("the browser went away", 400)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY:
            raise GateError(
                f"that is too much: a form holds {BODY // 1024} KiB at most; nothing was done", 413
            )
        more = message.get("more_body", False)
    return b"".join(parts)


def _form(headers: Headers, body: bytes) -> dict[str, str]:
    """The fields of a form; the last one of each name."""
    kind = headers.get("content-type", "").partition(";")[0].strip()
    if body and kind != "application/x-www-form-urlencoded":
        raise GateError("the form is not encoded as forms are", 415)
    try:
        fields = parse_qs(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS, errors="strict"
        )
    except ValueError as error:
        raise GateError("the form cannot be read", 400) from error
    return {name: values[-1] for name, values in fields.items()}


def _with_headers(scope: Scope, send: Send) -> Callable[[Message], Awaitable[None]]:
    """Sends answers with what keeps a browser from doing more than the page asks for.

    A page that needs elements of style made by its script names a `nonce` for them in the scope.
    """

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            for name, value in _HEADERS.items():
                headers[name] = value
            if "nonce" in scope:
                allowed = f"style-src 'self' 'nonce-{scope['nonce']}'"
                policy = _HEADERS["content-security-policy"].replace("style-src 'self'", allowed)
                headers["content-security-policy"] = policy
            if "cache-control" not in headers:
                headers["cache-control"] = "no-store"
            message = {**message, "headers": headers.raw}
        await send(message)

    return sent
