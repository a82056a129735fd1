"""The tmux servers of sessions, as `doctor` looks at them: those of another version than the tmux of now."""

from collections.abc import Iterable

from roost.daemon.health.checks.check import again
from roost.daemon.session.live_sessions import LiveSessions
from roost.errors import HostError
from roost.host.interfaces.terminals import Terminals
from roost.present.finding import Code, Finding, note


class TerminalsCheck:
    """Compares each server with what is installed."""

    def __init__(self, terminals: Terminals, live_sessions: LiveSessions) -> None:
        """Look at these sessions."""
        self._terminals = terminals
        self._live_sessions = live_sessions

    async def findings(self) -> Iterable[Finding]:
        """What is found now; of a tmux that is not to be had the other looks tell."""
        try:
            installed = await self._terminals.version()
        except (HostError, OSError):
            return []
        others: dict[str, dict[str, str]] = {}
        for live in self._live_sessions:
            if live.shown_in is not None and live.shown_in.version != installed:
                others.setdefault(live.shown_in.version, {})[live.peer] = again(live.session)
        return [_other(version, fixes, installed) for version, fixes in sorted(others.items())]


def _other(version: str, fixes: dict[str, str], installed: str) -> Finding:
    names, it = sorted(fixes), "it goes" if len(fixes) == 1 else "they go"
    why = f"{', '.join(names)}: tmux {version}, and {installed} is found now; {it} on as before"
    advice = f"nothing has to be done, the next session of each begins with {installed}; at once:"
    fix = " && ".join(fixes[name] for name in names)
    return note(Code.TMUX_OTHER, "tmux of sessions", why, advice=advice, fix=fix)
