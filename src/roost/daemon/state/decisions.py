"""The decisions on what waits in a lane: one event after another, each on the state that the last made."""

import logging
from collections.abc import Sequence

from roost.core.decide import decide
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.policy import Policy
from roost.daemon.state.clock_reading import ClockReading
from roost.daemon.state.defect import DefectError
from roost.daemon.state.lane import Lane, Outcome, Waiting, fail
from roost.daemon.state.watches import Sight
from roost.errors import NotFoundError

_log = logging.getLogger("roost.fleet")


def decide_all(
    name: str, lane: Lane, waiting: Sequence[Waiting], here: ClockReading, policy: Policy, sight: Sight
) -> tuple[PeerState | None, list[tuple[Waiting, Outcome]]]:
    """Decide one event after another; those that cannot be decided have failed already.

    A clock that was moved since the state was stored comes first: nothing may be decided by wrong times.
    `sight`: the watches, of which each decision is told.
    """
    state, moved = lane.state, lane.reading.moved_to(here)
    lane.next_reading = here if moved is not None else None
    if moved is not None:
        waiting = [Waiting(moved, None, {}, (), None), *waiting]
    decided: list[tuple[Waiting, Outcome]] = []
    for item in waiting:
        if state is None:
            fail([item], NotFoundError(f"'{name}' has just been removed"))
            continue
        try:
            after, made = decide(state, item.event, here.wall, policy)
            made = sight.news(state, after, made, here.wall)
        except Exception as defect:  # noqa: BLE001 -- a defect fails its own event, not all of the lane
            _log.error("%s of %s cannot be decided", type(item.event).__name__, name, exc_info=defect)
            fail([item], DefectError())
            continue
        state = after
        decided.append((item, Outcome(state, made)))
    return state, decided
