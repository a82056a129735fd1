"""The application: which address leads to which page."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from roost.cli.app import App
from roost.errors import RoostError
from roost.web.actions import Actions
from roost.web.charts import ChartPages
from roost.web.gate import Gate, GateError
from roost.web.live import Live
from roost.web.mail import MailPages
from roost.web.pages import ASSETS
from roost.web.peers import PeerPages
from roost.web.questions import QuestionPages
from roost.web.records import RecordPages
from roost.web.site import Site
from roost.web.terminals import TerminalPages


def application(site: Site, app: App, port: int) -> ASGIApp:
    """All pages of a site, behind its gate."""
    peers, mail, records = PeerPages(site), MailPages(site), RecordPages(site, app)
    charts, actions, live = ChartPages(site), Actions(site), Live(site)
    questions, terminals = QuestionPages(site), TerminalPages(site)
    post = ["POST"]
    routes = [
        Route("/", peers.fleet),
        Route("/peers/{name}", peers.peer),
        Route("/peers/{name}/screen", peers.screen),
        Route("/peers/{name}/terminal", terminals.page),
        Route("/peers/{name}/{action}", actions.peer, methods=post),
        Route("/questions", questions.questions),
        Route("/questions/{id}/answer", questions.answer, methods=post),
        Route("/questions/{id}/deny", questions.deny, methods=post),
        Route("/messages", mail.messages),
        Route("/messages/{id}", mail.message),
        Route("/messages/{id}/{action}", actions.message, methods=post),
        Route("/inbox", mail.inbox),
        Route("/inbox/read", actions.acknowledge, methods=post),
        Route("/compose", mail.compose),
        Route("/compose", actions.send, methods=post),
        Route("/journal", records.journal),
        Route("/charts", charts.charts),
        Route("/charts/data", charts.data),
        Route("/charts/load", charts.load),
        Route("/doctor", records.doctor),
        Route("/live/fleet", live.fleet),
        Route("/live/journal", live.journal),
        Route("/live/questions", live.questions),
        Route("/live/terminal/{name}", terminals.live),
        Route("/terminals/{id}/take", terminals.take, methods=post),
        Route("/terminals/{id}/leave", terminals.leave, methods=post),
        Route("/terminals/{id}/keys", terminals.press, methods=post),
        Route("/sign-in", actions.sign_in),
        Route("/sign-out", actions.sign_out, methods=post),
        Mount("/assets", StaticFiles(directory=ASSETS)),
    ]

    def refused(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            words = {404: "there is no such page", 405: "this address is not asked for in that way"}
            said = words.get(error.status_code, HTTPStatus(error.status_code).phrase)
            error = GateError(said, error.status_code)
        if not isinstance(error, RoostError):
            raise error
        return site.refused(request.scope, error)

    starlette = Starlette(routes=routes, exception_handlers={RoostError: refused, HTTPException: refused})
    return Gate(starlette, port=port, sign_in=site.sign_in, refused=site.refused)
