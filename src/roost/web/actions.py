"""What a person does with the page: each is one request to the daemon, whose journal names the operator."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from roost.client.connection import Record
from roost.errors import UsageError
from roost.web.gate import GateError
from roost.web.mail import new_key
from roost.web.site import Site, form_of

PEER = {
    "wake": "is awake",
    "sleep": "sleeps",
    "stop": "is stopped",
    "start": "may be woken again",
    "restart": "was given a fresh session",
    "refresh": "begins anew at its next wake",
    "interrupt": "was told to end its turn",
}
"""What can be done with a peer, and what is said once it is done."""
MESSAGE = {"resend": "is sent again", "drop": "was given up"}
"""What can be done with a message."""


class Actions:
    """Does what forms ask for."""

    def __init__(self, site: Site) -> None:
        """At this site."""
        self._site = site

    async def peer(self, request: Request) -> Response:
        """One action on one peer; answers once it is done, as the command does."""
        name, action = request.path_params["name"], request.path_params["action"]
        if action not in PEER:
            raise GateError(f"nothing is called '{action}' here", 404)
        _, notes = await self._site.daemon.ask(action, {"name": name}, patience=None)
        return self._said(request, f"{name} {PEER[action]}", notes)

    async def message(self, request: Request) -> Response:
        """One action on one message."""
        number, action = request.path_params["id"], request.path_params["action"]
        if action not in MESSAGE:
            raise GateError(f"nothing is called '{action}' here", 404)
        result, notes = await self._site.daemon.ask(action, {"id": number})
        return self._said(request, f"message {str(result['id'])[:16]} {MESSAGE[action]}", notes)

    async def send(self, request: Request) -> Response:
        """A new message."""
        form = form_of(request)
        to, body = form.get("to", "").strip(), form.get("body", "").replace("\r\n", "\n")
        if not to:
            raise UsageError("say to whom the message goes")
        if not body.strip():
            raise UsageError("the message is empty; nothing was sent")
        asked: Record = {"to": to, "body": body, "key": form.get("key") or new_key()}
        asked |= {
            field: form[field].strip()
            for field in ("topic", "reply_to", "when")
            if form.get(field, "").strip()
        }
        if self._site.sender is not None:
            asked["from"] = self._site.sender
        result, notes = await self._site.daemon.ask("send", asked)
        return self._site.page(
            request,
            "said.html",
            said=f"sent to {to} as {str(result['id'])[:16]}: {result['state']}",
            notes=notes,
            link=f"/messages/{result['id']}",
            key=new_key(),
        )

    async def acknowledge(self, request: Request) -> Response:
        """Mail that was seen."""
        form = form_of(request)
        ids = [each for each in form.get("ids", "").split(",") if each]
        name = form.get("name") or self._site.mailbox
        _, notes = await self._site.daemon.ask("acknowledge", {"name": name, "ids": ids})
        return self._said(request, "marked as read", notes)

    async def sign_in(self, request: Request) -> Response:
        """The address with the one-time token. The next page is asked for by ours: its cookie is strict."""
        token = request.query_params.get("token", "")
        if not token:
            raise GateError("sign in first: `roost web` prints an address that works once", 401)
        cookie = self._site.sign_in.redeem(token)
        answer = self._site.page(request, "signed_in.html")
        answer.set_cookie(self._site.cookie, cookie, httponly=True, samesite="strict", path="/")
        return answer

    async def sign_out(self, request: Request) -> Response:
        """Forget this browser."""
        self._site.sign_in.leave(request.scope["session"])
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(self._site.cookie, httponly=True, samesite="strict", path="/")
        return answer

    def _said(self, request: Request, said: str, notes: list[str]) -> HTMLResponse | Response:
        return self._site.page(request, "said.html", said=said, notes=notes, link=None, key=None)
