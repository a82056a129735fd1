"""What is shown of peers, messages, deaths and events: the JSON of the contract."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from roost.core.sessions.sweep import Finding
from roost.core.vocabulary.identity import HUMAN
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import PeerState, WakePolicy
from roost.core.vocabulary.phrases import WOKEN
from roost.core.vocabulary.session import ControlRequest, Death, Session
from roost.core.vocabulary.settings import show_settings
from roost.core.vocabulary.view import iso, shown
from roost.errors import NotFoundError
from roost.present.spans import Span
from roost.present.story import STEPS, story
from roost.store.records import JournalRow, StoredMessage, head


def peer_row(state: PeerState, now: float) -> dict[str, Any]:
    """One row of `list`. `host`: the name of this host in its fleet, where it is known."""
    settings, view = state.peer.settings, shown(state, now)
    return {
        "name": state.peer.name,
        "host": None,
        "runtime": settings.runtime,
        "dir": settings.dir,
        "kind": kind_of(state),
        "wake": str(settings.wake),
        "description": settings.description,
        "state": view.state,
        "why": view.why,
        "since": iso(view.since),
        "queued": state.queued,
        "stopped": state.peer.stopped,
        "fresh_next": state.peer.fresh_next,
        "turn": turn_object(state),
        "session": session_object(state.session) if state.session else None,
        "former_names": list(state.peer.former),
        "created_at": iso(state.peer.created_at),
    }


def kind_of(state: PeerState) -> str:
    """What its sessions are: in a terminal of ours, in a person's own, a server's thread, or none."""
    settings = state.peer.settings
    if settings.runtime == HUMAN:
        return "mailbox"
    if settings.threaded:
        return "thread"
    session = state.session
    if session is not None and session.joined is not None:
        return "joined-reader" if session.reads else "joined"
    own = session.own_terminal if session is not None else settings.wake is WakePolicy.NEVER
    return "own-terminal" if own else "terminal"


def turn_object(state: PeerState) -> dict[str, Any] | None:
    """The message that began the running turn, and since when; None where no message of ours is in a turn."""
    if state.session is None or not state.turn:
        return None
    first, *others = state.turn
    return {
        "message": first.id,
        "from": first.sender,
        "topic": first.topic,
        "since": iso(first.accepted_at),
        "joined": len(others),
    }


def session_object(session: Session) -> dict[str, Any]:
    """The session of a row."""
    processes = session.processes
    return {
        "id": session.id,
        "generation": session.generation,
        "agent_pid": session.agent.pid if session.agent else None,
        "shim_pid": processes.shim.pid if processes else None,
        "server_pid": _server_pid(session),
        "socket": processes.socket or None if processes else None,
        "server": session.thread.address if session.thread else None,
        "conversation": session.conversation,
        "started_at": iso(session.started_at),
        "wake_cause": str(session.wake),
        "woken": WOKEN[session.wake],
        "resumed": session.resumed,
        "tools": str(session.tools),
        "control": control_object(session.control) if session.control else None,
    }


def _server_pid(session: Session) -> int | None:
    """The process that keeps the session: its tmux server, or the server whose thread it is."""
    if session.thread is not None:
        return session.thread.server.pid if session.thread.server is not None else None
    server = session.processes.server if session.processes else None
    return server.pid if server is not None else None


def control_object(control: ControlRequest) -> dict[str, Any]:
    """What an operator asked of a running session last."""
    return {
        "kind": str(control.kind),
        "by": control.by,
        "at": iso(control.at),
        "ended_at": iso(control.ended_at),
        "failed": control.failed,
        "note": control.note,
    }


def pooled_object(session: Session) -> dict[str, Any]:
    """One session of a peer's pool: a spare is for no conversation yet."""
    return {
        **session_object(session),
        "state": str(session.state),
        "why": session.why,
        "since": iso(session.since),
        "spare": session.spare,
        "topic": session.topic,
    }


def peer_object(state: PeerState, now: float, heads: Mapping[str, str]) -> dict[str, Any]:
    """Everything `show` tells. `heads`: how the bodies of its messages begin, by id, as far as known."""
    peer, refusal = state.peer, state.refusal
    quarantine, last, hindered = peer.quarantine, peer.last_death, peer.hindered
    return {
        **peer_row(state, now),
        "settings": show_settings(peer.settings),
        "pool": [pooled_object(session) for session in state.pool],
        "conversation": peer.conversation,
        "held_by": None,
        "topics": list(peer.topics),
        "quarantine": {"until": iso(quarantine.until), "why": quarantine.why} if quarantine else None,
        "last_death": {"cause": str(last.cause), "at": iso(last.at), "why": last.why} if last else None,
        "refusal": {"message": refusal.message, "why": refusal.why} if refusal else None,
        "failures": peer.failures,
        "hindered": {"why": hindered.why, "since": iso(hindered.since), "tries": hindered.tries}
        if hindered
        else None,
        "messages": [message_row(message, heads.get(message.id, "")) for message in state.messages],
    }


