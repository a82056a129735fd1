"""The name that a session takes as it joins: nobody gets one by saying it."""

import re
from pathlib import PurePath

from roost.core.vocabulary.identity import RESERVED
from roost.core.vocabulary.peer import PeerState, WakePolicy
from roost.daemon.session.joins import Guest
from roost.daemon.state.fleet import Fleet
from roost.errors import RefusedError

_LONGEST = 24
"""Letters of a name that is made from a folder's."""


class GuestNames:
    """Names that conversations have had, and new ones."""

    def __init__(self, fleet: Fleet) -> None:
        """Know the peers of this fleet."""
        self._fleet = fleet

    def of(self, guest: Guest, wanted: str) -> str:
        """The name that the conversation had, the one that it wants, or one made from its folder's."""
        had = self._had(guest)
        if had is not None and wanted not in ("", had.peer.name):
            known = had.peer.name
            raise RefusedError(
                f"this conversation is '{known}'; `roost join` without a name takes that,"
                f" `roost rename {known} {wanted}` from a terminal of yours gives it the other one"
            )
        if wanted or had is not None:
            return wanted or (had.peer.name if had is not None else "")
        return self._free(PurePath(guest.dir).name)

    def _had(self, guest: Guest) -> PeerState | None:
        """The peer whose conversation this is."""
        return next(
            (
                state
                for state in self._fleet.states()
                if state.peer.conversation == guest.conversation
                and state.peer.settings.runtime == guest.runtime
                and (state.peer.settings.wake is WakePolicy.NEVER or state.peer.settings.threaded)
            ),
            None,
        )

    def _free(self, folder: str) -> str:
        """A name like the folder's that nobody has."""
        stem = (
            re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-0123456789")[:_LONGEST].rstrip("-") or "guest"
        )
        taken = {*self._fleet.names(), *RESERVED}
        names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
        return next(name for name in names if name not in taken)
