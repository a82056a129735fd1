"""`list` and `show`: the registry. They never change anything."""

from roost.cli.app import App
from roost.cli.command import Argument, Option, command
from roost.cli.output import age, clock, fields, paint_state, say, show_json
from roost.cli.registry import show
from roost.cli.table import table
from roost.client.connection import DOWN, Record


@command(
    "list",
    Option("--all", "everywhere", help="Those of all hosts of the fleet."),
    Option("--watch", help="Go on showing them on the whole terminal, until Ctrl-C."),
)
def list_command(app: App, everywhere: bool, watch: bool) -> None:  # noqa: FBT001 -- flags
    """Show all peers: state, since when, waiting messages, and why.

    What needs a person stands first, then what works, then what rests. Of one that works: topic, message and
    sender of its turn, and for how long it has lasted.

    With --all those of other hosts follow as NAME@HOST, as their own hosts show them. Of a host that is not
    reached all are `unknown`, and what it told last is in the reason.
    """
    if watch:
        from roost.cli.live_list import LiveList

        LiveList(app, everywhere=everywhere).show()
        return
    show(app, everywhere=everywhere)


@command("show", Argument("name"))
def show_command(app: App, name: str) -> None:
    """Show all that is known of one peer."""
    peer: Record = app.call_or_read("show", {"name": name})
    if app.json:
        show_json(peer)
        return
    session: Record = peer.get("session") or {}
    quarantine: Record = peer.get("quarantine") or {}
    held: Record = peer.get("held_by") or {}
    marks = [
        *(["stopped"] if peer.get("stopped") else []),
        *(["begins anew at its next wake"] if peer.get("fresh_next") else []),
        *([f"quarantined until {clock(quarantine.get('until'))}"] if quarantine else []),
    ]
    state = str(peer["state"])
    say(f"{peer['name']}  {paint_state(state, state)}  {age(peer.get('since'))}".rstrip())
    fields(
        [
            ("why", peer.get("why")),
            ("marks", ", ".join(marks)),
            ("next", _next(peer)),
            ("queued", peer.get("queued")),
            ("session", session.get("id")),
            ("generation", session.get("generation")),
            ("started", clock(session.get("started_at"))),
            ("processes", _processes(session)),
            ("terminal", "a person's own terminal" if _is_own(peer) else session.get("socket")),
            ("conversation", session.get("conversation") or peer.get("conversation")),
            ("woken", session.get("woken")),
            ("sub-agents", _subagents(peer.get("subagents") or [])),
            ("held by", held.get("why")),
            ("topics", ", ".join(peer.get("topics") or [])),
            ("called before", ", ".join(peer.get("former_names") or [])),
            ("last death", _death(peer.get("last_death") or {})),
            ("not started", _hindered(peer.get("hindered") or {})),
            ("failures", f"{peer['failures']} in a row" if peer.get("failures") else ""),
        ]
    )
    _show_pool(peer.get("pool") or [])
    say()
    settings: Record = peer.get("settings") or {}
    fields(sorted(settings.items()))
    _show_messages(peer.get("messages") or [], str(peer["name"]))


def _next(peer: Record) -> str:
    """The command that mends what stands in a peer's way, if something does."""
    name = peer["name"]
    if "@" in name:
        return "" if peer["state"] == "unknown" else f"`roost attach {name}` tells how to join it"
    if str(peer.get("why")).startswith(DOWN):
        return "`roost up` starts the daemon, which looks after it again"
    if peer["state"] == "unknown" and _is_theirs(str(peer.get("why"))):
        return f"`roost restart {name}` gives it a session here; the one there goes on"
    session: Record = peer.get("session") or {}
    if peer.get("held_by") and peer["state"] == "blocked" and session.get("agent_pid") is None:
        settings: Record = peer.get("settings") or {}
        if settings.get("away") == "resume":
            return "it goes on by itself then; `roost join` there makes it that program's again"
        return f"it goes on by itself then; `roost restart {name}` begins a fresh conversation"
    if peer.get("hindered") and not session and peer["state"] in ("asleep", "blocked"):
        return f"it is tried again by itself; `roost wake {name}` tries it now"
    if peer.get("refusal") and peer["state"] in ("asleep", "idle"):
        return f"`roost refresh {name}` begins a new conversation, if the next message fails, too"
    if _is_own(peer):
        return f"`roost run {name}` in a terminal starts it" if not session else ""
    if peer.get("kind") == "thread" and peer["state"] in ("blocked", "unknown") and session:
        return f"`roost attach {name}` tells how to join it at its server"
    mends = {
        "blocked": f"`roost attach {name}` joins its terminal, where you can answer",
        "quarantined": f"`roost deaths {name}` tells why; `roost start {name}` lifts it",
        "stopped": f"`roost start {name}` unparks it",
        "unknown": f"`roost screen {name}` shows its terminal, `roost restart {name}` begins anew",
    }
    return mends.get(str(peer["state"]), "")


def _subagents(found: list[Record]) -> str:
    """Those that its agent has set to work: what they are, and their ids."""
    return ", ".join(f"{each['kind']} {each['id']}" for each in found)


def _is_own(peer: Record) -> bool:
    """Whether a person runs it, in a terminal of theirs."""
    return peer.get("kind") in ("own-terminal", "joined", "joined-reader")


def _is_theirs(why: str) -> bool:
    """Whether another roost has its session."""
    from roost.core.vocabulary.phrases import THEIRS  # loads enums and structs: few commands need it

    return why.startswith(THEIRS)


def _show_pool(pool: list[Record]) -> None:
    if not pool:
        return
    rows = [
        (
            str(session["id"])[:8],
            session["state"],
            age(session.get("since")),
            "any task" if session.get("spare") else session.get("topic") or "no topic",
        )
        for session in pool
    ]
    say()
    table(("POOL", "STATE", "SINCE", "FOR"), rows, state="STATE")


def _processes(session: Record) -> str:
    pids = ((name, session.get(f"{name}_pid")) for name in ("agent", "shim", "server"))
    return ", ".join(f"{name} {pid}" for name, pid in pids if pid)


def _hindered(hindered: Record) -> str:
    if not hindered:
        return ""
    return f"{hindered['why']}; tried {hindered['tries']} times since {clock(hindered['since'])}"


def _death(death: Record) -> str:
    if not death:
        return ""
    return f"{clock(death.get('at'))}, it {_told(str(death.get('cause')), str(death.get('why') or ''))}"


def _told(cause: str, why: str) -> str:
    """How a session ended; a cause of a later version is shown as it is."""
    from roost.cli.sentences import ENDED

    words = ENDED.get(cause, cause)
    return f"{words}: {why}" if why else words


def _show_messages(messages: list[Record], to: str) -> None:
    if not messages:
        return
    from roost.cli.commands.message import show_messages

    say()
    show_messages(messages, to)