def elsewhere_object(row: Mapping[str, Any]) -> dict[str, Any]:
    """What `show` tells of a peer of another host: what that host does not tell is empty."""
    return {
        **row,
        "settings": {},
        "pool": [],
        "conversation": None,
        "held_by": None,
        "topics": [],
        "quarantine": None,
        "last_death": None,
        "refusal": None,
        "failures": 0,
        "hindered": None,
        "messages": [],
    }


def message_object(message: Message) -> dict[str, Any]:
    """One row of `messages`."""
    notice = message.notice
    return {
        "id": message.id,
        "from": message.sender,
        "to": message.to,
        "topic": message.topic,
        "reply_to": message.reply_to,
        "state": str(message.state),
        "why": message.why,
        "size": message.size,
        "when": str(message.timing),
        "created_at": iso(message.created_at),
        "accepted_at": iso(message.accepted_at),
        "done_at": iso(message.done_at),
        "expires_at": iso(message.expires_at),
        "notice": {"about": notice.about, "outcome": notice.outcome, "why": notice.why} if notice else None,
        "attachments": list(message.attachments),
    }


def message_row(message: Message, beginning: str) -> dict[str, Any]:
    """One row of `messages`, with how its body begins."""
    return {**message_object(message), "text": beginning}


def message_story(
    stored: StoredMessage,
    recipient: dict[str, Any] | None,
    body: bytes,
    *,
    whole: bool = False,
    reply_by: float | None = None,
    unanswered: Message | None = None,
) -> dict[str, Any]:
    """`message ID`: the message, its attempts, its replies, the story in order, and what its recipient does.

    `text`: how its body begins; `body`: all of it, where that was asked for. `attempts` are offers and what
    became of them; the story tells the steps around them too. `recipient`: its row of `list`, None when there
    is no such peer any more. `reply_by`: until when its sender awaits an answer; `unanswered`: the notice
    that none has come in time.
    """
    attempts = [
        {"at": iso(attempt.at), "session": attempt.session, "outcome": attempt.outcome, "why": attempt.why}
        for attempt in stored.attempts
        if attempt.outcome not in STEPS
    ]
    return {
        **message_row(stored.message, head(body)),
        **({"body": body.decode("utf-8", "replace")} if whole else {}),
        "attempts": attempts,
        "replies": [reply.id for reply in stored.replies],
        "reply_by": iso(reply_by),
        "story": story(stored, unanswered.created_at if unanswered is not None else None),
        "recipient": {key: recipient[key] for key in ("state", "why")} if recipient is not None else None,
    }


def trace_object(message: Message, spans: Sequence[Span]) -> dict[str, Any]:
    """`message ID --trace`: its trace, span by span, its own first."""
    return {
        "message": message.id,
        "to": message.to,
        "state": str(message.state),
        "trace_id": message.trace.trace,
        "spans": [span_object(span) for span in spans],
    }


def span_object(span: Span) -> dict[str, Any]:
    """One span. `took`: seconds, None while it goes on."""
    return {
        "trace_id": span.context.trace,
        "span_id": span.context.span,
        "parent_span_id": span.parent,
        "name": span.name,
        "kind": span.kind,
        "start": iso(span.start),
        "end": iso(span.end),
        "took": span.took,
        "outcome": span.outcome,
        "error": span.failed,
        "attributes": dict(span.attributes),
        "events": [{"name": name, "at": iso(at)} for name, at in span.events],
        "links": [{"trace_id": link.trace, "span_id": link.span} for link in span.links],
    }


def inbox_item(message: Message, body: bytes) -> dict[str, Any]:
    """One mail of `inbox`."""
    notice = message.notice
    return {
        "id": message.id,
        "from": message.sender,
        "topic": message.topic,
        "reply_to": message.reply_to,
        "body": body.decode("utf-8", "replace"),
        "at": iso(message.created_at),
        "read_at": iso(message.done_at) if message.state is MessageState.DONE else None,
        "attachments": list(message.attachments),
        "notice": {"about": notice.about, "outcome": notice.outcome, "why": notice.why} if notice else None,
    }


def gc_object(
    findings: Iterable[Finding],
    orphans: Sequence[Mapping[str, Any]],
    alarm: str | None,
    *,
    closed: int,
    daemon: bool,
) -> dict[str, Any]:
    """What `gc` found: every peer, processes without a live row, what was closed.

    Of those processes: their session, its peer where they name it, and whether the store has closed it.
    """
    return {
        "daemon": daemon,
        "closed": closed,
        "alarm": alarm,
        "found": [
            {
                "peer": finding.peer,
                "session": finding.session,
                "generation": finding.generation,
                "outcome": str(finding.outcome),
                "action": str(finding.action),
                "why": finding.why,
            }
            for finding in findings
        ],
        "orphans": [dict(orphan) for orphan in orphans],
    }


def event_object(row: JournalRow) -> dict[str, Any]:
    """One line of `events`."""
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


def check_after(after: int, newest: int) -> None:
    """Raise NotFoundError for a number that the journal has not come to: what comes would not be told."""
    if after > newest:
        raise NotFoundError(
            f"the journal has no line {after} yet, its newest is {newest};"
            " after a `roost restore` it goes on from the newest of the backup"
        )


def death_object(death: Death) -> dict[str, Any]:
    """One row of `deaths`."""
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
        "conversation": death.conversation,
        "last_lines": list(death.last_lines),
    }
