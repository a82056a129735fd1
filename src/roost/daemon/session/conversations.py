"""What was said in the conversations of peers, by the records of their programs. Everything here blocks."""

from roost.core.vocabulary.identity import HUMAN
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Session, stand_in
from roost.daemon.session.contexts import Contexts
from roost.errors import RefusedError
from roost.runtimes.context import Context
from roost.runtimes.registry import Runtimes
from roost.runtimes.turns.record import UnreadableError
from roost.runtimes.turns.transcript import Transcript


class AtItsServerError(RefusedError):
    """The server of a thread keeps its record, and nobody is there to ask it."""


def session_of(state: PeerState, topic: str | None, last: str | None) -> Session:
    """The session whose conversation is asked for; one that stands for it where none runs.

    `topic`: of a peer that keeps its conversations apart. `last`: that of its latest ended session. Raises
    RefusedError.
    """
    peer, name = state.peer, state.peer.name
    if peer.settings.runtime == HUMAN:
        raise RefusedError(f"'{name}' is a mailbox and has no conversation; see `roost inbox {name}`")
    if topic is not None:
        live = next((each for each in state.sessions if each.topic == topic and each.conversation), None)
        if live is not None:
            return live
        kept = next((each.id for each in peer.conversations if each.topic == topic), None)
        if kept is None:
            known = ", ".join(
                f"'{each.topic}'" for each in (*state.sessions, *peer.conversations) if each.topic
            )
            raise RefusedError(
                f"'{name}' has no conversation of topic '{topic}'; known are: {known or 'none'}"
            )
        return stand_in("", name, peer.generation, kept)
    if state.session is not None and state.session.conversation is not None:
        return state.session
    conversation = peer.conversation or last
    if conversation is None:
        raise RefusedError(f"'{name}' has had no conversation yet")
    return stand_in("", name, peer.generation, conversation)


def open_transcript(runtimes: Runtimes, context: Context, name: str, *, whole: bool) -> Transcript:
    """What was said in the context's conversation. Raises RefusedError: nobody can tell, and why."""
    runtime, conversation = context.settings.runtime, context.session.conversation
    if runtime not in runtimes.names():
        raise RefusedError(f"'{name}' is of runtime '{runtime}', which is not configured now")
    try:
        transcript = runtimes.get(runtime).said(context, whole=whole)
    except OSError as error:
        raise unreadable(name, error) from error
    if transcript is None and context.settings.threaded:
        raise AtItsServerError(
            f"'{name}' is a thread of a server whose rollouts are not in the CODEX_HOME that agents get;"
            " while the daemon runs, its server is asked"
        )
    if transcript is None:
        raise RefusedError(
            f"'{name}' is of runtime '{runtime}', whose program keeps no record that roost can read;"
            f" `roost logs {name}` shows what its terminal showed"
        )
    if not transcript.record.where:
        transcript.close()
        raise RefusedError(
            f"there is no record of conversation {conversation} of '{name}': its program has not written it"
            " yet, or it was removed"
        )
    return transcript


def unreadable(name: str, error: OSError) -> UnreadableError:
    """What is told where the record of a peer's conversation cannot be read."""
    return UnreadableError(f"the record of '{name}' cannot be read: {error.strerror or error}")


def opened(
    contexts: Contexts, runtimes: Runtimes, state: PeerState, session: Session, *, whole: bool
) -> Transcript:
    """The transcript of a peer's session. Raises RefusedError, UnreadableError."""
    context = contexts.of(session, state.peer.settings)
    return open_transcript(runtimes, context, state.peer.name, whole=whole)
