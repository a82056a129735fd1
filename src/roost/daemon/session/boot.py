"""The boot of a session: known start-up dialogs are answered, unknown screens are shown to people."""

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.session import SessionState
from roost.daemon.session.known_session import KnownSession
from roost.daemon.session.live_sessions import LiveSession
from roost.host.interfaces.clock import Clock
from roost.runtimes.view import Answer

STATIC = 4.0
"""Seconds that an unknown start-up screen stands still until a person is asked to look."""
BLANK = 300.0
"""Seconds without any prompt or text until a boot has failed."""
STEADY = 0.2
"""Seconds that a start-up dialog stands still before its first key.

Claude Code 2.1.328 ignores an Enter within 0.05 s of it, Codex 0.169.0 lost one Escape in ten at first sight.
"""
KEY_AGAIN = 1.5
"""Seconds without any change of the screen after which the key counts as lost."""


class Boot:
    """Brings one session to its first prompt."""

    def __init__(self, live: LiveSession, known: KnownSession, clock: Clock) -> None:
        """It begins now."""
        self._live = live
        self._known = known
        self._clock = clock
        self._seen_at = clock.monotonic()
        self._began_at = clock.monotonic()
        self._screen: str = ""
        self._answered_at: float | None = None

    def stands(self) -> bool:
        """Whether the start-up waits for a person: its screen stands and no key was pressed for it."""
        return self._answered_at is None and self._clock.monotonic() - self._seen_at >= STATIC

    async def go_on(self) -> bool:
        """Answer known start-up dialogs; show unknown screens to people. False when the boot has failed."""
        live, now = self._live, self._clock.monotonic()
        session = self._known.session()
        if session is None or live.sensor.reading() is not None:
            return True
        if live.screen != self._screen:
            self._screen, self._seen_at, self._answered_at = live.screen, now, None
        answer = live.sensor.boot_answer(live.screen)
        if answer is not None:
            await self._answer(answer, now)
            return True
        shown = [line.strip() for line in live.screen.splitlines() if line.strip()]
        if shown and now - self._seen_at >= STATIC:
            why = f"its start-up shows: {shown[-1][:160]}"
            if (session.state, session.why) != (SessionState.BLOCKED, why):
                await self._known.tell(f.Observed(live.session.id, SessionState.BLOCKED, why))
        elif not shown and now - self._began_at >= BLANK:
            why = f"nothing on its screen for {rough_duration(BLANK)}"
            await self._known.tell(f.BootFailed(live.session.id, why))
            return False
        return True

    async def _answer(self, answer: Answer, now: float) -> None:
        """Press the next key for a start-up dialog once its screen stands; again only if nothing changes."""
        since = self._answered_at
        if now - self._seen_at < STEADY or (since is not None and now - since < KEY_AGAIN):
            return
        terminal, sensor = self._live.terminal, self._live.sensor
        fresh = await terminal.capture()
        if answer.expect in fresh and sensor.boot_answer(fresh) == answer:
            self._answered_at = now
            await terminal.keys(answer.key)
