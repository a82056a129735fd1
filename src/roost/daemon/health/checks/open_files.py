"""The limit of open files, as `doctor` looks at it: for how many sessions it is enough."""

from collections.abc import Iterable

from roost.core.vocabulary.identity import HUMAN
from roost.daemon.health.checks.check import REPLACE
from roost.daemon.session.failures import room
from roost.daemon.state.fleet import Fleet
from roost.present.finding import Code, Finding, good, note


class OpenFilesCheck:
    """Compares the limit with what the peers need."""

    def __init__(self, fleet: Fleet) -> None:
        """Look at this fleet."""
        self._fleet = fleet

    async def findings(self) -> Iterable[Finding]:
        """What is found now."""
        states = self._fleet.states()
        limit, fits = room(sum(len(state.sessions) for state in states))
        wanted = sum(state.peer.settings.runtime != HUMAN for state in states)
        if fits is None:
            return [good("open files", "there is no limit")]
        text = f"limit {limit}, which is enough for some {fits} sessions"
        if fits >= wanted:
            return [good("open files", text)]
        advice = "raise it (`ulimit -Hn`, LimitNOFILE= of a service); where it is higher:"
        why = f"{text}; there are {wanted} peers"
        return [note(Code.OPEN_FILES, "open files", why, advice=advice, fix=REPLACE)]
