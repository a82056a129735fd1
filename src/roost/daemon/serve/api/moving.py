"""What can be asked of moves: a peer sent to another host, called back before it is there."""

from typing import TYPE_CHECKING, Any

from roost.core.vocabulary import move as m
from roost.core.vocabulary.identity import NAME
from roost.daemon.serve.progress import Progress
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.waits import Waits
from roost.errors import RefusedError, UsageError
from roost.host.interfaces.ids import Ids

if TYPE_CHECKING:  # only members of a fleet load what it takes
    from roost.daemon.hosts.hosts import Hosts
    from roost.daemon.hosts.moves import Moves


class Moving:
    """Moves peers of this fleet. `hosts`: None where this host is alone."""

    def __init__(self, fleet: Fleet, waits: Waits, ids: Ids, hosts: "Hosts | None") -> None:
        """Move between these hosts."""
        self._fleet = fleet
        self._waits = waits
        self._ids = ids
        self._hosts = hosts

    async def move(
        self, name: str, host: str, folder: str, by: str, progress: Progress, *, force: bool
    ) -> dict[str, Any]:
        """Send a peer to another host and return once it lives there; until then its session is over.

        `folder`: where it works there, "" for the same path. Raises NotFoundError, RefusedError, UsageError.
        """
        moves = self._check(host, folder)
        move = m.Move(self._ids.new(), host, folder, by)
        with self._waits.peer(name) as changes:
            await self._fleet.tell(name, m.Depart(move, force))
            progress({"name": name, "notes": [f"'{name}' is on its way to {host}"]})
            while (state := self._fleet.find(name)) is not None:
                if state.peer.moving is None or state.peer.moving.id != move.id:
                    raise RefusedError(
                        f"'{name}' stays here: {moves.hindered.get(move.id, 'it was called back')}"
                    )
                await changes.get()
        return {"name": f"{name}@{host}", "host": host, "left": moves.left.get(move.id, [])}

    async def stay(self, name: str, by: str) -> dict[str, Any]:
        """Call a move off. Raises NotFoundError, RefusedError."""
        await self._fleet.tell(name, m.Stay(by))
        return {"name": name, "host": None, "left": []}

    def _check(self, host: str, folder: str) -> "Moves":
        if self._hosts is None or self._hosts.moves is None:
            raise RefusedError("this host is in no fleet; see `roost fleet --help`")
        members = self._hosts.members
        if not NAME.fullmatch(host) or host == members.name:
            raise UsageError(f"'{host}' is not the name of another host; see `roost fleet status`")
        if host not in members.hosts():
            raise members.missing(host)
        if members.silent_since(host) is not None:
            raise RefusedError(f"{host} is not reached now; try again when `roost fleet status` shows it")
        if folder and not folder.startswith("/"):
            raise UsageError(f"the directory '{folder}' is not an absolute path")
        return self._hosts.moves
