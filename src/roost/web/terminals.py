"""Terminals of agents in a browser: looked at by anybody who may look, typed into by who has taken over."""

import asyncio
import codecs
import contextlib
import json
import secrets
from collections.abc import AsyncGenerator

from msgspec import Struct, field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from roost.client.connection import Record
from roost.errors import NotFoundError, RefusedError, RoostError, UsageError
from roost.web.pty import Pty
from roost.web.sign_in import Session
from roost.web.site import Site, form_of
from roost.web.streams import event

COLUMNS, ROWS = 160, 50
"""The size of a terminal that nobody has joined. A browser is never smaller, so that it never shrinks one."""
LINE = 1
"""Rows of tmux's own status line."""
LOOK = 1.0
"""Seconds between two looks at whether the terminal has another size, while somebody watches."""
OPEN = 16
"""Terminals that are watched at a time; each is a tmux client."""
KEYS = 64 * 1024
"""The longest text that is typed at once, in bytes."""
_PREFIX, _PASTE = b"\x02", b"\x1b[200~"


class View(Struct):
    """A browser that watches a terminal. `keys`: its second client, once it has taken over."""

    id: str
    peer: str
    session: Session
    screen: Pty
    columns: int
    rows: int
    keys: Pty | None = None
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)


class TerminalPages:
    """Shows terminals, and types into them."""

    def __init__(self, site: Site) -> None:
        """Of this site; nobody watches one."""
        self._site = site
        self._views: dict[str, View] = {}

    async def page(self, request: Request) -> Response:
        """The page of one terminal. Its script makes elements of style, which this one answer allows."""
        name: str = request.path_params["name"]
        peer: Record = await self._site.daemon.call("show", {"name": name})
        request.scope["nonce"] = nonce = secrets.token_urlsafe(16)
        return self._site.page(request, "terminal.html", peer=peer, nonce=nonce)

    async def live(self, request: Request) -> ASGIApp:
        """What a terminal shows, from now on; wakes nobody, changes nothing."""
        if len(self._views) >= OPEN:
            raise RefusedError(f"{OPEN} terminals are watched already; close some of the pages")
        name: str = request.path_params["name"]
        return self._site.streams.stream(self._watched(name, request.scope["session"]))

    async def _watched(self, name: str, session: Session) -> AsyncGenerator[bytes]:
        view: View | None = None
        try:
            view = await self._begin(name, session)
            yield event("view", json.dumps({"id": view.id, "columns": view.columns, "rows": view.rows}))
            async for each in self._shown(view):
                yield each
        except (RoostError, OSError) as error:
            yield event("over", json.dumps(error.message if isinstance(error, RoostError) else str(error)))
        finally:
            if view is not None:
                self._views.pop(view.id, None)
                await asyncio.shield(_end(view))
        await asyncio.Event().wait()  # the browser leaves

    async def _begin(self, name: str, session: Session) -> View:
        columns, rows = await self._size(name)
        argv = await self._argv(name, read_only=True)
        screen = await Pty.start(argv, columns, rows)
        view = View(secrets.token_urlsafe(16), name, session, screen, columns, rows)
        self._views[view.id] = view
        return view

    async def _size(self, name: str) -> tuple[int, int]:
        """The size that a client has to have so that the whole terminal shows, and nothing shrinks."""
        shown: Record = await self._site.daemon.call("screen", {"name": name})
        return max(int(shown["columns"]), COLUMNS), max(int(shown["rows"]), ROWS) + LINE

    async def _argv(self, name: str, *, read_only: bool) -> list[str]:
        asked = {"name": name, "read_only": read_only, "page": True}
        result: Record = await self._site.daemon.call("attach", asked)
        return [str(word) for word in result["argv"]]

    async def _shown(self, view: View) -> AsyncGenerator[bytes]:
        text, time = codecs.getincrementaldecoder("utf-8")("replace"), asyncio.get_running_loop().time
        look = time() + LOOK
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(look):
                    if not (data := await view.screen.read()):
                        raise RefusedError(f"the session of '{view.peer}' has ended, or its terminal is gone")
                yield event("shown", json.dumps(text.decode(data)))
            if time() >= look:
                if await self._resized(view):
                    yield event("size", json.dumps({"columns": view.columns, "rows": view.rows}))
                look = time() + LOOK

    async def _resized(self, view: View) -> bool:
        """Whether the terminal has another size; our clients have it then, too."""
        columns, rows = await self._size(view.peer)
        if (columns, rows) == (view.columns, view.rows):
            return False
        view.columns, view.rows = columns, rows
        for client in filter(None, (view.screen, view.keys)):
            client.resize(columns, rows)
        return True

    async def take(self, request: Request) -> Response:
        """From now on the keys of this browser reach the terminal, as those of a person who has joined it."""
        view = self._view(request)
        async with view.taking:
            if view.keys is None:
                argv = await self._argv(view.peer, read_only=False)
                view.keys = (await Pty.start(argv, view.columns, view.rows)).unseen()
            if view.id not in self._views:
                await _let_go(view)
        return JSONResponse({"typing": view.id in self._views})

    async def leave(self, request: Request) -> Response:
        """No key reaches it any more."""
        view = self._view(request)
        async with view.taking:
            await _let_go(view)
        return JSONResponse({"typing": False})

    async def press(self, request: Request) -> Response:
        """Keys, as the terminal of the browser names them. tmux's own prefix is passed on as a key."""
        view = self._view(request)
        data = form_of(request).get("keys", "").encode("utf-8", "replace")
        if len(data) > KEYS:
            raise UsageError(
                f"that is too much to type at once: at most {KEYS // 1024} KiB; nothing was typed"
            )
        if view.keys is None:
            raise RefusedError("nothing was typed: take the terminal over first")
        if not data.startswith(_PASTE):
            data = data.replace(_PREFIX, _PREFIX * 2)
        try:
            await view.keys.write(data)
        except OSError as error:
            raise RefusedError(f"nothing was typed: the terminal of '{view.peer}' is gone") from error
        return Response(status_code=204)

    def _view(self, request: Request) -> View:
        """The view that is named, if it is of this browser."""
        view = self._views.get(request.path_params["id"])
        if view is None or view.session is not request.scope["session"]:
            raise NotFoundError("this terminal is not watched any more; load the page again")
        return view


async def _let_go(view: View) -> None:
    keys, view.keys = view.keys, None
    if keys is not None:
        await keys.close()


async def _end(view: View) -> None:
    async with view.taking:
        await _let_go(view)
    with contextlib.suppress(OSError):
        await view.screen.close()
