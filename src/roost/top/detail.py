"""All that is known of one peer, as lines to read."""

from roost.cli.output import age, clock, one_line
from roost.cli.sentences import sentence
from roost.client.connection import Record

LATEST = 12
"""Lines of its journal."""


def lines(peer: Record, events: list[Record]) -> str:
    """The latest of its journal, then what `show` tells of it."""
    session: Record = peer.get("session") or {}
    settings: Record = peer.get("settings") or {}
    found = [
        ("state", f"{peer['state']} for {age(peer['since'])}"),
        ("why", peer["why"]),
        ("host", peer.get("host")),
        ("queued", peer["queued"]),
        ("session", session.get("id")),
        ("started", clock(session.get("started_at"))),
        ("agent", session.get("agent_pid")),
        ("conversation", session.get("conversation") or peer.get("conversation")),
        *sorted(settings.items()),
    ]
    width = max(len(name) for name, _ in found)
    shown = [
        f"{name:<{width}}  {one_line(value)}" for name, value in found if value not in (None, "", [], {})
    ]
    told = [f"{clock(each['ts'])}  {one_line(sentence(each))}" for each in events[-LATEST:]]
    return "\n".join([*told, "", *shown])
