"""Any terminal program, described in the configuration file by `[runtimes.NAME]`."""

import glob
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.policy import Traits
from roost.core.vocabulary.session import SessionState
from roost.errors import RuntimeMissingError
from roost.local.config import RuntimeTable
from roost.runtimes.context import Context
from roost.runtimes.environ import refuse_closed
from roost.runtimes.facts import Fact, Prompted, TurnOver
from roost.runtimes.lines import changed_since
from roost.runtimes.runtime import Claim, Controls, LaunchPlan
from roost.runtimes.view import Answer, Composer, Reading, View

_ESCAPED = re.compile(r"\[([*?[])\]")
_LINE_END = re.compile(r"(?m)(?<=\S)$")


def fill(template: str, context: Context, written: Callable[[str], str] = str) -> str:
    """The template with {conversation}, {dir}, {peer} and {session} replaced; other braces stay.

    `written`: how such a value is written there.
    """
    session = context.session
    values = {
        "conversation": session.conversation or session.id,
        "dir": context.settings.dir,
        "peer": session.peer,
        "session": session.id,
    }
    return re.sub(r"\{(conversation|dir|peer|session)\}", lambda match: written(values[match[1]]), template)


def accept_log(spec: RuntimeTable, context: Context) -> Path | None:
    """Blocking: the accept log of a session; None where it is not there yet.

    `~` is the agent's home; of several files that match a pattern, the one that was written last counts. A
    star in a folder's own name is none of the pattern.
    """
    if spec.accept_log is None:
        return None
    if "*" not in spec.accept_log:
        path = Path(_at_home(fill(spec.accept_log, context), context.environ.get("HOME", "")))
        return path if path.exists() else None
    home = glob.escape(context.environ.get("HOME", ""))
    parts = Path(_at_home(fill(spec.accept_log, context, glob.escape), home)).parts
    at = next(index for index, part in enumerate(parts) if "*" in _ESCAPED.sub("", part))
    folder = Path(*(_ESCAPED.sub(r"\1", part) for part in parts[:at]))
    return next(iter(changed_since(folder.glob("/".join(parts[at:])), 0.0)), None)


def _at_home(path: str, home: str) -> str:
    return re.sub(r"^~(?=/)", lambda _: home, path)


def _behind(ready: str, screen: str) -> str:
    """What stands on the line behind the last prompt."""
    *_, last = re.finditer(ready, screen) if re.search(ready, screen) else [None]
    return screen[last.end() :].partition("\n")[0].strip() if last is not None else ""


class CommandSensor:
    """State from the screen; evidence from the accept log, where the program keeps one."""

    watches_screen = True
    styled = False
    current = True

    def __init__(self, spec: RuntimeTable, context: Context) -> None:
        """Watch the session of this context by the patterns of the specification."""
        self.records = spec.accept_log is not None
        self._spec = spec
        self._context = context
        self.since = context.session.started_at
        self._reading: Reading | None = None
        self._turn_done = re.compile(spec.turn_done) if spec.turn_done else None
        self._log: Path | None = None

    def find(self, agent_pid: int, mark: str | None) -> Sequence[Fact]:
        """Look for the accept log until it is there."""
        del agent_pid, mark
        self._log = self._log or accept_log(self._spec, self._context)
        return ()

    def tails(self) -> Sequence[Path]:
        """The accept log."""
        return (self._log,) if self._log is not None else ()

    def status_path(self, agent_pid: int) -> Path | None:
        """None: such a program keeps no status file that we know of."""
        del agent_pid

    def on_lines(self, lines: Sequence[bytes]) -> list[Fact]:
        """A line with a message's header is a prompt; one that matches `turn_done` ends the turn."""
        facts: list[Fact] = []
        for line in lines:
            text = line.decode("utf-8", "replace")
            if "[roost message " in text:
                facts.append(Prompted(text, "its accept log"))
            elif self._turn_done is not None and self._turn_done.search(text):
                facts.append(TurnOver("its accept log"))
        return facts

    def on_hook(self, name: str, payload: Mapping[str, Any]) -> None:
        """Such a program has no hooks that we know of."""
        del name, payload

    def on_status(self, content: bytes | None) -> Sequence[Fact]:
        """There is no status file."""
        del content
        return ()

    def on_screen(self, screen: str, title: str) -> View:
        """Judge by the patterns: blocked, then busy, then ready."""
        del title
        spec = self._spec
        blocked = re.search(spec.blocked, screen) if spec.blocked else None
        busy = bool(spec.busy and re.search(spec.busy, screen))
        # tmux 3.3a: a captured screen ends its lines at the last character, so a prompt loses its last space.
        ready = re.search(spec.ready, screen) or re.search(spec.ready, _LINE_END.sub(" ", screen))
        dialog = None
        if blocked is not None:
            dialog = screen[screen.rfind("\n", 0, blocked.start()) + 1 :].split("\n", 1)[0].strip()
            self._reading = Reading(SessionState.BLOCKED, f"a dialog is open: {dialog}")
        elif busy:
            self._reading = Reading(SessionState.WORKING, "its busy line is on the screen")
        elif ready:
            self._reading = Reading(SessionState.IDLE, "at its prompt")
        else:
            self._reading = None
        if ready:
            return View(Composer.EMPTY, dialog, busy, draft=_behind(spec.ready, screen))
        return View(Composer.FILLED, dialog, busy)

    def reading(self) -> Reading | None:
        """What the screen showed last."""
        return self._reading

    def boot_answer(self, screen: str) -> Answer | None:
        """Dialogs of unknown programs are left to people."""
        del screen
        return None


