"""What roost is to read from each recorded view (views.toml), and the table of it in the documentation."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from roost.runtimes.claude_views import TRUST
from roost.runtimes.codex_views import FOLDER, RESUME
from tests.support.views.recording import SCREENS, Recording, folder_of, read

PAGE = Path(__file__).parents[3] / "docs/how-to/claude-and-codex.md"
PROGRAMS = {"claude": "Claude Code", "codex": "Codex"}
_BEGIN, _END = "<!-- views: written by `scripts/views table` -->", "<!-- end of views -->"
_KEYS = {"Escape": "Esc", "BTab": "Shift+Tab", "Enter": "Enter", "Left": "arrow left", "Right": "arrow right"}
_KEYS |= {"Up": "arrow up", "Down": "arrow down", "Tab": "Tab", "BSpace": "Backspace"}
_ANSWERED = (FOLDER, RESUME, "Detected a custom API key in your environment")
_ASKED = (
    (r"=@@delay", "in a turn"),
    (r"=@@bash", "a shell command asks"),
    (r"=@@tool (?:Write|apply_patch)", "an edit asks"),
    (r"=@@tool WebFetch", "a page asks"),
    (r"=@@tool mcp__", "a tool of another MCP server asks"),
    (r"=@@tool (?:AskUserQuestion|request_user_input)", "the agent asks a question"),
    (r"=@@tool ExitPlanMode", "a plan is ready"),
    (r"=@@tool (?:Bash|exec_command)", "with a command in the background"),
    (r"=@@tool Agent", "with a helper at work"),
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What roost reads from one view."""

    composer: str
    dialog: str | None = None
    shows: str = ""
    leave: str | None = None
    busy: bool = False


def expectations(program: str) -> dict[str, Expected]:
    """The table views.toml of a program."""
    known = tomllib.loads((SCREENS / program / "views.toml").read_text())
    return {name: Expected(**fields) for name, fields in known.items()}


def recordings(program: str) -> dict[str, Recording]:
    """All recordings of a program, by view."""
    return {path.stem: read(path) for path in sorted(folder_of(program).glob("*.txt"))}


def keep_commands(program: str, did: Mapping[str, str]) -> None:
    """Keep what each slash command of the program's own list did."""
    lines = [f'"{name}" = "{what}"' for name, what in sorted(did.items())]
    (SCREENS / program / "commands.toml").write_text("\n".join(lines) + "\n")


def commands(program: str) -> dict[str, str]:
    """What each slash command did: `view`, `prompt` (it prints, or begins a turn) or `end`."""
    return tomllib.loads((SCREENS / program / "commands.toml").read_text())


def state(expected: Expected) -> str:
    """The state that roost shows, with its reason."""
    if expected.dialog is not None:
        return f"blocked: a dialog is open: {expected.dialog}"
    if expected.composer == "elsewhere":
        return f"blocked: another view is open in its terminal: {expected.shows}"
    if expected.composer == "hidden":
        return f"unknown: no prompt is on its screen; it shows: {expected.shows}"
    return "working: in a turn" if expected.busy else "idle: at its prompt"


def does(expected: Expected) -> str:
    """What roost does about it."""
    if expected.dialog in _ANSWERED or (expected.dialog or "").startswith(TRUST):
        return "answers, or waits for you: see above"
    if expected.leave is not None:
        return f"presses {_KEYS.get(expected.leave, expected.leave)} when nobody is attached"
    return "types nothing until it is cleared or sent" if expected.composer == "filled" else "waits for you"


def page() -> str:
    """The documentation with its tables written anew."""
    text = PAGE.read_text()
    before, rest = text.split(_BEGIN)
    after = rest.split(_END)[1]
    parts = [f"### {title}\n\n{_table(name)}\n\n{_rest(name)}" for name, title in PROGRAMS.items()]
    return "\n\n".join([f"{before}{_BEGIN}", *parts, f"{_END}{after}"])


def update() -> None:
    """Write the tables into the documentation."""
    PAGE.write_text(page())


def _table(program: str) -> str:
    """The views that are no prompt, those that read alike in one row."""
    expected, recorded = expectations(program), recordings(program)
    rows: dict[tuple[str, str], list[str]] = {}
    for name, each in expected.items():
        if each.composer in ("empty", "filled") or recorded[name].size != "160x50":
            continue
        how = _how(recorded[name])
        told = rows.setdefault((state(each), does(each)), [])
        if how not in told:
            told.append(how)
    lines = ["| opened by | roost shows | roost |", "|---|---|---|"]
    for (shown, done), told in sorted(rows.items()):
        safe = shown.replace("|", "/")
        lines.append(f"| {'; '.join(told)} | `{safe}` | {done} |")
    return "\n".join(lines)


def _rest(program: str) -> str:
    """The slash commands that leave the prompt where it is."""
    did = commands(program)
    prompt = ", ".join(f"`{name}`" for name, what in did.items() if what == "prompt")
    ended = ", ".join(f"`{name}`" for name, what in did.items() if what == "end")
    return f"Only print, or begin a turn: {prompt}.\n\nEnd the program or move the session away: {ended}."


def _how(recording: Recording) -> str:
    """How a view is opened, in words."""
    if recording.view.startswith("start-"):
        return "at its start"
    told: list[str] = []
    for step in recording.keys.replace(" =", "\0=").replace(" ^", "\0^").split("\0"):
        asked = next((words for pattern, words in _ASKED if re.match(pattern, step)), None)
        if asked is not None:
            told.append(asked)
            tail = step.rpartition("@@")[2].split()
        elif step.startswith(("=", "^")):
            text, tail = _typed(step[1:])
            told.append(text)
        else:
            tail = step.split()
        told += [word for key in tail if (word := _key(key))]
    return ", ".join(told)


def _typed(step: str) -> tuple[str, list[str]]:
    """What was typed, and the keys behind it: those begin with a capital or a sign."""
    words = step.split()
    end = next((index for index, word in enumerate(words) if index and not word.islower()), len(words))
    return f"`{' '.join(words[:end])}`" if words else "Space", words[end:]


def _key(key: str) -> str:
    """A key by the name that people use; nothing for what only waits or enters."""
    if key[:1] in "~?<" or key == "Enter":
        return ""
    if match := re.fullmatch(r"([CM])-(.)", key):
        return f"{'Ctrl' if match[1] == 'C' else 'Alt'}+{match[2].upper()}"
    return _KEYS.get(key, key)
