"""The Codex app-servers whose threads are followed, by address; and one look at any, for the registry."""

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import Session
from roost.errors import RoostError
from roost.runtimes.call import CallLostError, CallRefusedError
from roost.runtimes.codex_server.address import read_address
from roost.runtimes.codex_server.connection import NobodyListensError
from roost.runtimes.codex_server.own import OwnCall
from roost.runtimes.codex_server.server import Server, Wiring
from roost.runtimes.codex_server.thread import ThreadCall
from roost.runtimes.codex_server.turns import Turn, loaded_by, turns_of

PATIENCE = 8.0
"""Seconds for one look at all servers."""


class NotWiredError(RoostError):
    """Nothing here speaks to servers."""


class Look(Struct, frozen=True):
    """What one look at a server showed.

    `loaded`: the threads that it has loaded, None where it did not answer; `why` says so in words. `process`:
    the one that answered, as far as the system tells. `absent`: for certain nobody listens.
    """

    loaded: frozenset[str] | None
    process: ProcessId | None = None
    why: str = ""
    absent: bool = False


class Servers:
    """All servers, each with one connection."""

    def __init__(self) -> None:
        """None is known yet; `wire` has to be called before one is asked."""
        self._by_address: dict[str, Server] = {}
        self._wiring: Wiring | None = None

    def wire(self, wiring: Wiring) -> None:
        """From now on act through this."""
        self._wiring = wiring

    def at(self, text: str) -> Server:
        """The server at an address. Raises InvalidSettingError, NotWiredError."""
        address = read_address(text)
        if self._wiring is None:
            raise NotWiredError
        return self._by_address.setdefault(address.text, Server(address, self._wiring))

    def thread(self, session: Session, address: str) -> ThreadCall:
        """The thread that a session is, as its call. Raises as `at` does."""
        return ThreadCall(self.at(address), session.id, session.conversation, session.earliest)

    def own(self, session: Session, socket: Path) -> OwnCall:
        """The server that a session has for itself. Raises NotWiredError."""
        if self._wiring is None:
            raise NotWiredError
        return OwnCall(session, socket, self._wiring.start)

    async def turns(self, text: str, thread: str) -> list[Turn]:
        """The turns of a thread as its server tells them, the eldest first.

        Raises CallLostError, CallRefusedError, NobodyListensError, and as `at` does.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                connection = await self.at(text).connection()
                found = [turn async for turn in turns_of(connection, thread)]
        except TimeoutError:
            raise CallLostError(f"the server at {text} does not answer") from None
        finally:
            await self.rest(text)
        return found[::-1]

    async def look(self, addresses: Iterable[str]) -> dict[str, Look]:
        """Ask each server what it has loaded, at once and within `PATIENCE`."""
        asked = list(dict.fromkeys(addresses))
        return dict(zip(asked, await asyncio.gather(*map(self._look, asked)), strict=True))

    async def _look(self, text: str) -> Look:
        server: Server | None = None
        try:
            async with asyncio.timeout(PATIENCE):
                server = self.at(text)
                loaded = await loaded_by(await server.connection())
        except NobodyListensError as error:
            return Look(None, None, error.message, absent=True)
        except (CallLostError, CallRefusedError, RoostError) as error:
            return Look(None, None, error.message)
        except TimeoutError:
            return Look(None, None, f"the server at {text} does not answer")
        else:
            return Look(loaded, server.process)
        finally:
            if server is not None and not server.held:
                with contextlib.suppress(RoostError):
                    await server.close()

    async def rest(self, text: str) -> None:
        """Keep no connection to a server of which no thread is followed."""
        server = self.at(text)
        if not server.held:
            await server.close()

    async def close(self) -> None:
        """End all connections; the servers go on."""
        await asyncio.gather(*(server.close() for server in self._by_address.values()))
