"""`completion`: what a shell needs to complete the words after `roost`."""

import os

from roost.cli.app import App
from roost.cli.command import Argument, Choice, command
from roost.cli.completion.install import install, place, shell_of, uninstall
from roost.cli.completion.scripts import SCRIPTS, script
from roost.cli.output import remark, say, show_json
from roost.cli.stdout import write

_STILL = {
    "bash": "New shells have it, where the package bash-completion is loaded. Without that, this line in"
    " ~/.bashrc does it:  source {path}",
    "zsh": "zsh finds it once ~/.zshrc has this line, before the one with compinit:  fpath=(~/.zfunc $fpath)",
    "fish": "New shells have it; nothing else is to be done.",
}
"""What a person still has to do."""


@command(
    "completion",
    Argument("action", kind=Choice(["install", "uninstall", "print"])),
    Argument("shell", required=False, kind=Choice(list(SCRIPTS))),
)
def completion_command(app: App, action: str, shell: str | None) -> None:
    """Complete the words after `roost` in bash, zsh or fish.

    `install` writes one file where that shell (by default the one of SHELL) looks, and says what is left to
    do; no other file is changed. `uninstall` removes it. `print` shows it.
    """
    chosen = shell or shell_of(os.environ)
    {"install": _install, "uninstall": _uninstall, "print": _print}[action](app, chosen)


def _print(app: App, shell: str) -> None:
    text = script(shell)
    if app.json:
        show_json({"path": str(place(shell, os.environ)), "text": text})
    else:
        write(text)


def _install(app: App, shell: str) -> None:
    written = install(shell, os.environ)
    path = place(shell, os.environ)
    if app.json:
        show_json({"path": str(path), "written": written is not None})
        return
    say(f"wrote {path}" if written else f"{path} is there already; nothing had to change")
    remark(_STILL[shell].format(path=path))


def _uninstall(app: App, shell: str) -> None:
    removed = uninstall(shell, os.environ)
    if app.json:
        show_json({"path": str(place(shell, os.environ)), "removed": removed is not None})
        return
    say(f"removed {removed}" if removed else f"no completion is installed for {shell}")
