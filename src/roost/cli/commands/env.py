"""`env`: what agents are given of an environment."""

import os

from roost.cli.app import App
from roost.cli.command import Argument, Choice, command
from roost.cli.output import remark, say, show_json
from roost.client.connection import Record
from roost.errors import DeniedError


@command("env", Argument("action", kind=Choice(["show", "refresh"])))
def env_command(app: App, action: str) -> None:
    """Show which variables agents are given, or refresh them.

    `show` compares this shell with what the daemon took at its start. `refresh` takes this shell's PATH,
    agent sockets, keys and all else that agents are given, for every session that begins from now on. `pass`
    in config.toml names more of them.
    """
    if "ROOST_SESSION" in os.environ:
        raise DeniedError("this is an agent's environment; ask in a terminal of your own")
    _refresh(app) if action == "refresh" else _show(app)


def _show(app: App) -> None:
    from roost.cli.environment import compare

    told: Record = app.call("compare")
    found = compare(told, os.environ)
    names: list[str] = sorted(told["values"])
    if app.json:
        show_json({"given": names, **found._asdict()})
        return
    _names("agents are given", names)
    _names("another value here", found.changed)
    _names("only here", found.new)
    _names("only there", found.gone)
    _names("not passed on", found.kept_back)
    if found.differing:
        say("`roost env refresh` gives agents what this shell has")


def _refresh(app: App) -> None:
    done: Record = app.call("refresh_environment", {"environ": dict(os.environ)})
    if app.json:
        show_json(done)
        return
    for word in ("changed", "new", "gone"):
        _names(word, done[word])
    if not any(done[word] for word in ("changed", "new", "gone")):
        say("nothing has changed")
    elif done["sessions"]:
        remark(f"sessions that run keep what they began with: {', '.join(done['sessions'])}")


def _names(title: str, names: list[str]) -> None:
    if names:
        remark(f"{title}: {' '.join(names)}")
