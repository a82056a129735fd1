"""Takes sessions into the registry that it does not know, as a person asks: by what their folders tell."""

from msgspec import Struct
from msgspec.structs import replace

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.peer import Peer
from roost.core.vocabulary.session import Session
from roost.daemon.registry.orphan import Orphan, chosen, session_of
from roost.daemon.registry.orphans import Orphans
from roost.daemon.registry.recovery import Recovery
from roost.daemon.session.origin import Origin, read_origin
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.lineage import Lineage
from roost.daemon.state.machine import Machine
from roost.errors import HostError, RefusedError
from roost.host.shim_spec import Started
from roost.store.interfaces import Token


class Registry(Struct, frozen=True):
    """What a person can decide about when the registry and the machine do not agree."""

    orphans: Orphans
    adoption: "Adoption"
    lineage: Lineage


class Adoption:
    """Gives unknown sessions to their peers, and makes peers that are not there any more again."""

    def __init__(self, machine: Machine, fleet: Fleet, orphans: Orphans, recovery: Recovery) -> None:
        """Adopt into this fleet."""
        self._machine = machine
        self._fleet = fleet
        self._orphans = orphans
        self._recovery = recovery

    async def adopt(self, ident: str, by: str) -> str:
        """Take one session in, by its id or a prefix of it; returns the name of its peer.

        Raises RoostError with the reason where that cannot be done.
        """
        found = [orphan for orphan in await self._orphans.find() if not orphan.closed]
        return await self._adopt(chosen(found, ident), by)

    async def adopt_store(self) -> None:
        """What other hosts had of this store is gone, as a person says: look again. Raises nothing."""
        await self._recovery.again()

    async def adopt_all(self, by: str) -> list[tuple[str, str | None]]:
        """Take in every one that can be; for each session its peer's name, or None, with the reason."""
        done: list[tuple[str, str | None]] = []
        for orphan in await self._orphans.find():
            if orphan.closed:
                continue
            try:
                done.append((await self._adopt(orphan, by), None))
            except (HostError, RefusedError) as error:
                done.append((orphan.marker.session, error.message))
        return done

    async def _adopt(self, orphan: Orphan, by: str) -> str:
        origin, session = await self._machine.work.files.run(self._read, orphan)
        name = session.peer
        if self._fleet.find(name) is None:
            await self._fleet.add(self._peer(origin))
        # One that is refused, as its peer has another session, must not speak for it.
        token = Token(origin.token, session.id, name)
        tokens = (token,) if self._fleet.get(name).session is None else ()
        await self._fleet.tell(name, f.Claimed(session, by), tokens=tokens)
        known = session.processes
        assert known is not None  # noqa: S101 -- _read refuses a session without
        await self._orphans.prepare()
        state = self._fleet.get(name)
        now = state.find_session(session.id)
        if now is not None:
            await self._recovery.establish(now, Started(known.agent, known.shim, known.server, None))
        return name

    def _read(self, orphan: Orphan) -> tuple[Origin, Session]:
        """Blocking: what the session's folder tells of it. Raises HostError, RefusedError."""
        marker = orphan.marker
        try:
            origin = read_origin(self._machine.places.session(marker.session))
        except HostError as error:
            raise HostError(
                f"session {marker.session[:8]} cannot be adopted: {error.message}; put its folder back, or"
                f" end it with `roost gc --end {marker.session[:8]}`"
            ) from error
        processes = session_of(self._machine, orphan).processes
        if processes is None or origin.session.nonce != marker.nonce:
            raise RefusedError(
                f"session {marker.session[:8]} cannot be adopted: not all of it runs any more; end what is"
                f" left with `roost gc --end {marker.session[:8]}`"
            )
        return origin, replace(origin.session, processes=processes)

    def _peer(self, origin: Origin) -> Peer:
        """The peer as it was, with a secret of its own: the one that it had is lost with its row."""
        session, now = origin.session, self._machine.clock.now()
        return Peer(
            name=session.peer,
            seed=self._machine.ids.token(),
            settings=origin.settings,
            created_at=now,
            since=now,
            generation=session.generation - 1,
            conversation=session.conversation,
        )
