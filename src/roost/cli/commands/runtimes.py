"""`runtimes`: the programs that a peer can run."""

import os
import re
import shutil

from roost.cli.app import App
from roost.cli.command import Argument, Choice, command
from roost.cli.doctor_programs import AGENTS
from roost.cli.output import remark, show_json
from roost.cli.stdout import write
from roost.cli.table import table
from roost.client.connection import Record
from roost.errors import NotFoundError, UsageError
from roost.local.config import RESERVED, load_config
from roost.local.installed import installed_version
from roost.local.proven import PROVEN
from roost.local.ready_made import ready_made


@command(
    "runtimes", Argument("action", kind=Choice(["show"]), required=False), Argument("name", required=False)
)
def runtimes_command(app: App, action: str | None, name: str | None) -> None:
    """Show the programs that `--runtime` takes, or the table of one.

    Some are built in; others come with a ready-made table, which `show NAME` prints as it can stand in
    config.toml: a table of that name there is used in its place. Each says with which version of its program
    it was tried, and which one is installed here, where npm or pip tells that.
    """
    if action is None:
        _list(app)
    elif name is None:
        raise UsageError("whose table? `roost runtimes` lists the names")
    else:
        _show(app, name)


def _list(app: App) -> None:
    rows = _rows(app)
    if app.json:
        show_json(rows)
        return
    table(
        ("NAME", "KIND", "INSTALLED", "PROVEN"),
        ((row["name"], row["kind"], _installed(row), row["proven"] or "") for row in rows),
    )
    if any(row["kind"] == "ready-made" and not row["program"] for row in rows):
        remark("`roost runtimes show NAME` tells how a program is installed")


def _installed(row: Record) -> str:
    if row["name"] in ("demo", "demo-acp", "human"):
        return "always"
    return str(row["version"] or "yes") if row["program"] else "no"


_OTHERWISE = {"codex-thread": "codex"}
"""Runtimes whose program has another name."""


def _rows(app: App) -> list[Record]:
    given = {each.name: each for each in load_config(app.places.config).runtimes}
    rows = [
        _row(name, "built in", program if program in AGENTS else None, _tried(name), AGENTS.get(program))
        for name in RESERVED
        for program in (_OTHERWISE.get(name, name),)
    ]
    rows += [
        _row(each.table.name, "ready-made", each.table.program, each.proven, each.install, each.package)
        for each in ready_made()
        if each.table.name not in given
    ]
    rows += [_row(name, "from config", each.program, None, None) for name, each in given.items()]
    return sorted(rows, key=lambda row: str(row["name"]))


def _tried(name: str) -> str | None:
    return f"tried with version {PROVEN[name]}" if name in PROVEN else None


def _row(
    name: str, kind: str, program: str | None, proven: str | None, install: str | None, package: str = ""
) -> Record:
    found = shutil.which(os.path.expanduser(program)) if program else None  # noqa: PTH111 -- a template, not a path yet
    return {
        "name": name,
        "kind": kind,
        "program": found,
        "version": installed_version(found, package) if found else None,
        "proven": proven,
        "install": install,
    }


def _show(app: App, name: str) -> None:
    text = _text(app, name)
    if app.json:
        show_json({"name": name, "table": text})
    else:
        write(text)


def _text(app: App, name: str) -> str:
    """The table of a runtime; raises NotFoundError where there is none."""
    given = {each.name: each for each in load_config(app.places.config).runtimes}
    if name in given:
        return _part(app.places.config.read_text("utf-8"), name)
    for each in ready_made():
        if each.table.name == name:
            return each.text
    if name in RESERVED:
        raise NotFoundError(f"the runtime '{name}' is built in and has no table")
    raise NotFoundError(f"there is no runtime '{name}'; `roost runtimes` lists them")


def _part(text: str, name: str) -> str:
    """The lines of a configuration file that belong to a runtime."""
    own, kept = re.compile(rf"\s*\[\s*runtimes\s*\.\s*\"?{re.escape(name)}\"?\s*[.\]]"), False
    lines: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            kept = own.match(line) is not None
        if kept:
            lines.append(line)
    return "\n".join(lines).rstrip() + "\n"
