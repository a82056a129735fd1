"""The events of the journal as sentences."""

from collections.abc import Callable

from roost.cli.output import one_line
from roost.client.connection import Record
from roost.core.vocabulary.phrases import ENDED as ENDS
from roost.core.vocabulary.phrases import WOKEN

_WOKEN: dict[str, str] = {str(cause): said for cause, said in WOKEN.items()}
ENDED: dict[str, str] = {str(cause): said for cause, said in ENDS.items()}
"""How a session ended, by its cause; see `core.words`."""


def _because(words: str, data: Record) -> str:
    why = one_line(data.get("why"))
    return f"{words}: {why}" if why else words


def _starting(event: Record, data: Record) -> str:
    by = f" by {data['by']}" if data.get("by") else ""
    return f"is woken{by} {_WOKEN.get(str(event.get('cause')), event.get('cause') or '')}".rstrip()


def _stopped(event: Record, data: Record) -> str:
    end = ENDED.get(str(event.get("cause")), f"ended ({event.get('cause')})")
    by = f" by {data['by']}" if data.get("by") not in (None, "", "roost", event.get("peer")) else ""
    evidence = one_line(data.get("evidence"))
    return f"{end}{by}: {evidence}" if evidence else f"{end}{by}"


def _message(words: str) -> Callable[[Record, Record], str]:
    def sentence(event: Record, data: Record) -> str:
        return _because(words.format(id=str(event.get("message"))[:16], sender=data.get("sender")), data)

    return sentence


def _state(words: str) -> Callable[[Record, Record], str]:
    return lambda _event, data: _because(words, data)


_SENTENCES: dict[str, Callable[[Record, Record], str]] = {
    "added": lambda _event, data: f"was made ({data.get('runtime')} in {data.get('dir')})",
    "removed": _state("was removed"),
    "renamed": lambda _event, data: f"was called {data.get('from')} before",
    "move-begun": lambda _event, data: f"moves to {data.get('host')}, as {data.get('by')} asked",
    "move-ended": lambda _event, data: _because(f"does not move to {data.get('host')}", data),
    "moved": lambda _event, data: f"lives on {data.get('host')} now",
    "moved-in": lambda _event, data: f"has come from {data.get('host')}, and lives here now",
    "disowned": lambda _event, data: f"is not woken here: it has moved to {data.get('host')}",
    "starting": _starting,
    "ready": lambda _event, data: "is at its prompt" + (f" after {data['took']} s" if "took" in data else ""),
    "idle": _state("is idle"),
    "working": _state("works"),
    "blocked": _state("needs a person"),
    "stopping": lambda event, data: _because(f"is being ended ({event.get('cause')})", data),
    "stopped": _stopped,
    "adopted": lambda event, data: (
        f"was given a session that the registry did not know, by {data.get('by')}"
        if event.get("cause") == "claimed"
        else _because("was taken over by a new daemon", data)
    ),
    "hooked": lambda _event, _data: "is handed its mail from now on: a hook of it has called",
    "quarantined": _state("is not woken for a while"),
    "fresh-next": lambda _event, data: f"begins anew at its next wake, as {data.get('by')} asked",
    "interrupting": lambda _event, data: f"is to end its turn, as {data.get('by')} asked",
    "interrupted": _state("ended its turn"),
    "not-interrupted": _state("did not end its turn"),
    "compacting": lambda _event, data: f"is to compact its conversation, as {data.get('by')} asked",
    "compacted": _state("compacted its conversation"),
    "not-compacted": _state("did not compact its conversation"),
    "daemon-started": lambda _event, _data: "has a new daemon",
    "notify-failing": lambda _event, data: _because(f"cannot notify by rule '{data.get('rule')}'", data),
    "notify-works": lambda _event, data: f"can notify by rule '{data.get('rule')}' again",
    "not-notified": lambda _event, data: _because(
        f"gave up a notification ({data.get('about')}) by rule '{data.get('rule')}'", data
    ),
    "taken-over": lambda _event, data: f"has {data.get('by')} typing into its terminal from a browser",
    "token-made": lambda _event, data: f"made the join token {data.get('token')}",
    "host-joined": lambda _event, data: f"let the host {data.get('host')} in by {data.get('token')}",
    "host-left": lambda _event, data: f"has the host {data.get('host')} no more: it left",
    "host-revoked": lambda _event, data: f"lets the host {data.get('host')} in no more: it was revoked",
    "roster-behind": lambda _event, data: (
        f"had its roster put back from a copy, and knows again of {', '.join(data.get('hosts') or ())};"
        " join tokens made before let nobody in"
    ),
    "host-refused": lambda _event, data: _because(f"did not let '{data.get('host')}' in", data),
    "hub-refused": lambda _event, data: _because(
        f"turned {data.get('host') or 'somebody'} away at the hub ({data.get('nkey')})", data
    ),
    "frame-refused": lambda event, data: (
        f"took nothing that came in the name of {data.get('host')}: {event.get('cause')}"
    ),
    "question": lambda _event, data: f"asks ({data.get('id')}): {data.get('text')}",
    "answering": lambda _event, data: (
        f"is given the answer '{data.get('label')}' to {data.get('id')} by {data.get('by')}"
    ),
    "answered": lambda _event, data: (
        f"was answered {data.get('id')}: '{data.get('label')}' by {data.get('by')}"
    ),
    "not-answered": lambda _event, data: _because(f"did not get the answer to {data.get('id')}", data),
    "question-gone": lambda _event, data: _because(f"asks {data.get('id')} no more", data),
    "asking": lambda _event, data: f"is to {data.get('method')}: '{data.get('host')}' was asked for it",
    "asked": lambda _event, data: f"is to {data.get('method')}, as '{data.get('host')}' asked",
    "asked-refused": lambda _event, data: _because(
        f"does not {data.get('method')} as '{data.get('host')}' asked", data
    ),
    "queued": _message("has message {id} from {sender}"),
    "notice": _message("is sent notice {id}"),
    "offered": _message("is handed message {id}"),
    "held": _message("is not handed message {id} yet"),
    "released": _message("is handed message {id} now"),
    "accepted": _message("took message {id}"),
    "done": _message("is done with message {id}"),
    "expired": _message("did not get message {id} in time"),
    "refused": _message("refused message {id}"),
    "dead-letter": _message("will not deal with message {id}"),
}


def sentence(event: Record) -> str:
    """What happened, without when and to whom; kinds that have no sentence are shown as they are stored."""
    data: Record = event.get("data") or {}
    if event["kind"] == "unknown":
        words = f"may or may not have message {str(event['message'])[:16]}" if event.get("message") else None
        return _because(words or "is in a state that is not known", data)
    known = _SENTENCES.get(str(event["kind"]))
    if known is not None:
        return one_line(known(event, data))
    rest = [f"cause={event['cause']}"] if event.get("cause") else []
    rest += [f"{key}={one_line(value)}" for key, value in data.items() if value not in (None, "")]
    return " ".join([str(event["kind"]), *rest])
