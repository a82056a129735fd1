"""What the store last held, for when the daemon is down: the same answers as the daemon's, read only."""

import time
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roost.cli.output import warn
from roost.client.connection import DOWN, Answer, Record
from roost.core.messages.awaited import awaited_until, notice_id
from roost.core.vocabulary.identity import OPERATOR, host_of
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Session
from roost.errors import NotFoundError
from roost.local.config import load_config
from roost.local.paths import Places
from roost.present.objects import (
    check_after,
    death_object,
    event_object,
    inbox_item,
    message_row,
    message_story,
    peer_object,
    peer_row,
    trace_object,
)
from roost.present.spans import spans_of
from roost.store.records import Wanted

if TYPE_CHECKING:
    from roost.store.reader import Reader

_PAGE = 1000


def read(places: Places, method: str, params: Record) -> Answer:
    """Answer a request from the store and say on stderr that it is old news.

    Raises NotFoundError, StoreError, ConfigError.
    """
    database = places.database
    if method == "inbox" and params["name"] is None:
        params = {**params, "name": load_config(places.config).sender or OPERATOR}
    from roost.store.note import doubt_of, gone, read_note
    from roost.store.reader import Reader

    if not database.exists():
        note = read_note(places.store_note)
        if note is not None:
            raise gone(database, note)
        warn(f"{DOWN} and has not stored anything here yet; `roost up` starts it")
        return _NOTHING[method](params)
    reader = Reader(database)
    try:
        doubt = doubt_of(reader, places.store_note)
        if doubt is not None:
            warn(f"the store: {doubt}; `roost restore BACKUP` brings back a backup")
        answer = _METHODS[method](reader, params)
        for sentence in reader.unreadable:
            warn(sentence)
    finally:
        reader.close()
    warn(f"{DOWN}; this is what it stored last")
    return answer


def live_peers(database: Path) -> list[str]:
    """The names of the peers with a session that is recorded as live, and of which something may live.

    A store that could take nothing records what has ended as live. Raises StoreError.
    """
    if not database.exists():
        return []
    from roost.store.reader import Reader

    reader = Reader(database)
    try:
        return [state.peer.name for state in reader.peers() if any(map(_may_live, state.sessions))]
    finally:
        reader.close()


def _may_live(session: Session) -> bool:
    """Whether its terminal answers: an agent does not outlive that. A guest is not ours to end."""
    if session.guest:
        return False
    return session.processes is None or _answers(session.processes.socket)


def _answers(path: str) -> bool:
    import socket

    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return True
        return True


def _no_peer(name: str, known: list[str]) -> NotFoundError:
    close = get_close_matches(name, known, n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else "; `roost list` shows all"
    return NotFoundError(f"there is no peer '{name}'{hint}")


def _peer(reader: "Reader", name: str) -> PeerState:
    states = {state.peer.name: state for state in reader.peers(readable=True)}
    if name not in states:
        raise _no_peer(name, list(states))
    return states[name]


def _check(reader: "Reader", name: str | None) -> None:
    if name is not None:
        _peer(reader, name)


def _list(reader: "Reader", params: Record) -> Answer:
    now = time.time()
    if params.get("all"):
        warn("what other hosts have told is not known while it is down")
    return [
        _unwatched(peer_row(state, now))
        for state in reader.peers(readable=True)
        if state.peer.name != OPERATOR and host_of(state.peer.name) is None
    ]


def _show(reader: "Reader", params: Record) -> Answer:
    state = _peer(reader, params["name"])
    heads = reader.heads([message.id for message in state.messages])
    return _unwatched(peer_object(state, time.time(), heads))


def _unwatched(row: Record) -> Record:
    """What was live is `unknown` now: nobody watches it."""
    if row["session"] is None:
        return row
    return row | {"state": "unknown", "why": f"{DOWN}; it was {row['state']}"}


def _messages(reader: "Reader", params: Record) -> Answer:
    _check(reader, params["name"])
    wanted = Wanted(
        params["name"],
        params["from"],
        MessageState(params["state"]) if params["state"] else None,
        params["topic"],
        _time(params["since"]),
        params["text"],
    )
    found = reader.messages(wanted, params["limit"])
    heads = reader.heads([each.id for each in found])
    return [message_row(each, heads.get(each.id, "")) for each in found]


def _time(ago: float | None) -> float | None:
    return None if ago is None else time.time() - ago


def _message(reader: "Reader", params: Record) -> Answer:
    stored = reader.message(params["id"])
    if stored is None:
        raise NotFoundError(f"there is no message '{params['id']}'; `roost messages` shows the latest")
    found = reader.peers(readable=True)
    state = next((each for each in found if each.peer.name == stored.message.to), None)
    if params.get("trace"):
        sent = {each.id: each for each in (*stored.replies, *reader.sent_during(stored.message.id))}
        runtime = state.peer.settings.runtime if state is not None else None
        return trace_object(stored.message, spans_of(stored, sent.values(), runtime))
    recipient = _unwatched(peer_row(state, time.time())) if state is not None else None
    asker = next(
        (each.peer for each in found if stored.message.sender in (each.peer.name, *each.peer.former)), None
    )
    told = reader.message(notice_id(asker.seed, stored.message.id)) if asker is not None else None
    return message_story(
        stored,
        recipient,
        reader.body(stored.message.id) or b"",
        whole=params["body"],
        reply_by=awaited_until(asker, stored.message.id) if asker is not None else None,
        unanswered=told.message if told is not None else None,
    )


def _inbox(reader: "Reader", params: Record) -> Answer:
    _check(reader, params["name"])
    everything = params["all"] or params["since"] is not None
    mail = reader.inbox(params["name"], _time(params["since"]), read=everything)
    return [inbox_item(message, body) for message, body in mail]


def _events(reader: "Reader", params: Record) -> Answer:
    last, left = params["after"] or 0, params["limit"]
    check_after(last, reader.last_seq())
    events: list[Record] = []
    while rows := reader.events(last, params["peer"], min(left or _PAGE, _PAGE)):
        events += [event_object(row) for row in rows]
        last = rows[-1].seq
        left = left and left - len(rows)
        if left == 0:
            break
    return events


def _deaths(reader: "Reader", params: Record) -> Answer:
    _check(reader, params["name"])
    return [death_object(each) for each in reader.deaths(params["name"])]


def _absent_peer(params: Record) -> list[Any]:
    name = params.get("name") or params.get("peer")
    if name is not None and name != OPERATOR:
        raise _no_peer(name, [])
    return []


def _absent_message(params: Record) -> Answer:
    raise NotFoundError(f"there is no message '{params['id']}'")


_METHODS: dict[str, Callable[["Reader", Record], Answer]] = {
    "list": _list,
    "show": _show,
    "messages": _messages,
    "message": _message,
    "inbox": _inbox,
    "events": _events,
    "deaths": _deaths,
}
_NOTHING: dict[str, Callable[[Record], Answer]] = {
    "list": _absent_peer,
    "show": _absent_peer,
    "messages": _absent_peer,
    "message": _absent_message,
    "inbox": _absent_peer,
    "events": _absent_peer,
    "deaths": _absent_peer,
}
