"""What is asked of sessions of peers: `wake`, `stop`, `wait` and others."""

from roost.cli.app import App
from roost.cli.command import Argument, Choice, Option, command
from roost.cli.output import Progress, local, one_line, paint_state, remark, say, show_json, warn, wrap
from roost.cli.registry import show_rows
from roost.client.connection import Answer, Record
from roost.core.vocabulary.durations import parse_duration
from roost.errors import RefusedError, UsageError


@command(
    "wake",
    Argument("name"),
    Option("--fresh", help="With a new conversation."),
    Option("--resume", help="With the earlier conversation, or fail."),
)
def wake_command(app: App, name: str, fresh: bool, resume: bool) -> None:  # noqa: FBT001 -- a flag
    """Give a peer a session; returns when it is ready."""
    if fresh and resume:
        raise UsageError("--fresh and --resume exclude each other")
    from roost.cli.drift import tell

    tell(app)
    mode = "fresh" if fresh else "resume" if resume else "natural"
    _show(app, call_with_progress(app, "wake", {"name": name, "mode": mode}))


@command("restart", Argument("name"), Option("--resume", help="Go on in its conversation, and in its turn."))
def restart_command(app: App, name: str, resume: bool) -> None:  # noqa: FBT001 -- a flag
    """End a peer's session and start a fresh one.

    Returns when it is ready. A message whose turn this cuts off is given up, and its sender told; with
    --resume it is driven again in the conversation that goes on.
    """
    _show(app, call_with_progress(app, "restart", {"name": name, "resume": resume}))


@command("sleep", Argument("name"))
def sleep_command(app: App, name: str) -> None:
    """End a peer's session now, as its idle time would later.

    Its next message wakes it, and its conversation is resumed by the same rules; a turn that this cuts off is
    gone on with then.
    """
    _show(app, call_with_progress(app, "sleep", {"name": name}))


@command(
    "wait",
    Argument("name"),
    Option(
        "--for",
        "state",
        kind=Choice(("idle", "working", "blocked", "asleep", "gone")),
        default="idle",
        help="The state that is waited for; idle: at its prompt, and nothing waits for it.",
    ),
    Option(
        "--timeout", metavar="DURATION", kind=parse_duration, help="Exit code 3 when it is not so by then."
    ),
)
def wait_command(app: App, name: str, state: str, timeout: float | None) -> None:
    """Return when a peer is in a state, at once when it is already."""
    params: Record = {"name": name, "state": state, "timeout": timeout}
    row: Record | None = call_with_progress(app, "wait", params)
    if row is not None:
        _show(app, row)
    elif app.json:
        show_json(None)
    else:
        say(f"{name} is gone")


_ALL = Option(
    "--all",
    "everyone",
    help="All agents, each on its own. One that cannot be asked this is passed over, with the reason.",
)


@command("stop", Argument("name", required=False), _ALL)
def stop_command(app: App, name: str | None, everyone: bool) -> int:  # noqa: FBT001 -- a flag
    """Park a peer: its session ends and nothing wakes it until `start`. Messages to it are kept."""
    return _each(app, "stop", name, everyone=everyone)


@command("start", Argument("name", required=False), _ALL)
def start_command(app: App, name: str | None, everyone: bool) -> int:  # noqa: FBT001 -- a flag
    """Unpark a peer, and lift its quarantine. What waits for it is delivered."""
    return _each(app, "start", name, everyone=everyone)


@command("refresh", Argument("name", required=False), _ALL)
def refresh_command(app: App, name: str | None, everyone: bool) -> int:  # noqa: FBT001 -- a flag
    """Make a peer's next wake a fresh one.

    A session that lives goes on; what is woken after it begins a new conversation.
    """
    return _each(app, "refresh", name, everyone=everyone)


@command("interrupt", Argument("name"))
def interrupt_command(app: App, name: str) -> None:
    """End the turn that a peer is in, as Escape does in its terminal.

    Returns when the turn has ended. The message in it is not delivered again, and its sender is told. An open
    permission dialog is answered with no. Where no turn runs there is nothing to do.
    """
    _control(app, "interrupt", name, "its turn was ended")


@command("compact", Argument("name"))
def compact_command(app: App, name: str) -> None:
    """Have a peer's agent summarise its conversation, so that it needs less room.

    Returns when the agent has done it. A running turn is waited for, ten minutes at most; messages wait too.
    """
    _control(app, "compact", name, "its conversation was compacted")


def _control(app: App, method: str, name: str, done: str) -> None:
    result: Record = call_with_progress(app, method, {"name": name})
    if app.json:
        show_json(result)
    elif result["done"]:
        note = f" ({one_line(result['note'])})" if result["note"] else ""
        remark(f"{name}: {done}{note}")
    else:
        remark(one_line(result["note"]))


def call_with_progress(app: App, method: str, params: Record) -> Answer:
    """A request that may take long; what is going on is shown on a terminal's stderr meanwhile."""
    progress = Progress()

    def on_event(event: Record) -> None:
        progress.show(
            f"{params.get('name') or 'all'}: {event.get('state', '')}: {event.get('why') or ''}".rstrip(": ")
        )

    try:
        return app.call(method, params, on_event=on_event, patience=None)
    finally:
        progress.clear()


def _each(app: App, method: str, name: str | None, *, everyone: bool) -> int:
    """Call a method for one peer or for all, and show for which it was done.

    1 when it failed for one of all; whoever refuses it is passed over, and told of.
    """
    if everyone == (name is not None):
        raise UsageError(f"`roost {method}` takes either a NAME or --all")
    rows: list[Record] = call_with_progress(app, method, {"name": name, "all": everyone})
    done = [row for row in rows if "error" not in row]
    others = [row for row in rows if "error" in row]
    failed = [row for row in others if row["error"]["code"] != RefusedError.code]
    if app.json:
        show_json(done)
    elif not rows:
        say(f"no peers to {method}")
    elif method == "refresh":
        for row in done:
            after = ", after the session that it has now" if row.get("session") else ""
            remark(f"{row['name']} begins a new conversation at its next wake{after}")
    elif not everyone:
        for row in done:
            _say_row(row)
    elif done:
        show_rows(done)
    for row in others:
        passed = "" if row in failed else "passed over: "
        warn(f"roost: '{row['name']}': {passed}{row['error']['message']}")
    return 1 if failed else 0


def _show(app: App, row: Record) -> None:
    if app.json:
        show_json(row)
    else:
        _say_row(row)


def _say_row(row: Record) -> None:
    state = str(row["state"])
    why = f": {local(one_line(row['why']))}" if row.get("why") else ""
    cure = (
        f"; `roost attach {row['name']}` joins its terminal"
        if state == "blocked" and row.get("session")
        else ""
    )
    shown = wrap(f"{row['name']} is {state}{why}{cure}", 2)
    say(shown.replace(f" is {state}", f" is {paint_state(state, state)}", 1))
