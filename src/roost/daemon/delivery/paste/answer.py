"""Answers a dialog in a terminal: by a hook that waits for it, or by a key of the dialog itself.

The key is pressed once, and only where a look just before shows the very dialog that was answered.
"""

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.question import Question, Source
from roost.daemon.session.driver import Driver
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.session.window import view_of
from roost.host.interfaces.clock import Clock

LOOK = 0.05
"""Seconds between two looks for what a key has done."""
TAKES = 5.0
"""Seconds for a dialog to go away after its key."""


class DialogAnswer:
    """The answer to one question of one live session."""

    def __init__(self, live: LiveSession, driver: Driver, clock: Clock, question: Question) -> None:
        """Answer this question of this session."""
        self._live = live
        self._driver = driver
        self._clock = clock
        self._question = question

    async def give(self) -> f.AnswerGiven:
        """Give it, if its program still waits for it. Raises TmuxError."""
        if self._question.asking.source is Source.HOOK:
            return self._hooked()
        return await self._pressed()

    def _hooked(self) -> f.AnswerGiven:
        question = self._question
        if self._live.hooks.answer(question.asking.request, question.option or "", question.text):
            return self._over()
        return self._over(f"its program does not wait for it any more; {self._join()}")

    async def _pressed(self) -> f.AnswerGiven:
        asking = self._question.asking
        async with self._live.typing:
            await self._driver.look(screen=True)
            view, frame = view_of(self._live), self._live.frame
            key = view.keys.get(self._question.option or "")
            if view.asking != asking or key is None:
                return self._over(f"another dialog, or none, is on its screen now; {self._join()}")
            if frame is not None and frame.mode:
                return self._over(f"tmux's {frame.mode} is open in its terminal and would get the key")
            await self._live.terminal.keys(key)
        deadline = self._clock.monotonic() + TAKES
        while self._clock.monotonic() < deadline:
            await self._driver.look(screen=True)
            if view_of(self._live).asking != asking:
                return self._over()
            await self._clock.sleep(LOOK)
        return self._over(f"its key was pressed, and its dialog still stands; {self._join()}", doubt=True)

    def _over(self, failed: str | None = None, *, doubt: bool = False) -> f.AnswerGiven:
        return f.AnswerGiven(self._live.session.id, self._question.id, self._question.at, failed, doubt=doubt)

    def _join(self) -> str:
        return f"`roost attach {self._live.peer}` joins its terminal"
