"""What becomes of a sent message, for who waits for it."""

import asyncio

from msgspec import Struct, field

from roost.core.vocabulary.message import READ, Message, MessageState
from roost.daemon.hosts.views import Views
from roost.daemon.serve.progress import PeerProgress, Progress
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import race, won
from roost.daemon.state.waits import Waits
from roost.errors import RoostError, WaitTimeoutError


class Sent(Struct, frozen=True):
    """What became of a sent message; `reply` is the first reply with its body, when one was waited for."""

    message: Message
    reply: tuple[Message, str] | None = None
    advice: list[str] = field(default_factory=list[str])


class Outcome:
    """Follows one message from before it is stored."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        views: Views,
        waits: Waits,
        changes: asyncio.Queue[Message],
        replies: asyncio.Queue[Message],
        progress: Progress,
    ) -> None:
        """Hear of its `changes` and `replies`, and tell of them."""
        self._machine = machine
        self._fleet = fleet
        self._views = views
        self._waits = waits
        self._changes = changes
        self._replies = replies
        self._progress = progress

    async def awaited(self, message: Message, wait: str, timeout: float | None) -> Sent:
        """Return when it is where `wait` wants it; `timeout`: seconds, none or 0 for as long as it takes.

        Raises WaitTimeoutError when time is up, RoostError when that can no longer come.
        """
        timer = [self._machine.clock.sleep(timeout)] if timeout else []
        outcome, *_ = await race(self._awaited(message, wait), *timer)
        if not won(outcome):
            raise WaitTimeoutError(
                f"not {wait} yet; the message stays: `roost message {message.id}`", id=message.id
            )
        final, reply = outcome.result()
        _check_end(final, reply, wait)
        return Sent(final, reply)

    async def _awaited(self, message: Message, wait: str) -> tuple[Message, tuple[Message, str] | None]:
        """Follow a message until the awaited point, an end that excludes it, or its reply."""
        follow = self._follow(message, wait)
        if wait != "replied":
            return await follow, None
        answer = await self._earlier_reply(message)
        if answer is None:
            reply, watch = await race(self._replies.get(), follow)
            if not won(reply):
                return watch.result(), None
            answer = reply.result()
        else:
            follow.close()
        body = await self._machine.store.body(answer.id)
        stored = await self._machine.store.message(message.id)
        return stored.message if stored else message, (answer, (body or b"").decode("utf-8", "replace"))

    async def _earlier_reply(self, message: Message) -> Message | None:
        """The first reply that is there already: the message may have been sent before under its key."""
        stored = await self._machine.store.message(message.id)
        return stored.replies[0] if stored is not None and stored.replies else None

    def _reader(self, name: str) -> str | None:
        """The session that reads the recipient's mail itself, if it is one."""
        state = self._fleet.find(name)
        session = state.session if state is not None else None
        return session.id if session is not None and session.reads else None

    async def _follow(self, message: Message, wait: str) -> Message:
        """Report changes until the message is where the caller wants it, or can never get there."""
        reached = {
            "accepted": (MessageState.ACCEPTED, MessageState.DONE),
            "done": (MessageState.DONE,),
            "replied": (),
        }[wait]
        stored = await self._machine.store.message(message.id)
        latest = stored.message if stored else message
        reader: str | None = None
        with self._waits.peer(message.to) as peers:
            recipient = PeerProgress(
                self._fleet, self._views, message.to, self._machine.clock, self._progress
            )
            while True:
                recipient.look()
                if latest.state in reached:
                    return latest
                read = latest.state is MessageState.DONE and latest.why == READ
                if not latest.final or reader is None:
                    reader = self._reader(message.to)
                if latest.final and (not read or reader != self._reader(message.to)):
                    return latest  # as of a reader that has ended
                change, _ = await race(self._changes.get(), peers.get())
                if won(change):
                    latest = change.result()
                    self._progress({"message": str(latest.state), "why": latest.why})


def _check_end(message: Message, reply: tuple[Message, str] | None, wait: str) -> None:
    """Raise RoostError when the awaited point can no longer come."""
    if wait == "replied" and reply is None:
        if message.state is MessageState.DONE:
            how = "has read it and ended" if message.why == READ else "ended its turn"
            raise RoostError(
                f"'{message.to}' {how} without a reply; a later one comes to `roost inbox {message.sender}`",
                id=message.id,
            )
        raise RoostError(f"no reply will come: the message is {message.state} ({message.why})", id=message.id)
    if wait != "replied" and message.state not in (MessageState.ACCEPTED, MessageState.DONE):
        raise RoostError(f"the message is {message.state}: {message.why}", id=message.id)
