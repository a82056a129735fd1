"""`events` and `deaths`: what happened."""

from roost.cli.app import App
from roost.cli.command import Argument, Number, Option, command
from roost.cli.output import (
    age,
    clock,
    fields,
    harmless,
    local,
    say,
    show_json,
    show_json_line,
    wrap,
)
from roost.cli.sentences import ENDED, sentence
from roost.cli.stdout import flush
from roost.cli.table import table
from roost.client.connection import ConnectionLostError, Record
from roost.errors import NoDaemonError

_NAMES = {9: "SIGKILL", 15: "SIGTERM", 1: "SIGHUP", 2: "SIGINT", 11: "SIGSEGV", 6: "SIGABRT"}


@command(
    "events",
    Option("--follow", help="Go on printing what happens, until Ctrl-C."),
    Option("--peer", metavar="NAME", help="Only events of this peer."),
    Option("--after", kind=Number(0), metavar="SEQ", help="Only events after this number."),
    Option("--limit", kind=Number(1), metavar="N", help="At most so many, the earliest first."),
)
def events_command(app: App, follow: bool, peer: str | None, after: int | None, limit: int | None) -> None:  # noqa: FBT001 -- a flag
    """Print the journal in order; --json prints one object per line."""
    params: Record = {"after": after, "peer": peer, "follow": follow, "limit": limit}
    last = after or 0

    def show(event: Record) -> None:
        nonlocal last
        last = int(event["seq"])
        if app.json:
            show_json_line(event)
        else:
            _show_event(event)
        if follow:
            flush()

    try:
        app.call("events", params, on_event=show, patience=None)
    except ConnectionLostError as error:
        raise ConnectionLostError(
            f"the daemon went away; go on with `roost events --after {last}`"
        ) from error
    except NoDaemonError:
        if follow:
            raise
        from roost.cli.offline import read

        for event in read(app.places, "events", params):
            show(event)


def _show_event(event: Record) -> None:
    words = (str(event["seq"]).rjust(6), clock(event.get("ts")), str(event.get("peer") or "-").ljust(12))
    say(wrap(" ".join([*words, local(sentence(event))]).rstrip(), 7))


@command("deaths", Argument("name", required=False))
def deaths_command(app: App, name: str | None) -> None:
    """Show how sessions ended; with NAME all that is known of each."""
    deaths: list[Record] = app.call_or_read("deaths", {"name": name})
    if app.json:
        show_json(deaths)
    elif not deaths:
        say("no deaths on record")
    elif name is None:
        table(
            ("AGE", "PEER", "HOW IT ENDED", "EXIT", "BY", "EVIDENCE"),
            (
                (
                    age(death["at"]),
                    death["peer"],
                    ENDED.get(str(death["cause"]), death["cause"]),
                    _exit(death),
                    death.get("by"),
                    death.get("evidence"),
                )
                for death in deaths
            ),
            spare=("BY", "EXIT", "AGE"),
        )
    else:
        for index, death in enumerate(deaths):
            if index:
                say()
            _show_death(death)


def _show_death(death: Record) -> None:
    fields(
        [
            ("at", clock(death["at"])),
            ("session", f"{death['session']} (generation {death.get('generation')})"),
            ("cause", str(death["cause"]) + (", counts as a crash" if death.get("counted") else "")),
            ("exit", _exit(death)),
            ("by", death.get("by")),
            ("evidence", death.get("evidence")),
        ]
    )
    lines: list[str] = death.get("last_lines") or []
    for line in lines:
        say(f"  | {harmless(line)}")


def _exit(death: Record) -> str:
    if death.get("signal") is not None:
        number = int(death["signal"])
        return _NAMES.get(number, f"signal {number}")
    return "" if death.get("exit_code") is None else f"code {death['exit_code']}"
