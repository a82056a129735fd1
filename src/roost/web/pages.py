"""Pages from templates. All that is filled in is text: nothing in it can be markup, or hide what it is."""

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any, cast

import jinja2
from markupsafe import Markup
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from roost.cli.output import age, clock, local
from roost.cli.sentences import ENDED, sentence
from roost.web.asked import label_of
from roost.web.sign_in import Session

PLACE = Path(__file__).parent
ASSETS = PLACE / "assets"
STATES = {
    "idle": "rest",
    "working": "busy",
    "starting": "busy",
    "stopping": "calm",
    "asleep": "calm",
    "stopped": "calm",
    "blocked": "warn",
    "unknown": "warn",
    "quarantined": "bad",
    "done": "rest",
    "accepted": "busy",
    "offered": "busy",
    "queued": "calm",
    "expired": "bad",
    "refused": "bad",
    "dead-letter": "bad",
}
"""How a state looks; its word always stands beside it."""
SOURCES = {"api": "program", "hook": "hook", "screen": "dialog on the screen"}
"""What tells of a question."""
_HTMX = {
    "allowEval": False,
    "allowScriptTags": False,
    "historyCacheSize": 0,
    "includeIndicatorStyles": False,
    "selfRequestsOnly": True,
    "responseHandling": [
        {"code": "[23]..", "swap": True},
        {"code": "[45]..", "swap": True, "error": True},
    ],
}
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """The text with the characters that would act on its reader's screen shown instead: ESC as ␛."""
    return _HIDDEN.sub(_picture, text.replace("\r\n", "\n"))


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 32:  # noqa: PLR2004 -- where the control characters end
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"<U+{code:04X}>"  # noqa: PLR2004 -- DEL


def _final(value: object) -> object:
    """What an expression of a template becomes."""
    if value is None:
        return ""
    return value if isinstance(value, Markup | jinja2.Undefined) else visible(str(value))


class Pages:
    """Draws the templates."""

    def __init__(self) -> None:
        """Read none yet; each is read once."""
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(PLACE / "templates"),
            autoescape=True,
            finalize=_final,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        known = cast("dict[str, Any]", self._templates.globals)
        known.update(
            sentence=sentence,
            ended=ENDED,
            look=STATES,
            sources=SOURCES,
            label_of=label_of,
            htmx=json.dumps(_HTMX),
        )
        filters = cast("dict[str, Any]", self._templates.filters)
        filters.update(age=age, clock=clock, local=local, took=took)

    def draw(self, template: str, **values: Any) -> str:  # noqa: ANN401 -- what the template takes
        """A piece of a page."""
        return self._templates.get_template(template).render(**values)

    def page(self, scope: Scope, template: str, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 -- as `draw`
        """A whole page; to htmx, which puts it into the page that is there, the part alone."""
        session: Session | None = scope.get("session")
        text = self.draw(
            template,
            session=session,
            csrf=session.csrf if session else "",
            may_act=session is not None and not session.read_only,
            partial=Headers(scope=scope).get("hx-request") == "true",
            path=scope["path"],
            **values,
        )
        return HTMLResponse(text, status)


def took(seconds: float | None) -> str:
    """A duration for people: `12 ms`, `3.4 s`, `2 h 5 min`."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 -- a minute
        return f"{seconds:.1f} s"
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min {int(seconds % 60)} s"


def unix(at: str) -> float:
    """An ISO-8601 time as Unix seconds."""
    return dt.datetime.fromisoformat(at).timestamp()
