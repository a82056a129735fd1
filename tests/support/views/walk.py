"""Opens views one after the other, records each, and finds out which one key leaves it."""

import os
import re
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from roost.runtimes import claude_screen, codex_screen
from roost.runtimes.base import Composer, View
from roost.runtimes.screen import plain
from tests.support.views.stage import Shot, Stage, Wish

LOOKS = {"claude": lambda shot: claude_screen.look_at(shot.screen).view,
         "codex": lambda shot: codex_screen.look_at(shot.screen, shot.title).view}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visit:
    """How one view is opened: keys by tmux's names, texts with a `=` before them, sizes, pauses (`~seconds`)."""

    name: str
    keys: tuple[str, ...]
    leave: tuple[str, ...] = ("Escape",)
    wish: Wish | None = None
    fresh: bool = False


def press(stage: Stage, keys: Sequence[str]) -> None:
    """Do what a visit says."""
    for key in keys:
        match key[:1], key[1:]:
            case "=", text if text:
                stage.type(text)
            case "~", seconds if seconds:
                time.sleep(float(seconds))
            case "<", size if size:
                width, height = size.split("x")
                stage.resize(int(width), int(height))
            case "^", text if text:
                stage.paste(text.replace("\\n", "\n"))
            case "?", pattern if pattern:
                until(stage, pattern)
            case _:
                stage.keys(key)


def until(stage: Stage, pattern: str, patience: float = 15.0) -> None:
    """Wait until a regex is on the screen, at most `patience` seconds."""
    deadline = time.monotonic() + patience
    while not re.search(pattern, plain(stage.shot().screen)) and time.monotonic() < deadline:
        time.sleep(0.1)


def record(folder: Path, visit: Visit, shot: Shot, notes: Sequence[str], version: str) -> None:
    """Write one recording: a header, a line `---`, the screen with its escape sequences."""
    folder.mkdir(parents=True, exist_ok=True)
    header = [
        f"view: {visit.name}",
        f"version: {version}",
        f"keys: {' '.join(visit.keys)}",
        f"size: {shot.width}x{shot.height}",
        f"cursor: {shot.cursor}",
        f"title: {shot.title}",
        *notes,
        "---",
    ]
    (folder / f"{visit.name}.txt").write_text("\n".join(header) + "\n" + shot.screen)


def ready(stage: Stage) -> bool:
    return view_of(stage).composer is Composer.EMPTY and not view_of(stage).busy


def view_of(stage: Stage) -> View:
    return LOOKS[stage.program](stage.shot())


def settle(stage: Stage) -> bool:
    """Wait for the empty prompt; whether it came."""
    deadline = time.monotonic() + 12
    while time.monotonic() < deadline and stage.alive:
        if ready(stage):
            stage.still(3)
            if ready(stage):
                return True
        time.sleep(0.15)
    return False


def go(stage: Stage, visit: Visit, folder: Path) -> bool:
    """Open a view, record it, leave it; whether the program is at its prompt again."""
    before = stage.shot()
    press(stage, visit.keys)
    if not stage.alive:
        print(f"{visit.name:32} ENDED")
        return False
    shot = stage.still(5)
    view = LOOKS[stage.program](shot)
    notes: list[str] = []
    left = False
    for key in visit.leave:
        stage.keys(key)
        if not stage.alive:
            notes.append(f"leave: {key} -> ended")
            break
        after = stage.still(3)
        now = LOOKS[stage.program](after)
        added = [
            line
            for line in plain(after.screen).splitlines()
            if line.strip() and line not in plain(before.screen).splitlines()
        ]
        notes.append(
            f"leave: {key} -> {now.composer.value}{' busy' if now.busy else ''}; adds: {' | '.join(' '.join(a.split())[:70] for a in added[:6])}"
        )
        if now.composer is Composer.EMPTY and not now.busy:
            left = True
            break
    record(folder, visit, shot, notes, stage.cli.version)
    print(
        f"{visit.name:32} {view.composer.value:8} {view.dialog or view.shows!r:.50} // {notes[-1] if notes else ''}"[
            :220
        ],
        flush=True,
    )
    return left


def commands(stage: Stage) -> list[str]:
    """All slash commands that the program's own list shows."""
    stage.type("/")
    found: list[str] = []
    stalled = 0
    while stalled < 12:
        text = plain(stage.shot().screen)
        new = [
            name
            for name in re.findall(r"^\s{0,4}[❯›]?\s{0,4}(/[a-z][a-z0-9:-]*)\s{2,}", text, re.M)
            if name not in found
        ]  # noqa: RUF001
        found += new
        stalled = 0 if new else stalled + 1
        stage.tmux("send-keys", "-t", ":", *["Down"] * (1 if stage.program == "codex" else 8))
        time.sleep(0.15)
    stage.keys("Escape", "BSpace")
    return found
