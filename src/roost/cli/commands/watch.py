"""`watch`: who is told when a peer ends, rests or is blocked, of a topic, of files that two peers write."""

import os

from roost.cli.app import App
from roost.cli.command import Argument, Choice, Option, command
from roost.cli.output import local, one_line, remark, say, show_json
from roost.client.connection import Record
from roost.core.vocabulary.durations import parse_duration
from roost.core.vocabulary.watch import OF_PEER
from roost.errors import UsageError


@command(
    "watch",
    Argument("peer", required=False),
    Argument("what", required=False, kind=Choice([str(each) for each in OF_PEER])),
    Option("--topic", metavar="TEXT", help="Tell of each message of this topic instead."),
    Option(
        "--file",
        metavar="GLOB",
        help="Tell of files of this name that two peers write within 30 s; `*` is any text.",
    ),
    Option("--once", help="End with what it tells first."),
    Option(
        "--ttl",
        metavar="DURATION",
        kind=parse_duration,
        help="How long it lasts: 10m, 2h ...; a day if not said.",
    ),
    Option("--for", "watcher", metavar="NAME", help="Who is told: an agent or a mailbox; you, if not said."),
    Option("--remove", metavar="ID", help="End a watch; its first digits are enough."),
)
def watch_command(  # noqa: PLR0913, PLR0917 -- one for each option
    app: App,
    peer: str | None,
    what: str | None,
    topic: str | None,
    file: str | None,
    once: bool,  # noqa: FBT001 -- a flag
    ttl: float | None,
    watcher: str | None,
    remove: str | None,
) -> None:
    """Be told when a peer ends, is idle or is blocked.

    Or of each message of a topic, or of files that two peers write within half a minute. It is told by
    a notice in your mailbox, or to the agent that is named by --for: once for each time it happens, and at
    once where it is so already. Without a word it lists the watches. An agent calls it for itself, or uses
    the tools `watch` and `unwatch`.

    GLOB is a file, a folder with all that is in it, or a path in which `*` stands for any text.
    """
    new = [word for word in (peer, topic, file) if word is not None]
    if remove is not None and not new:
        _ended(app, app.call("unwatch", {"id": remove}))
    elif remove is not None or len(new) > 1 or (what is not None and peer is None):
        raise UsageError("name one thing: PEER with what to watch for, --topic, --file, or --remove")
    elif new:
        asked: Record = {"name": peer, "kind": what, "topic": topic, "once": once, "ttl": ttl}
        if file is not None:
            asked["file"] = os.path.abspath(file)  # noqa: PTH100 -- start-up time
        _added(app, app.call("watch", asked | {"watcher": watcher or app.sender}))
    else:
        _list(app, app.call("watches"))


def _added(app: App, watch: Record) -> None:
    if app.json:
        show_json(watch)
        return
    now = "; it is so now, and was told" if watch["told"] else ""
    remark(f"watch {watch['id']}: {_words(watch)}{now}")


def _ended(app: App, watch: Record) -> None:
    if app.json:
        show_json(watch)
        return
    remark(f"ended watch {watch['id']}: {_words(watch)}")


def _list(app: App, watches: list[Record]) -> None:
    if app.json:
        show_json(watches)
        return
    for watch in watches:
        say(f"{watch['id']}  {_words(watch)}")
    if not watches:
        say("no watches; `roost watch PEER idle` makes one")


def _words(watch: Record) -> str:
    once = ", once" if watch["once"] else ""
    told = f", told {watch['times_told']} times" if watch["times_told"] else ""
    about = f"{one_line(watch['about'])}, for {one_line(watch['watcher'])}"
    return f"{about}{once}{told}, until {local(one_line(watch['expires_at']))}"
