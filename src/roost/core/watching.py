"""What is told to those who watch: of a peer by the transition that changes it, each thing once."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import derive, host_of
from roost.core.vocabulary.message import Message, Notice
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.phrases import ENDED, told
from roost.core.vocabulary.session import Death, Session, SessionState
from roost.core.vocabulary.watch import TELLS, Watch, Watched

News = tuple[str, str]
"""What names the news among all of its watch, and its sentence."""
GONE = "removed"
"""The outcome of the last notice of a watch whose peer is not here any more."""


def on_watch(step: Step, event: r.WatchPeer) -> None:
    """Somebody wants to be told of this peer. What is so already is told at once."""
    name = step.peer.name
    watch = replace(event.watch, subject=name)  # it may have got another name meanwhile
    if step.peer.removing:
        return step.refuse(f"'{name}' is being removed")
    if step.traits.mailbox:
        return step.refuse(f"'{name}' is a mailbox: it runs nothing that could be {watch.kind}")
    step.emit(c.AddWatch(watch))
    now = _now(watch.kind, step.state)
    if now is not None:
        step.emit(*tell(watch, [now]))
    return None


def news(
    watches: Iterable[Watch],
    before: PeerState,
    after: PeerState | None,
    commands: Iterable[c.Command],
    now: float,
) -> list[c.Command]:
    """What a transition of one peer means for the watches that are about it, or about topics."""
    commands = tuple(commands)
    gone = _gone(before.peer.name, commands)
    made: list[c.Command] = []
    for watch in watches:
        if now >= watch.expires_at:
            continue
        found = list(_found(watch, before, after, commands))
        made += tell(watch, found)
        if gone is not None and watch.of_peer is not None:
            if not (watch.once and found):
                made.append(_notice(watch, GONE, (GONE, gone)))
            made.append(c.EndWatch(watch.id))
    return made


def tell(watch: Watch, found: Iterable[News]) -> list[c.Command]:
    """Tell the watcher what was found and not told before; a watch ends when it has told enough."""
    made: list[c.Command] = []
    for each in found:
        if each[0] == watch.last:
            continue
        watch = replace(watch, told=watch.told + 1, last=each[0])
        if watch.once:
            return [*made, _notice(watch, str(watch.kind), each), c.EndWatch(watch.id)]
        if watch.told >= TELLS:
            words = f"{each[1]}. This watch has told {TELLS} times, which is the most, and has ended"
            return [*made, _notice(watch, str(watch.kind), (each[0], words)), c.EndWatch(watch.id)]
        made += (_notice(watch, str(watch.kind), each), c.SaveWatch(watch))
    return made


def expire(watch: Watch) -> list[c.Command]:
    """The time of a watch is over. Who has heard nothing of it hears that."""
    end = c.EndWatch(watch.id)
    if watch.told:
        return [end]
    return [
        _notice(watch, "expired", ("expired", f"{about(watch)}: nothing to tell until its time was over")),
        end,
    ]


def about(watch: Watch) -> str:
    """What a watch is about, in words."""
    match watch.kind:
        case Watched.TOPIC:
            return f"messages on topic '{watch.subject}'"
        case Watched.FILE:
            return f"two peers writing {watch.subject}"
        case _:
            return f"'{watch.subject}' {watch.kind}"


def _notice(watch: Watch, outcome: str, found: News) -> c.Notify:
    key, sentence = found
    notice = Notice(watch.id, outcome, sentence, watch=True)
    return c.Notify(derive(watch.id, key), watch.watcher, notice, since=watch.created_at)


def _found(
    watch: Watch, before: PeerState, after: PeerState | None, commands: tuple[c.Command, ...]
) -> Iterator[News]:
    if watch.kind is Watched.TOPIC:
        yield from (_written(each) for each in _new(before, commands) if _concerns(watch, each))
    elif watch.kind is Watched.ENDED:
        for command in commands:
            if isinstance(command, c.CloseSession) and not _spare(before, command.death):
                yield command.death.session, _ended(watch.subject, command.death)
    elif after is not None and _now(watch.kind, before) is None and not _roused(watch, after):
        now = _now(watch.kind, after)
        yield from () if now is None else (now,)


def _now(kind: Watched, state: PeerState) -> News | None:
    """What is so of the peer already, by the state alone; None: it is not."""
    name, session = state.peer.name, state.session
    if kind is Watched.ENDED:
        if state.sessions:
            return None
        last = state.peer.last_death
        ended = f"; the last one {told(last.cause, last.why)}" if last is not None else " and had none"
        return last.session if last is not None else "none", f"'{name}' has no session{ended}"
    if session is None:
        return None
    if kind is Watched.BLOCKED and session.state is SessionState.BLOCKED:
        return _moment(session), f"'{name}' is blocked: {session.why}"
    if kind is Watched.IDLE and session.state is SessionState.IDLE and not (state.queued or state.in_flight):
        return _moment(session), f"'{name}' is idle"
    return None


def _roused(watch: Watch, after: PeerState) -> bool:
    """Whether the peer comes to rest after a turn on what a watch has told: two of them would never rest.

    Who has heard nothing yet is told all the same.
    """
    idle = watch.kind is Watched.IDLE and watch.told > 0
    return idle and after.session is not None and after.session.roused


def _moment(session: Session) -> str:
    """Names a state of the session for as long as it has done nothing since."""
    return f"{session.id} {session.active_at}"


def _spare(before: PeerState, death: Death) -> bool:
    session = before.find_session(death.session)
    return session is not None and session.spare


def _ended(name: str, death: Death) -> str:
    if death.signal is not None:
        how = f" (signal {death.signal})"
    else:
        how = f" (exit code {death.exit_code})" if death.exit_code else ""
    return f"'{name}' {ENDED[death.cause]}{how}"


def _new(before: PeerState, commands: tuple[c.Command, ...]) -> Iterator[Message]:
    """The messages that came to the peer with this transition."""
    for command in commands:
        if isinstance(command, c.SaveMessage):
            message = command.message
            if before.message(message.id) is None:  # it may have been offered already
                yield message


def _concerns(watch: Watch, message: Message) -> bool:
    """Whether the message is on the topic, and one that the watcher does not know of by itself."""
    known = watch.watcher in (message.sender, message.to)
    return message.topic == watch.subject and message.notice is None and not known


def _written(message: Message) -> News:
    return message.id, (
        f"'{message.sender}' wrote to '{message.to}' on topic '{message.topic}' (message {message.id})"
    )


def _gone(name: str, commands: tuple[c.Command, ...]) -> str | None:
    """Why a peer cannot be watched here any more, in words."""
    for command in commands:
        if isinstance(command, c.Purge):
            return f"'{name}' was removed, and with it this watch"
        if isinstance(command, c.Rename) and (host := host_of(command.new)) is not None:
            return f"'{name}' has moved to host '{host}', and this watch has ended"
    return None
