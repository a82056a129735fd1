"""The commands as click's: help, and a sentence about every mistake."""

from collections.abc import Callable
from typing import Any

import click

from roost import __version__
from roost.cli.app import App
from roost.cli.catalog import ALIASES, COMMANDS, MODULES, find
from roost.cli.command import GLOBAL, JSON, MOST, Argument, Choice, Command, Number, Option
from roost.errors import RoostError, UsageError

HELP = {"help_option_names": ["-h", "--help"]}


def _take(ctx: click.Context, param: click.Parameter, value: Any) -> None:  # noqa: ANN401 -- click's signature
    if value not in {None, False}:
        ctx.ensure_object(App).take(str(param.name), value)


def _global_option(option: Option, *, hidden: bool) -> click.Option:
    """An option whose value goes to App."""
    return click.Option(
        [option.flag],
        **_shape(option),
        expose_value=False,
        hidden=hidden,
        callback=_take,
        help=option.help,
    )


def _option(option: Option) -> click.Option:
    return click.Option(
        [option.flag, option.name],
        multiple=option.multiple,
        required=option.required,
        help=option.help,
        **_shape(option),
        **_kind(option),
    )


def _shape(option: Option) -> dict[str, Any]:
    """What click is told only where it holds: it makes something of an explicit None or False too."""
    if not option.takes_value:
        return {"is_flag": True}
    shown = {} if option.default is None else {"default": option.default, "show_default": True}
    return {"metavar": option.metavar, **shown}


def _argument(argument: Argument) -> click.Argument:
    return click.Argument(
        [argument.name],
        required=argument.required,
        nargs=-1 if argument.many else 1,
        metavar=argument.metavar,
        **_kind(argument),
    )


def _number_of(kind: Number) -> Callable[[str], int]:
    """What makes the number of a text for click, and says why another text is none."""

    def number(text: str) -> int:
        try:
            return kind(text)
        except ValueError as error:
            great = text.isdecimal() and text.strip("0")
            bound = f"up to {MOST}" if great else f"from {kind.least} on"
            raise click.BadParameter(f"'{text}' is not a whole number {bound}") from error

    return number


def _kind(parameter: Argument | Option) -> dict[str, Any]:
    """What makes the value of a text, as click wants it."""
    kind = parameter.kind
    if isinstance(kind, Choice):
        return {"type": click.Choice(kind.words)}
    if isinstance(kind, Number):
        return {"type": _number_of(kind)}
    if kind is str:
        return {}

    def make(_ctx: click.Context, _param: click.Parameter, text: str | None) -> object:
        return None if text is None else kind(text)

    return {"callback": make}


class ClickCommand(click.Command):
    """A command; it takes the global options after its name too."""

    def __init__(self, command: Command) -> None:
        """Of its declaration."""
        super().__init__(
            command.name,
            callback=click.pass_obj(command.run),
            context_settings=HELP,
            params=[
                *map(_argument, command.arguments),
                *map(_option, command.options),
                *(_global_option(option, hidden=option is not JSON) for option in command.of_all),
            ],
            help=command.help,
        )


class Commands(click.Group):
    """The `roost` command."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """All commands, section by section."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        """Load the module of one command."""
        command = find(cmd_name)
        return None if command is None else ClickCommand(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with the closest commands named when there is none of that name."""
        if args and not args[0].startswith("-") and find(args[0]) is None:
            from difflib import get_close_matches

            close = get_close_matches(args[0], [*MODULES, *ALIASES], n=3)
            hint = f" (did you mean {' or '.join(close)}?)" if close else ""
            raise click.UsageError(f"there is no command '{args[0]}'{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under the headings of their sections."""
        for section, names in COMMANDS.items():
            rows = [
                (name, command.get_short_help_str(limit=formatter.width))
                for name in names
                if (command := self.get_command(ctx, name)) is not None
            ]
            with formatter.section(section):
                formatter.write_dl(rows)


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- click's signature
    if value:
        click.echo(f"roost {__version__}")
        ctx.exit()


def run(app: App, arguments: list[str]) -> int:
    """Run one command and return its exit code. Raises RoostError in place of click's errors."""
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    try:
        with roost.make_context("roost", arguments, obj=app) as ctx:
            result: object = roost.invoke(ctx)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except click.UsageError as error:
        raise UsageError(_sentence(error)) from error
    except click.ClickException as error:
        raise RoostError(error.format_message()) from error
    return result if isinstance(result, int) else 0


def _sentence(error: click.UsageError) -> str:
    text = error.format_message().rstrip(".").replace(". Did you mean", "; did you mean")
    command = error.ctx.command_path if error.ctx else "roost"
    joint = " See" if text.endswith("?") else "; see"
    return f"{text[:1].lower()}{text[1:]}{joint} `{command} --help`"


def _help_without_command(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


roost = Commands(
    name="roost",
    help="Keep coding agents as named colleagues: one message away, and never lost track of.",
    subcommand_metavar="COMMAND [ARGUMENTS]",
    invoke_without_command=True,
    context_settings=HELP,
    callback=click.pass_context(_help_without_command),
    params=[
        *(_global_option(option, hidden=False) for option in GLOBAL),
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_print_version,
            help="Print the version.",
        ),
    ],
)
