"""All that the pages stand on, and how an error becomes an answer."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from roost.client.connection import ConnectionLostError, RemoteError
from roost.client.daemon import Daemon
from roost.client.feed import Feed
from roost.errors import DeniedError, NoDaemonError, NotFoundError, RoostError, UsageError
from roost.web.asked import Asked
from roost.web.fleet import Fleet
from roost.web.gate import GateError
from roost.web.pages import Pages
from roost.web.sign_in import SignIn
from roost.web.streams import Streams

_STATUS: Mapping[str, int] = {
    NotFoundError.code: 404,
    DeniedError.code: 403,
    UsageError.code: 400,
    "invalid-name": 400,
    "invalid-setting": 400,
}


class Site(Struct, frozen=True):
    """One `roost web`. `sender`: the mailbox that its person sends from, None for the operator's own."""

    daemon: Daemon
    feed: Feed
    fleet: Fleet
    asked: Asked
    pages: Pages
    streams: Streams
    sign_in: SignIn
    cookie: str
    sender: str | None = None

    @property
    def mailbox(self) -> str:
        """Whose mail is shown at first."""
        return self.sender or "operator"

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 -- what the template takes
        """A page from a template."""
        return self.pages.page(request.scope, template, status, asked=self.asked.count, **values)

    def refused(self, scope: Scope, error: RoostError) -> Response:
        """An error as a page, or as the part of one."""
        return self.pages.page(
            scope,
            "refused.html",
            status_of(error),
            asked=self.asked.count,
            message=error.message,
            signed_out=_is_out(error),
        )


def _is_out(error: RoostError) -> bool:
    return isinstance(error, GateError) and error.status == 401  # noqa: PLR2004 -- who has to sign in


def status_of(error: RoostError) -> int:
    """What HTTP calls an error."""
    if isinstance(error, GateError):
        return error.status
    if isinstance(error, NoDaemonError | ConnectionLostError):
        return 503
    code = error.remote_code if isinstance(error, RemoteError) else error.code
    return _STATUS.get(code, 409)


def form_of(request: Request) -> dict[str, str]:
    """The fields of the form that was sent, as the gate has read them."""
    form: dict[str, str] = request.scope["form"]
    return form


def number(text: str | None, otherwise: int) -> int:
    """A whole number of a query; what is none counts as not given."""
    return int(text) if text is not None and text.isdecimal() and len(text) < 19 else otherwise  # noqa: PLR2004 -- what the store can count to
