"""The command tree: every command loads its module only when it is looked up."""

from importlib import import_module
from typing import Any

import click

from roost import __version__
from roost.cli.app import App
from roost.errors import RoostError, UsageError

COMMANDS: dict[str, dict[str, str]] = {
    "Daemon": {
        "up": "daemon",
        "down": "daemon",
        "status": "daemon",
        "doctor": "doctor",
        "gc": "gc",
        "service": "service",
    },
    "Peers": {
        "add": "peer",
        "init": "peer",
        "set": "peer",
        "list": "registry",
        "show": "registry",
        "rename": "peer",
        "remove": "peer",
    },
    "Messages": {"send": "send", "messages": "message", "message": "message", "inbox": "inbox"},
    "Sessions": {
        "wake": "session",
        "stop": "session",
        "start": "session",
        "restart": "session",
        "refresh": "session",
        "interrupt": "session",
        "compact": "session",
        "attach": "terminal",
        "screen": "terminal",
        "logs": "terminal",
    },
    "Records": {"events": "journal", "deaths": "journal", "metrics": "metrics"},
    "More": {"done": "agent", "fresh": "agent", "demo": "demo"},
}
"""Section -> command -> module below `roost.cli.commands`, where it is the object `<command>_command`."""
_MODULES = {name: module for section in COMMANDS.values() for name, module in section.items()}


def _take_home(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(App).home = value


def _take_json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- click's signature
    if value:
        ctx.ensure_object(App).json = True


def _take_debug(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- click's signature
    if value:
        ctx.ensure_object(App).debug = True


def _global_options(*, shown: bool, data: bool) -> list[click.Option]:
    options = [
        click.Option(
            ["--home"],
            metavar="DIR",
            expose_value=False,
            hidden=not shown,
            callback=_take_home,
            help="Where roost keeps everything (else ROOST_HOME, else the XDG folders).",
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            hidden=not shown,
            callback=_take_debug,
            help="Show tracebacks.",
        ),
    ]
    if data:
        text = "Print JSON (where the output is data)." if shown else "Print JSON."
        options.insert(
            0, click.Option(["--json"], is_flag=True, expose_value=False, callback=_take_json, help=text)
        )
    return options


class PlainCommand(click.Command):
    """A command that takes the global options after its name too."""

    data = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- click's own arguments
        """As click.Command."""
        super().__init__(*args, **kwargs)
        self.params.extend(_global_options(shown=False, data=self.data))


class DataCommand(PlainCommand):
    """A command whose output is data: it takes `--json`."""

    data = True


class Commands(click.Group):
    """The `roost` command."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """All commands, section by section."""
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        """Load the module of one command."""
        module = _MODULES.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(import_module(f"roost.cli.commands.{module}"), f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with the closest commands named when there is none of that name."""
        if args and not args[0].startswith("-") and args[0] not in _MODULES:
            from difflib import get_close_matches

            close = get_close_matches(args[0], _MODULES, n=3)
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
    text = error.format_message().rstrip(".")
    command = error.ctx.command_path if error.ctx else "roost"
    return f"{text[:1].lower()}{text[1:]}; see `{command} --help`"


def _help_without_command(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


roost = Commands(
    name="roost",
    help="Keep coding agents as named colleagues: one message away, and never lost track of.",
    subcommand_metavar="COMMAND [ARGUMENTS]",
    invoke_without_command=True,
    callback=click.pass_context(_help_without_command),
    params=[
        *_global_options(shown=True, data=True),
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
