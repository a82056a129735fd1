"""Compares what agents truly got with what the store says and what senders were promised."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from roost.core.messages import envelope
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.session import Cause, Death
from roost.store.reader import Reader
from roost.store.records import Wanted
from tests.support.chaos_oracle import HEADER
from tests.support.daemon import Roost, sha256


@dataclass(frozen=True, slots=True)
class Promise:
    """A message that the daemon has promised to deliver, in order with the others of its sender."""

    id: str
    body: str
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A prompt that an agent took: the message whose header it begins with, and the digest of all of it."""

    message: str
    digest: str


def judge(roost: Roost, promised: Mapping[str, Sequence[Promise]]) -> list[str]:
    """What is wrong; `promised` holds, for each peer, its messages in the order of their acceptance.

    The daemon is up and at rest, and no session has ended.
    """
    shown = _shown(roost)
    wrong: list[str] = []
    reader = Reader(roost.places.database)
    try:
        ended = filter(_lived, reader.deaths(None, 100))
        wrong += [f"{each.peer} died: {each.cause}, {each.evidence}" for each in ended]
        for state in reader.peers():
            name = state.peer.name
            if name in promised:
                kept = {
                    each.id: each
                    for each in reader.messages(Wanted(to=name), limit=2 * len(promised[name]) + 10)
                }
                found = _compare(state.peer.seed, promised[name], kept, shown.pop(name, []))
                wrong += [f"{name}: {each}" for each in found]
    finally:
        reader.close()
    return wrong + [f"a session that no peer has was prompted: {each}" for each in shown]


def _lived(death: Death) -> bool:
    """Whether an agent has ended: of a launch that a killed daemon has cut short there was none yet."""
    cut = "its launch was cut short; its tree is empty"
    return death.cause is not Cause.UNKNOWN or not death.evidence.startswith(cut)


def _compare(
    seed: str, promised: Sequence[Promise], kept: Mapping[str, Message], shown: Sequence[Shown]
) -> Iterator[str]:
    """One peer."""
    order = [each.id for each in promised]
    times = Counter(each.message for each in shown)
    known = set(order)
    digests = {each.id: _digest(seed, kept[each.id], each.body) for each in promised if each.id in kept}
    yield from _told("lost", (each for each in order if not times[each]))
    yield from _told("doubled", (each for each, count in times.items() if count > 1))
    yield from _told("shown and never promised", (each for each in times if each not in known))
    yield from _told("stored and never promised", (each for each in kept if each not in known))
    undone = (each for each in order if each not in kept or kept[each].state is not MessageState.DONE)
    yield from _told("not done", undone)
    broken = (one.message for one in shown if one.message in digests and digests[one.message] != one.digest)
    yield from _told("not whole", broken)
    first = dict.fromkeys(each.message for each in shown if each.message in known)
    senders = {each.id: each.sender for each in promised}
    wrong: list[str] = []
    for sender in dict.fromkeys(senders.values()):
        came = [each for each in first if senders[each] == sender]
        wanted = (each for each in order if each in first and senders[each] == sender)
        wrong += [a for a, b in zip(came, wanted, strict=True) if a != b]
    yield from _told("out of order", iter(wrong))


def _told(what: str, ids: Iterator[str]) -> Iterator[str]:
    found = list(ids)
    if found:
        yield f"{len(found)} {what}, the first: {', '.join(found[:3])}"


def _digest(seed: str, message: Message, body: str) -> str:
    return sha256(envelope.wrap(message, body, envelope.boundary(seed, message.id, message.attempts)))


def _shown(roost: Roost) -> dict[str, list[Shown]]:
    """The prompts of each peer, in order."""
    sessions = {row["session"]["id"]: row["name"] for row in roost.call("list") if row["session"] is not None}
    found: defaultdict[str, list[Shown]] = defaultdict(list)
    for record in _truth(roost):
        if record["what"] == "prompt":
            match = HEADER.match(record["text"])
            peer = sessions.get(record["session"], record["session"])
            found[peer].append(Shown(match[1] if match else "no message", record["sha256"]))
    return dict(found)


def _truth(roost: Roost) -> Iterator[dict[str, Any]]:
    """The agents' log, line by line: it may be larger than memory."""
    with roost.truth.open("rb") as lines:
        for line in lines:
            yield json.loads(line)