class CommandRuntime:
    """A runtime from the configuration file, or a ready-made one."""

    def __init__(self, spec: RuntimeTable, install: str | None = None) -> None:
        """Run the program of this specification; `install` is the command that installs it, if known."""
        self._spec = spec
        table = f"install it or correct argv in [runtimes.{spec.name}]"
        self._cure = f"`{install}` installs it" if install else table
        self.name = spec.name
        self.passes = spec.passes
        self.traits = Traits(resumable=spec.resume_argv is not None, compacts=spec.compact is not None)
        self.controls = Controls(
            tuple(spec.interrupt.split()),
            compact=spec.compact,
            tells=False,
            shows=False,
            empty=spec.ready_is_empty,
            longest=spec.longest_paste,
            exact=spec.accept_log is not None and spec.turn_done is not None,
        )
        self.submit_delay = spec.submit_delay

    def locate(self, path: str | None) -> str:
        """The program's absolute path."""
        program = self._spec.argv[0]
        wanted = os.path.expanduser(program)  # noqa: PTH111 -- a template, not a path yet
        found = shutil.which(wanted, path=path)
        if found is None:
            refuse_closed(wanted, path)
            raise RuntimeMissingError(
                f"the program '{program}' of runtime '{self.name}' was not found; {self._cure}"
            )
        return found

    def check(self, settings: Settings) -> None:
        """Whatever the program takes."""
        del settings

    def plan(self, context: Context) -> LaunchPlan:
        """Fill the templates."""
        spec = self._spec
        template = spec.resume_argv if context.session.resumed and spec.resume_argv else spec.argv
        argv = tuple(fill(part, context) for part in template)
        return LaunchPlan(
            (*argv, *context.settings.args),
            {name: fill(value, context) for name, value in spec.env.items()},
        )

    def sensor(self, context: Context) -> CommandSensor:
        """The sensor of one session."""
        return CommandSensor(self._spec, context)

    def call(self, context: Context) -> None:
        """None: it is told by its terminal."""
        del context

    def claims(self, context: Context) -> Sequence[Claim]:
        """None: nothing tells who has its conversations open."""
        del context
        return ()

    def transcript(self, context: Context) -> Path | None:
        """The accept log, if it exists."""
        return accept_log(self._spec, context)

    def transcripts(self, context: Context) -> Sequence[Path]:
        """The accept log."""
        path = self.transcript(context)
        return () if path is None else (path,)

    def written(self, context: Context, since: float) -> Sequence[Path]:
        """The accept log, whenever it was written: it is the only record that is known of."""
        del since
        return self.transcripts(context)

    def said(self, context: Context, *, whole: bool) -> None:
        """None: how its record is to be read is not known, if there is one."""
        del context, whole

    def given(self, line: bytes) -> bool:
        """Its log tells of prompts alone."""
        del line
        return False

    def conversation_of(self, record: Path) -> str | None:
        """Its record does not tell."""
        del record
