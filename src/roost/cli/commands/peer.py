"""`add`, `init`, `set`, `rename` and `remove`: making peers, changing them, ending them."""

import os
import shlex
from typing import Any

from roost.cli.app import App
from roost.cli.command import Argument, Option, command
from roost.cli.output import counted, fields, remark, say, show_json
from roost.cli.settings import SETTINGS
from roost.client.connection import Record
from roost.errors import UsageError

_SETTINGS = [
    Option(
        setting.option,
        setting.key,
        metavar=setting.metavar,
        multiple=setting.multiple,
        help=setting.help,
    )
    for setting in SETTINGS
    if setting.key != "runtime"
]
"""One for each setting but `runtime`, which `add` insists on and `init` finds."""
_INSTALL = {
    "claude": "npm install -g @anthropic-ai/claude-code",
    "codex": "npm install -g @openai/codex",
}
_LONGEST_NAME = 32


@command(
    "add",
    Argument("name"),
    Option(
        "--runtime",
        required=True,
        metavar="R",
        help="claude, codex, gemini, human, demo, or one of the config file.",
    ),
    *_SETTINGS,
)
def add_command(app: App, name: str, runtime: str, **options: Any) -> None:  # noqa: ANN401 -- one per setting
    """Make a peer. It sleeps until a message or `wake` needs it."""
    _add(app, name, runtime, options)


@command(
    "init",
    Argument("name", required=False),
    Option("--runtime", metavar="R", help="As in `add`; default: claude if it is installed, else codex."),
    *_SETTINGS,
)
def init_command(app: App, name: str | None, runtime: str | None, **options: Any) -> None:  # noqa: ANN401 -- one per setting
    """Make a peer for the current folder, named after it."""
    folder: str = options.get("dir") or "."
    _add(app, name or _name_of(folder), runtime or _installed_runtime(), options)


def _add(app: App, name: str, runtime: str, options: dict[str, Any]) -> None:
    settings = {"runtime": runtime, **_settings(options)}
    result: Record = app.call("add", {"name": name, "settings": settings})
    if app.json:
        show_json(result)
    else:
        made = result["name"]
        if runtime == "human":
            hint = f"`roost inbox {made}` shows its mail"
        elif settings.get("wake") == "always":
            hint = "it is kept up from now on"
        elif settings.get("wake") == "never":
            hint = f"`roost run {made}` starts it in a terminal of yours"
        else:
            hint = f"`roost send {made} ...` wakes it"
        remark(f"added {made} ({runtime} in {settings['dir']}); {hint}")


def _settings(options: dict[str, Any]) -> dict[str, str]:
    """Options as settings in their textual form."""
    chosen: dict[str, str] = {"dir": os.path.abspath(options.pop("dir", None) or ".")}  # noqa: PTH100 -- no links resolved
    for pair in options.pop("env", ()):
        key, equals, value = str(pair).partition("=")
        if not equals:
            raise UsageError(f"--env takes KEY=VALUE, not '{pair}'")
        chosen[f"env.{key}"] = value
    arguments = options.pop("args", ())
    if arguments:
        chosen["args"] = shlex.join(arguments)
    return chosen | {key: str(value) for key, value in options.items() if value is not None}


def _name_of(folder: str) -> str:
    """A peer name from the folder's: lower case, other characters become dashes."""
    base = os.path.basename(os.path.abspath(folder)).lower()  # noqa: PTH100, PTH119 -- no links resolved
    dashed = "".join(c if c.isascii() and c.isalnum() else "-" for c in base)
    name = (
        "-".join(part for part in dashed.split("-") if part).lstrip("0123456789-")[:_LONGEST_NAME].rstrip("-")
    )
    if not name:
        raise UsageError(f"no peer name can be made of the folder's name '{base}'; use `roost init NAME`")
    return name


def _installed_runtime() -> str:
    from shutil import which

    for runtime in _INSTALL:
        if which(runtime):
            return runtime
    ways = " or ".join(f"`{command}`" for command in _INSTALL.values())
    raise UsageError(f"neither claude nor codex is installed; install one with {ways}, or choose --runtime")


@command("set", Argument("name"), Argument("pairs", many=True, metavar="KEY=VALUE..."))
def set_command(app: App, name: str, pairs: tuple[str, ...]) -> None:
    """Change settings of a peer: all of these or none.

    What its program is started with counts from its next session on.
    """
    params: Record = {"name": name, "pairs": [_pair(text) for text in pairs]}
    result: Record = app.call("set", params)
    if app.json:
        show_json(result)
    else:
        settings: Record = result.get("settings") or {}
        fields(sorted(settings.items()))


def _pair(text: str) -> list[str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"'{text}' is not KEY=VALUE, such as idle=10m")
    if key == "dir":
        value = os.path.abspath(value)  # noqa: PTH100 -- no links resolved
    return [key, value]


@command("remove", Argument("name"), Option("--force", help="End its session first when it has one."))
def remove_command(app: App, name: str, force: bool) -> None:  # noqa: FBT001 -- a flag
    """Forget a peer and all that is kept about it.

    The messages to it and the records of its sessions go; who waits for an answer is told. Its folder, and
    the conversations that its program keeps by itself, stay.
    """
    result: Record = app.call("remove", {"name": name, "force": force}, patience=None)
    if app.json:
        show_json(result)
    else:
        unfinished = int(result.get("unfinished") or 0)
        given_up = f"{counted(unfinished, 'unfinished message')} given up, " if unfinished else ""
        told = (
            f"removed {result['name']}: {given_up}all messages to it and records of it are gone;"
            f" its folder {result['dir']} stays"
        )
        remark(told)


@command(
    "rename",
    Argument("old"),
    Argument("new"),
    Option("--force", help="End its session first when it has one."),
)
def rename_command(app: App, old: str, new: str, force: bool) -> None:  # noqa: FBT001 -- a flag
    """Give a peer another name; its mail, conversation and history go with it.

    With --force its session ends as if put to sleep, and resumes by the same rules. Who writes to the old
    name afterwards is told the new one.
    """
    row: Record = app.call("rename", {"old": old, "new": new, "force": force}, patience=None)
    if app.json:
        show_json(row)
    else:
        say(f"{old} is called {row['name']} now")
