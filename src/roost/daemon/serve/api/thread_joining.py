"""A thread of a server that runs many joins: from then on that server tells of it and takes its prompts."""

import asyncio

from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import Hindrance, WakeMode
from roost.core.vocabulary.phrases import of_another
from roost.core.vocabulary.settings import apply_settings
from roost.daemon.serve.api.peers import Peers
from roost.daemon.session.joins import Guest
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.waits import Waits
from roost.errors import RefusedError, RoostError

PATIENCE = 20.0
"""Seconds for its server to let us follow it. Its turn stands still meanwhile."""


class ThreadJoining:
    """Makes a peer of a thread that asks from within, through its server."""

    def __init__(self, machine: Machine, fleet: Fleet, waits: Waits, peers: Peers) -> None:
        """Join peers of this fleet."""
        self._machine = machine
        self._fleet = fleet
        self._waits = waits
        self._peers = peers

    async def join(self, name: str, guest: Guest, by: str) -> None:
        """Follow it as the peer of this name. Raises RoostError with the reason where that fails."""
        await self._check(guest)
        with self._waits.peer(name) as changes:
            state = self._fleet.find(name)
            before = state.peer.hindered if state is not None else None
            await self._settle(name, guest, by)
            try:
                async with asyncio.timeout(PATIENCE):
                    while not self._is_followed(name, before):
                        await changes.get()
            except TimeoutError:
                why = f"its server did not let it be followed within {PATIENCE:g} s"
                raise RoostError(f"{why}; `roost show {name}` tells more") from None

    async def _check(self, guest: Guest) -> None:
        """What answers at that address has to be the process that runs the thread."""
        look = (await self._machine.runtimes.servers.look([guest.server]))[guest.server]
        if look.loaded is None:
            raise RefusedError(f"the server that runs this session does not answer: {look.why}")
        if look.process != guest.process or guest.conversation not in look.loaded:
            raise RefusedError(f"what answers at {guest.server} does not run this session")

    async def _settle(self, name: str, guest: Guest, by: str) -> None:
        """The peer, woken: a new one, or the one of that thread, where its server is now."""
        pairs = {"server": guest.server, "thread": guest.conversation}
        state = self._fleet.find(name)
        if state is None:
            await self._peers.add(name, {"runtime": guest.runtime, "dir": guest.dir, **pairs})
            return
        settings = state.peer.settings
        if settings.runtime != guest.runtime or not settings.threaded:
            raise RefusedError(f"'{name}' is a peer that runs {settings.runtime}; join by another name")
        if state.peer.conversation != guest.conversation:
            raise RefusedError(of_another(name))
        if settings.server != guest.server and not state.sessions:
            await self._fleet.tell(name, r.Configure(apply_settings(settings, pairs.items())))
        await self._fleet.tell(name, r.Start(by))
        await self._fleet.tell(name, r.Wake(WakeMode.NATURAL, by))

    def _is_followed(self, name: str, before: Hindrance | None) -> bool:
        """Whether its session is the thread by now. `before`: what was in the way of an earlier try.

        Raises RoostError where it cannot be.
        """
        state = self._fleet.get(name)
        if state.session is not None and state.session.thread is not None:
            return True
        hindered = state.peer.hindered
        if hindered is not None and hindered != before:
            raise RoostError(f"'{name}' cannot be followed: {hindered.why}")
        return False
