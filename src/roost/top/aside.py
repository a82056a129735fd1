"""The terminal given away and taken back: to a terminal that is joined, to the shell, to whoever ends it."""

import asyncio
import contextlib
import signal
from collections.abc import Generator, Sequence
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from roost.cli.output import warn

READING = 3.0
"""Seconds for which the reason stands why a terminal could not be joined."""


class Aside(App[None]):
    """A view that another program may take the place of for a while."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupted", show=False, priority=True),
        Binding("ctrl+z", "step_aside", show=False, priority=True),
    ]
    away = False
    """Whether another has the terminal, so that nothing may be drawn."""
    _joined: asyncio.subprocess.Process | None = None

    @property
    def shown(self) -> bool:
        """Whether there is a screen to draw on: no other has the terminal, and its person is not leaving."""
        return not self.away and bool(self.screen_stack)

    def draw(self) -> None:
        """Bring all up to date."""
        raise NotImplementedError

    @contextlib.contextmanager
    def _apart(self) -> Generator[None]:
        """The terminal as it was."""
        self.away = True
        try:
            with self.suspend():
                yield
        finally:
            self.away = False
            self._joined = None
        self.draw()
        self.refresh(layout=True)

    async def join(self, command: Sequence[str]) -> None:
        """Run a program in this terminal until it ends. What is followed is heard meanwhile."""
        with self._apart():
            self._joined = await asyncio.create_subprocess_exec(*command)
            if await self._joined.wait() and not self._exit:  # what it said is to be read
                warn("the reason stands above; back in a moment")
                await asyncio.sleep(READING)

    def end(self, number: signal.Signals) -> None:
        """A signal has come: end, and a program that is joined before. Ctrl-C there is for that program."""
        if self._joined is not None:
            if number == signal.SIGINT:
                return
            with contextlib.suppress(ProcessLookupError):
                self._joined.terminate()
        self.exit(return_code=128 + number)

    def action_interrupted(self) -> None:
        """Ctrl-C."""
        self.end(signal.SIGINT)

    def action_step_aside(self) -> None:
        """Ctrl-Z: the shell is back, and `fg` shows this again."""
        with self._apart():
            signal.raise_signal(signal.SIGSTOP)
