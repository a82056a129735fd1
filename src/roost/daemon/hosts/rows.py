"""What a host tells the others of its peers."""

import msgspec

from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.view import shown
from roost.present.objects import kind_of


class Row(msgspec.Struct, frozen=True):
    """A peer, as its own host shows it; `since` by that host's clock (Unix seconds)."""

    name: str
    state: str
    why: str
    since: float
    runtime: str
    kind: str = "terminal"
    description: str | None = None
    queued: int = 0


def row_of(state: PeerState, now: float) -> Row:
    """What this host tells of one of its peers."""
    settings, view = state.peer.settings, shown(state, now)
    return Row(
        state.peer.name,
        view.state,
        view.why,
        view.since,
        settings.runtime,
        kind_of(state),
        settings.description,
        state.queued,
    )
