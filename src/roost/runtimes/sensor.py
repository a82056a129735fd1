"""A sensor: it turns what one session leaves behind into facts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from roost.runtimes.facts import Fact
from roost.runtimes.hook import HookAsks
from roost.runtimes.view import Answer, Reading, View


class Sensor(Protocol):
    """Turns what one session leaves behind into facts. Only `find` does any I/O."""

    since: float
    """Lines of a record that are older (Unix seconds) are not of this session."""

    @property
    def styled(self) -> bool:
        """Whether `on_screen` wants the screen with its escape sequences."""
        ...

    @property
    def records(self) -> bool:
        """Whether its program writes down every prompt: only then does a missing line prove anything."""
        ...

    @property
    def current(self) -> bool:
        """Whether the record that is followed is known to be the one that its process writes now.

        Only then does a prompt that is missing there prove that it was not taken.
        """
        ...

    def find(self, agent_pid: int, mark: str | None) -> Sequence[Fact]:
        """Blocking, in a thread before each look: find the files that no rule names in advance.

        `mark` is a text that has been handed over just now, which no other session's record can hold.
        """
        ...

    def tails(self) -> Sequence[Path]:
        """Files whose appended lines are evidence, as far as they are known now."""
        ...

    def status_path(self, agent_pid: int) -> Path | None:
        """A small file that the agent replaces at every change of its state, if it keeps one."""
        ...

    @property
    def watches_screen(self) -> bool:
        """Whether a turn, too, can only be told with a look at the screen (now); all else always is."""
        ...

    def on_lines(self, lines: Sequence[bytes]) -> list[Fact]:
        """Facts in newly appended lines of a tail."""
        ...

    def on_status(self, content: bytes | None) -> Sequence[Fact]:
        """Facts in the status file as it is now; None: it does not exist."""
        ...

    def on_hook(self, name: str, payload: Mapping[str, Any]) -> HookAsks | None:
        """Keep what the agent's hook `name` sent; it is a poke, and no evidence of any message.

        What is returned is asked by it, and its answer is waited for.
        """
        ...

    def on_screen(self, screen: str, title: str) -> View:
        """A look at the visible screen; also remembered for `reading`."""
        ...

    def reading(self) -> Reading | None:
        """The state for which there is positive evidence now; None when there is none."""
        ...

    def boot_answer(self, screen: str) -> Answer | None:
        """The next key for a start-up dialog that this runtime knows and may answer; None otherwise."""
        ...
