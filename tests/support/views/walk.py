"""Opens one view after the other, records each, and finds out which key leaves it."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from subprocess import CalledProcessError

from roost.runtimes import claude_screen, codex_screen
from roost.runtimes.screen import plain
from roost.runtimes.view import Composer, View
from tests.support.views.recording import Left, Recording
from tests.support.views.stage import Shot, Stage, pause
from tests.support.views.visit import Visit, Wish

_PATIENCE = 12.0
_LISTED = re.compile(r"^ {0,4}[❯›]? {0,4}(/[a-z][a-z0-9:-]*) {2,}", re.MULTILINE)
_KNOWN_ROWS = 6
_PROMPTS = (Composer.EMPTY, Composer.FILLED)


def judge(program: str, screen: str, title: str) -> View:
    """What roost reads from a screen."""
    if program == "claude":
        return claude_screen.look_at(screen).view
    return codex_screen.look_at(screen, title).view


class Walk:
    """One walk through a program's views; recordings go into `folder`."""

    def __init__(self, program: str, folder: Path) -> None:
        """Nothing is started yet."""
        self._program, self._folder = program, folder
        self._stage: Stage | None = None
        self._home_again = False

    def starts(self, visits: Iterable[Visit]) -> None:
        """Record what the program shows at its start, each time in a home of its own."""
        for visit in visits:
            with Stage(self._program, visit.wish) as stage:
                pause(0.0 if visit.at_once else 2.0)
                self._attempt(stage, visit)

    def visits(self, visits: Iterable[Visit]) -> None:
        """Record views that are opened from the prompt."""
        for visit in visits:
            stage = self._at_prompt(visit.wish, fresh=visit.fresh)
            self._home_again = self._attempt(stage, visit)
        self.finish()

    def commands(self, wanted: Callable[[str], bool]) -> dict[str, str]:
        """Run the slash commands of the program's own list; what each did: view, prompt or end."""
        names = self._list(self._at_prompt(Wish(), fresh=True))
        did: dict[str, str] = {}
        for name in names:
            view = f"slash-{name[1:].replace(':', '-')}"
            if not wanted(view):
                continue
            stage = self._at_prompt(Wish(), fresh=False)
            visit = Visit(view, (f"={name}", "~0.4", "Enter", "~0.8"), ("Escape", "Escape"))
            self._home_again = self._attempt(stage, visit, keep_prompt=False)
            path = self._folder / f"{visit.view}.txt"
            if not stage.alive:
                path.unlink(missing_ok=True)
                did[name] = "end"
            else:
                did[name] = "view" if path.exists() else "prompt"
        self.finish()
        return did

    def finish(self) -> None:
        """End the program."""
        if self._stage is not None:
            self._stage.__exit__()
            self._stage = None

    def _at_prompt(self, wish: Wish, *, fresh: bool) -> Stage:
        """The program at its prompt, behind one turn: the running one where it is fit, else a new one."""
        stage = self._stage
        if stage is None or fresh or not self._home_again or wish != stage.wish or not stage.alive:
            self.finish()
            stage = self._stage = Stage(self._program, wish)
            stage.__enter__()
            _settle(stage)
            stage.type("hello there")
            stage.keys("Enter")
            pause(1.0)
            _settle(stage)
        self._home_again = False
        return stage

    def _attempt(self, stage: Stage, visit: Visit, *, keep_prompt: bool = True) -> bool:
        try:
            return self._go(stage, visit, keep_prompt=keep_prompt)
        except CalledProcessError:
            _say(f"{visit.view:32} the program ended")
            return False

    def _go(self, stage: Stage, visit: Visit, *, keep_prompt: bool) -> bool:
        """Open a view, record it, leave it; whether the program is at its empty prompt again."""
        before = stage.shot()
        _do(stage, visit.steps)
        shot = stage.shot() if visit.at_once else stage.still()
        view = judge(self._program, shot.screen, shot.title)
        at_prompt = view.composer is Composer.EMPTY and not view.busy
        path = self._folder / f"{visit.view}.txt"
        path.unlink(missing_ok=True)
        if view.composer in _PROMPTS and not keep_prompt:
            return at_prompt
        left: list[Left] = []
        for key in () if at_prompt else visit.leave:
            if not stage.alive:
                break
            stage.keys(key)
            after = stage.still()
            now = judge(self._program, after.screen, after.title)
            left.append(Left(key, f"{now.composer}{' busy' if now.busy else ''}", _added(before, after)))
            at_prompt = now.composer is Composer.EMPTY
            if at_prompt:
                break
        steps = " ".join(visit.steps)
        version = stage.cli.version
        Recording(
            visit.view, version, steps, shot.size, shot.cursor, shot.title, tuple(left), shot.screen
        ).write(self._folder)
        _say(f"{visit.view:32} {view.composer:9} {view.dialog or view.shows:.50}")
        return at_prompt and not view.busy

    def _list(self, stage: Stage) -> list[str]:
        """The slash commands that the program's own list shows, from the top to where nothing is new."""
        stage.type("/")
        found: list[str] = []
        stalled = 0
        while stalled < 2 * _KNOWN_ROWS:
            new = [name for name in _LISTED.findall(plain(stage.shot().screen)) if name not in found]
            found += new
            stalled = 0 if new else stalled + 1
            stage.keys("Down")
        stage.keys("Escape", "BSpace")
        return found


def _do(stage: Stage, steps: Sequence[str]) -> None:
    for step in steps:
        kind, text = step[:1], step[1:]
        if kind == "=" and text:
            stage.type(text)
        elif kind == "^" and text:
            stage.paste(text.replace("\\n", "\n"))
        elif kind == "~" and text:
            pause(float(text))
        elif kind == "<" and text:
            stage.resize(*text.split("x"))
        elif kind == "?" and text:
            _until(stage, text)
        else:
            stage.keys(step)


def _until(stage: Stage, pattern: str) -> None:
    """Wait until a regex is on the screen, for a while."""
    deadline = time.monotonic() + _PATIENCE
    while not re.search(pattern, plain(stage.shot().screen)) and time.monotonic() < deadline:
        pause(0.1)


def _settle(stage: Stage) -> None:
    """Wait for the empty prompt of a program that rests, for a while."""
    deadline = time.monotonic() + _PATIENCE
    while stage.alive and time.monotonic() < deadline:
        shot = stage.still(2.0)
        view = judge(stage.program, shot.screen, shot.title)
        if view.composer is Composer.EMPTY and not view.busy:
            return


def _added(before: Shot, after: Shot) -> str:
    """The first rows that were not there before, cut short."""
    known = plain(before.screen).splitlines()
    rows = [row for row in plain(after.screen).splitlines() if row.strip() and row not in known]
    return " | ".join(" ".join(row.split())[:60] for row in rows[:_KNOWN_ROWS])


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 -- a walk takes minutes; this tells how far it is
