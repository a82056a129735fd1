"""What the store last held, for when the daemon is down: the same answers as the daemon's, read only."""

import time
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roost.cli.client import Answer, Record
from roost.cli.output import warn
from roost.core.message import Message, MessageState
from roost.core.peer import PeerState
from roost.core.session import Death, Session
from roost.core.settings import show_settings
from roost.core.view import iso, shown
from roost.errors import NotFoundError

if TYPE_CHECKING:
    from roost.store.reader import JournalRow, Reader

DOWN = "the daemon is down"


def read(database: Path, method: str, params: Record) -> Answer:
    """Answer a request from the store and say on stderr that it is old news.

    Raises NotFoundError, StoreError.
    """
    if not database.exists():
        warn(f"{DOWN} and has not stored anything here yet; `roost up` starts it")
        return _NOTHING[method](params)
    from roost.store.reader import Reader

    reader = Reader(database)
    try:
        answer = _METHODS[method](reader, params)
    finally:
        reader.close()
    warn(f"{DOWN}; this is what it stored last")
    return answer


def _no_peer(name: str, known: list[str]) -> NotFoundError:
    close = get_close_matches(name, known, n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else "; `roost list` shows all"
    return NotFoundError(f"there is no peer '{name}'{hint}")


def _peer(reader: "Reader", name: str) -> PeerState:
    states = {state.peer.name: state for state in reader.peers()}
    if name not in states:
        raise _no_peer(name, list(states))
    return states[name]


def _check(reader: "Reader", name: str | None) -> None:
    if name is not None:
        _peer(reader, name)


def _list(reader: "Reader", _params: Record) -> Answer:
    return [_row(state) for state in reader.peers()]


def _show(reader: "Reader", params: Record) -> Answer:
    state = _peer(reader, params["name"])
    peer = state.peer
    quarantine, death = peer.quarantine, peer.last_death
    return _row(state) | {
        "settings": show_settings(peer.settings),
        "conversation": peer.conversation,
        "topics": list(peer.topics),
        "fresh_next": peer.fresh_next,
        "quarantine": quarantine and {"until": iso(quarantine.until), "why": quarantine.why},
        "last_death": death and {"cause": str(death.cause), "at": iso(death.at)},
        "messages": [_message(message) for message in state.messages],
    }


def _messages(reader: "Reader", params: Record) -> Answer:
    _check(reader, params["name"])
    state = MessageState(params["state"]) if params["state"] else None
    return [_message(each) for each in reader.messages(params["name"], state, params["limit"])]


def _one_message(reader: "Reader", params: Record) -> Answer:
    stored = reader.message(params["id"])
    if stored is None:
        raise NotFoundError(f"there is no message '{params['id']}'; `roost messages` shows the latest")
    attempts = [
        {"at": iso(each.at), "session": each.session, "outcome": each.outcome, "why": each.why}
        for each in stored.attempts
    ]
    story = [{"at": iso(stored.message.created_at), "what": f"stored, from {stored.message.sender}"}]
    story += [
        {"at": iso(each.at), "what": f"{each.outcome}: {each.why}" if each.why else each.outcome}
        for each in stored.attempts
    ]
    return _message(stored.message) | {
        "attempts": attempts,
        "replies": list(stored.replies),
        "story": story,
    }


def _inbox(reader: "Reader", params: Record) -> Answer:
    _check(reader, params["name"])
    return [_item(message, body) for message, body in reader.inbox(params["name"])]


def _events(reader: "Reader", params: Record) -> Answer:
    _check(reader, params["peer"])
    rows = reader.events(params["after"] or 0, params["peer"], params["limit"] or 1_000_000)
    return [_event(row) for row in rows]


def _deaths(reader: "Reader", params: Record) -> Answer:
    _check(reader, params["name"])
    return [_death(each) for each in reader.deaths(params["name"])]


def _row(state: PeerState) -> Record:
    """A row of the registry. What was live is `unknown`: nobody watches it."""
    seen = shown(state, time.time())
    peer, session = state.peer, state.session
    return {
        "name": peer.name,
        "runtime": peer.settings.runtime,
        "dir": peer.settings.dir,
        "wake": str(peer.settings.wake),
        "state": seen.state if session is None else "unknown",
        "why": seen.why if session is None else f"{DOWN}; it was {seen.state}",
        "since": iso(seen.since),
        "queued": state.queued,
        "stopped": peer.stopped,
        "session": session and _session(session),
    }


def _session(session: Session) -> Record:
    processes = session.processes
    return {
        "id": session.id,
        "generation": session.generation,
        "agent_pid": processes and processes.agent and processes.agent.pid,
        "shim_pid": processes and processes.shim.pid,
        "server_pid": processes and processes.server.pid,
        "socket": processes and processes.socket,
        "conversation": session.conversation,
        "started_at": iso(session.started_at),
    }


def _message(message: Message) -> Record:
    return {
        "id": message.id,
        "from": message.sender,
        "to": message.to,
        "topic": message.topic,
        "reply_to": message.reply_to,
        "state": str(message.state),
        "why": message.why,
        "created_at": iso(message.created_at),
        "accepted_at": iso(message.accepted_at),
        "done_at": iso(message.done_at),
        "attachments": list(message.attachments),
    }


def _item(message: Message, body: bytes) -> Record:
    notice = message.notice
    return {
        "id": message.id,
        "from": message.sender,
        "topic": message.topic,
        "reply_to": message.reply_to,
        "body": body.decode(errors="replace"),
        "at": iso(message.created_at),
        "notice": notice and {"about": notice.about, "outcome": notice.outcome, "why": notice.why},
    }


def _event(row: "JournalRow") -> Record:
    return {
        "seq": row.seq,
        "ts": iso(row.ts),
        "kind": row.kind,
        "peer": row.peer,
        "session": row.session,
        "message": row.message,
        "cause": row.cause,
        "data": dict(row.data),
    }


def _death(death: Death) -> Record:
    return {
        "peer": death.peer,
        "session": death.session,
        "generation": death.generation,
        "at": iso(death.at),
        "cause": str(death.cause),
        "exit_code": death.exit_code,
        "signal": death.signal,
        "by": death.by,
        "evidence": death.evidence,
        "counted": death.counted,
        "last_lines": list(death.last_lines),
    }


def _absent_peer(params: Record) -> list[Any]:
    name = params.get("name") or params.get("peer")
    if name is not None:
        raise _no_peer(name, [])
    return []


def _absent_message(params: Record) -> Answer:
    raise NotFoundError(f"there is no message '{params['id']}'")


_METHODS: dict[str, Callable[["Reader", Record], Answer]] = {
    "list": _list,
    "show": _show,
    "messages": _messages,
    "message": _one_message,
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
