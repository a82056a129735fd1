"""The manual page roost(1), made from the declarations of the commands."""

from textwrap import wrap

import click

from roost import __version__
from roost.cli.app import App
from roost.cli.group import COMMANDS, roost

_NOTE = '.\\" Made from the code by `python -m roost.cli.reference`; change the code instead.'
_SIGNS = {"`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}
"""What roff would show as typographic signs."""
_WIDTH = 80
_VARIABLES = (
    ("ROOST_HOME", "The folder that holds everything, in place of the XDG folders."),
    ("ROOST_FROM", "The mailbox that messages are sent from, and that roost inbox shows."),
    ("NO_COLOR, FORCE_COLOR", "Never or always use colours."),
)


def manual(exit_codes: tuple[tuple[int, str], ...]) -> str:
    """The page in the man macros of roff."""
    lines = [_NOTE, f'.TH ROOST 1 "" "roost {__version__}" "User Commands"']
    lines += [".SH NAME", "roost \\- supervisor and message fabric for coding\\-agent command lines"]
    lines += [".SH SYNOPSIS", ".B roost", "[options] command [arguments]"]
    lines += [".SH DESCRIPTION", text(roost.help or "")]
    with click.Context(roost, info_name="roost", obj=App()) as ctx:
        lines += [".SH OPTIONS", "Accepted before the command and after it.", *_options(roost, ctx)]
        lines += [".SH COMMANDS"]
        for section, names in COMMANDS.items():
            lines.append(f".SS {text(section)}")
            for name in names:
                lines += _command(name, ctx)
    lines += [".SH EXIT STATUS", *(part for code, why in exit_codes for part in _item(str(code), why))]
    lines += [".SH ENVIRONMENT", *(part for name, why in _VARIABLES for part in _item(name, why))]
    return "\n".join(lines) + "\n"


def text(words: str) -> str:
    """The words as roff shows them as they are: no request, no escape, every hyphen a real one."""
    plain = " ".join(words.split()).replace("\\", "\\e").replace("-", "\\-")
    for sign, name in _SIGNS.items():
        plain = plain.replace(sign, name)
    lines = wrap(plain, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"\\&{line}" if line[:1] in {".", "'"} else line for line in lines)


def _item(tag: str, meaning: str) -> list[str]:
    return [".TP", f".B {_quoted(tag)}", text(meaning)]


def _quoted(words: str) -> str:
    """One argument of a request."""
    return '"' + text(words).replace("\n", " ").replace('"', "\\(dq") + '"'


def _command(name: str, parent: click.Context) -> list[str]:
    command = roost.get_command(parent, name)
    if command is None:
        raise LookupError(name)
    with click.Context(command, info_name=name, parent=parent) as ctx:
        lines = [".TP", f".B {_quoted(' '.join(['roost', name, *command.collect_usage_pieces(ctx)]))}"]
        first, *others = (command.help or "").split("\n\n")
        lines.append(text(first))
        for block in others:
            lines += [".IP", text(block)]
        options = _options(command, ctx)
        return [*lines, ".RS", *options, ".RE"] if options else lines


def _options(command: click.Command, ctx: click.Context) -> list[str]:
    records = (
        parameter.get_help_record(ctx)
        for parameter in command.get_params(ctx)
        if isinstance(parameter, click.Option) and "--help" not in parameter.opts
    )
    return [part for record in records if record is not None for part in _item(*record)]
