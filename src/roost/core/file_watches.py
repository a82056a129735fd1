"""Files that two peers write at about the same time: told once for each pair and burst.

What a watch has seen stands in the watch itself, so a daemon that dies between two writes forgets neither.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.patterns import matches
from roost.core.vocabulary.view import iso
from roost.core.vocabulary.watch import WINDOW, WRITES, Pair, Watch, Write
from roost.core.watching import News, tell


def written(watch: Watch, write: Write, now: float) -> list[c.Command]:
    """What a write means for a watch of files.

    One that is long past is nothing to warn of, nor one before the watch: a new daemon hears of those again.
    """
    if now >= watch.expires_at or write.at < max(watch.created_at, now - WINDOW):
        return []
    if not _concerns(watch, write.path):
        return []
    key = (write.peer, write.path)
    recent = [each for each in watch.wrote if now - each.at <= WINDOW and (each.peer, each.path) != key]
    pairs = {(each.path, each.peers): each for each in watch.pairs if now - each.at <= WINDOW}
    found: list[News] = []
    for other, pair in _met(recent, write):
        if (pair.path, pair.peers) not in pairs:
            found.append(_news(other, write))
        pairs[pair.path, pair.peers] = pair
    seen = replace(watch, wrote=(*recent, write)[-WRITES:], pairs=tuple(pairs.values())[-WRITES:])
    return tell(seen, found) if found else [c.SaveWatch(seen)]


def _concerns(watch: Watch, path: str) -> bool:
    return path == watch.subject or matches(path, (watch.subject,))


def _met(recent: list[Write], write: Write) -> Iterator[tuple[Write, Pair]]:
    """The writes of others with which this one meets, each with what is remembered of that."""
    for other in recent:
        if other.path == write.path and abs(other.at - write.at) <= WINDOW:
            one, two = sorted((other.peer, write.peer))
            yield other, Pair(write.path, (one, two), max(other.at, write.at))


def _news(one: Write, two: Write) -> News:
    first, last = sorted((one, two), key=lambda write: write.at)
    words = (
        f"'{first.peer}' wrote {first.path} at {iso(first.at)} and '{last.peer}' at {iso(last.at)},"
        f" within {WINDOW:.0f} s of each other"
    )
    return f"{last.path} {last.peer} {first.peer} {last.at}", words
