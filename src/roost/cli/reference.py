"""The reference pages, made from the code: `python -m roost.cli.reference [--check]`."""

import sys
from pathlib import Path

import click

from roost.cli.app import App
from roost.cli.group import COMMANDS, roost
from roost.cli.manual import manual
from roost.cli.settings import SETTINGS
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.settings import KEYS, show_settings

FOLDER = Path(__file__).parents[3] / "docs" / "reference"
"""Where a checkout keeps the pages."""
_NOTE = "<!-- Made from the code by `python -m roost.cli.reference`; change the code instead. -->"
_EXIT_CODES = (
    (0, "done"),
    (1, "failed; one line on stderr says what happened and what to do next"),
    (2, "the command does not make sense as written"),
    (3, "a `--wait` or `--timeout` ran out"),
    (4, "no such peer or message"),
    (5, "the daemon is not running and the command needs it"),
)


def pages() -> dict[str, str]:
    """File name -> text of every page."""
    return {"commands.md": _commands(), "settings.md": _settings(), "roost.1": manual(_EXIT_CODES)}


def missing() -> list[str]:
    """What the code has and the pages would lack."""
    described = {setting.key for setting in SETTINGS}
    return [
        f"setting '{key}' has no line in roost.cli.settings" for key in (*KEYS, "env") if key not in described
    ]


def _commands() -> str:
    lines = [_NOTE, "", "# Commands", "", roost.help or "", "", "## Global options", ""]
    lines += ["Accepted before the command and after it.", ""]
    with click.Context(roost, info_name="roost", obj=App()) as ctx:
        lines += _options(roost, ctx)
        lines += ["", "## Exit codes", "", "| code | meaning |", "|---|---|"]
        lines += [f"| {code} | {meaning} |" for code, meaning in _EXIT_CODES]
        for section, names in COMMANDS.items():
            lines += ["", f"## {section}"]
            for name in names:
                lines += _command(name, ctx)
    return "\n".join(lines) + "\n"


def _command(name: str, parent: click.Context) -> list[str]:
    command = roost.get_command(parent, name)
    if command is None:
        raise LookupError(name)
    with click.Context(command, info_name=name, parent=parent) as ctx:
        usage = " ".join(["roost", name, *command.collect_usage_pieces(ctx)])
        text = [" ".join(block.split()) for block in (command.help or "").split("\n\n")]
        lines = ["", f"### {name}", "", f"`{usage}`"]
        for block in text:
            lines += ["", block]
        options = _options(command, ctx)
        return [*lines, "", *options] if options else lines


def _options(command: click.Command, ctx: click.Context) -> list[str]:
    rows = [
        record
        for parameter in command.get_params(ctx)
        if isinstance(parameter, click.Option) and "--help" not in parameter.opts
        if (record := parameter.get_help_record(ctx)) is not None
    ]
    if not rows:
        return []
    cells = ["| option | meaning |", "|---|---|"]
    return cells + [f"| `{_cell(option)}` | {_cell(meaning)} |" for option, meaning in rows]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _settings() -> str:
    defaults = show_settings(Settings(dir="", runtime=""))
    lines = [
        _NOTE,
        "",
        "# Settings of a peer",
        "",
        "Chosen with `roost add NAME` by option, changed with `roost set NAME KEY=VALUE...`.",
        "Durations are written `500ms`, `20s`, `10m`, `1h`, `7d`. `env.NAME=` (nothing after it) removes a",
        "variable; `args` takes its words quoted as for a shell.",
        "",
        "| key | option of `add` | default | meaning |",
        "|---|---|---|---|",
    ]
    for setting in SETTINGS:
        key = "env.NAME" if setting.key == "env" else setting.key
        default = defaults.get(setting.key) or ""
        shown = f"`{default}`" if default else ""
        option = f"`{setting.option} {setting.metavar}`"
        lines.append(f"| `{key}` | {option} | {shown} | {_cell(setting.help)} |")
    return "\n".join(lines) + "\n"


def keep(made: dict[str, str], problems: list[str], arguments: list[str], module: str) -> int:
    """Write pages, or with `--check` compare them; returns 1 when there are problems or a page differs.

    `module` makes them, when it is run.
    """
    problems = list(problems)
    for name, text in made.items():
        path = FOLDER / name
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            problems.append(f"docs/reference/{name} is not what the code says; run `python -m {module}`")
    for problem in problems:
        sys.stderr.write(problem + "\n")
    return 1 if problems else 0


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` compare them; returns 1 when something is missing or differs."""
    return keep(pages(), missing(), arguments, "roost.cli.reference")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
