"""Sending: from what was asked for to a stored message, and waiting for what becomes of it."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import HUMAN, OPERATOR, derive
from roost.core.vocabulary.limits import BODY_BYTES, KEY_CHARACTERS, TOPIC_CHARACTERS, TTL_SECONDS
from roost.core.vocabulary.message import Message, MessageState, Timing
from roost.core.vocabulary.view import Shown, shown
from roost.daemon.serve.callers import Caller, Progress
from roost.daemon.state.attachments import Attachments, safe_name
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import race, won
from roost.daemon.state.waits import Waits
from roost.errors import DeniedError, NotFoundError, RefusedError, RoostError, UsageError, WaitTimeoutError
from roost.host.interfaces.clock import Clock


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to send, as asked for. `ttl` and `timeout` are seconds.

    `words`: those of a body that was not written as one; the first of them might be meant as a recipient.
    """

    to: str
    body: str
    sender: str | None = None
    topic: str | None = None
    reply_to: str | None = None
    attach: Sequence[str] = ()
    ttl: float | None = None
    key: str | None = None
    wait: str = "stored"
    timeout: float | None = None
    timing: Timing = Timing.NEXT
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a sent message; `reply` is the first reply with its body, when one was waited for."""

    message: Message
    reply: tuple[Message, str] | None = None
    advice: list[str] = field(default_factory=list[str])


class Sender:
    """Sends messages."""

    def __init__(
        self, machine: Machine, fleet: Fleet, waits: Waits, misplaced: Callable[[str], str | None]
    ) -> None:
        """Send to this fleet's peers; `misplaced` tells what is wrong with the folder of one."""
        self._misplaced = misplaced
        self._machine = machine
        self._fleet = fleet
        self._waits = waits
        self._attachments = Attachments(machine.places.attachments)
        self._sending: dict[str, tuple[asyncio.Lock, int]] = {}

    async def send(self, caller: Caller, draft: Draft, progress: Progress) -> Sent:
        """Store a message, then wait for what was asked for. Raises WaitTimeoutError when time is up."""
        sender = self._sender(caller, draft)
        body = self._body(draft)
        recipient = self._fleet.get(draft.to)
        blank = not (body.strip() if caller.is_agent else body)
        if blank and not draft.attach and not self._fleet.policy.of(recipient.peer.settings.runtime).mailbox:
            raise UsageError("the message is empty; it would wake an agent for nothing")
        if len(draft.words) > 1 and self._fleet.find(draft.words[0]) is not None:
            raise UsageError(
                f"'{draft.words[0]}' is a peer, too, and a message goes to one; where the text for"
                f" '{draft.to}' begins with that word, quote the text"
            )
        reply_to = await self._reply_to(draft, sender, checked=caller.is_agent)
        message_id = self._id(sender, draft)
        with self._waits.message(message_id) as changes, self._waits.replies(message_id) as replies:
            async with self._alone(message_id):
                message, advice = await self._store(message_id, sender, draft, reply_to, body)
            if draft.wait == "stored":
                return Sent(message, None, advice)
            progress({"id": message.id, "notes": advice})
            waiting = self._await(message, draft.wait, changes, replies, progress)
            return await self._timed(waiting, message, draft)

    @contextlib.asynccontextmanager
    async def _alone(self, message_id: str) -> AsyncGenerator[None]:
        """Store one id at a time: two calls with the same key must not both find it unused."""
        lock, others = self._sending.get(message_id, (asyncio.Lock(), 0))
        self._sending[message_id] = lock, others + 1
        try:
            async with lock:
                yield
        finally:
            lock, others = self._sending.pop(message_id)
            if others > 1:
                self._sending[message_id] = lock, others - 1

    def _sender(self, caller: Caller, draft: Draft) -> str:
        if caller.peer is not None:
            if draft.sender not in (None, caller.peer):
                raise DeniedError(f"you are '{caller.peer}' and cannot send as '{draft.sender}'")
            return caller.peer
        name = draft.sender or self._machine.config.sender or OPERATOR
        if not self._fleet.policy.of(self._fleet.get(name).peer.settings.runtime).mailbox:
            raise DeniedError(
                f"'{name}' is an agent, and only it writes in its name; a mailbox of your own is made by"
                " `roost add NAME --runtime human`"
            )
        return name

    def _body(self, draft: Draft) -> bytes:
        try:
            body = draft.body.encode()
        except UnicodeEncodeError as error:
            raise UsageError("the message is not valid Unicode text") from error
        if len(body) > BODY_BYTES:
            raise UsageError(
                f"the message is {len(body)} bytes long, more than 1 MiB; send it as a file with --attach"
            )
        if draft.topic is not None and len(draft.topic) > TOPIC_CHARACTERS:
            raise UsageError(f"the topic is longer than {TOPIC_CHARACTERS} characters")
        for what, seconds in (("ttl", draft.ttl), ("timeout", draft.timeout)):
            if seconds is not None and not 0 <= seconds <= TTL_SECONDS:  # not a number is refused, too
                raise UsageError(f"the {what} is a time from 0 to ten years, in seconds")
        if draft.key is not None and not 0 < len(draft.key) <= KEY_CHARACTERS:
            raise UsageError(f"a key has 1 to {KEY_CHARACTERS} characters")
        return body

    async def _reply_to(self, draft: Draft, sender: str, *, checked: bool) -> str | None:
        """The whole id of the message that this one answers; `checked`: its other party is the recipient."""
        if draft.reply_to is None:
            return None
        whole = await self._machine.store.resolve(draft.reply_to)
        if whole is None:
            raise NotFoundError(f"there is no message '{draft.reply_to}'; see `roost messages`")
        stored = await self._machine.store.message(whole)
        if stored is not None and sender not in (stored.message.to, stored.message.sender, OPERATOR):
            raise DeniedError(f"message {draft.reply_to} was not sent to '{sender}'")
        if checked and stored is not None and stored.message.notice is None:
            parties = {
                self._fleet.called(name) or name for name in (stored.message.sender, stored.message.to)
            }
            others = parties - {sender} or parties  # an answer to oneself would wake nobody else
            if (self._fleet.called(draft.to) or draft.to) not in others:
                other = next(iter(others))
                raise RefusedError(
                    f"message {whole} is from '{other}', and an answer goes there; leave reply_to out to"
                    f" write to '{draft.to}'"
                )
        return whole

    def _id(self, sender: str, draft: Draft) -> str:
        """A new id, or, with an idempotency key, the one id that this sender's key always has."""
        if draft.key is None:
            return self._machine.ids.new()
        return derive(self._fleet.get(sender).peer.seed, "key", draft.key)

    async def _store(
        self, message_id: str, sender: str, draft: Draft, reply_to: str | None, body: bytes
    ) -> tuple[Message, list[str]]:
        digest = hashlib.sha256(body).hexdigest()
        if draft.key is not None:
            known = await self._machine.store.message(message_id)
            if known is not None:
                if not _same(known.message, digest, draft, reply_to):
                    raise RefusedError(f"the key '{draft.key}' was used for another message: {message_id}")
                await self._replied(known.message)
                return known.message, []
        now = self._machine.clock.now()
        attachments = await self._attachments.copy(draft.attach) if draft.attach else ()
        message = Message(
            id=message_id,
            sender=sender,
            to=draft.to,
            created_at=now,
            size=len(body),
            digest=digest,
            topic=draft.topic,
            reply_to=reply_to,
            expires_at=now + draft.ttl if draft.ttl is not None else None,
            attachments=attachments,
            timing=draft.timing,
        )
        outcome = await self._fleet.tell(
            draft.to, r.Submit(message, fresh=draft.key is None), bodies={message_id: body}
        )
        if outcome.state is not None:
            message = replace(message, to=outcome.state.peer.name)
        await self._replied(message)
        wrong = self._misplaced(message.to)
        return message, [*outcome.advice, *([f"'{message.to}': {wrong}"] if wrong is not None else [])]

    async def repeat(self, ended: Message) -> tuple[str, list[str]]:
        """Send a message that ended without being taken once more; returns its new id and advice.

        The new id follows from the old one, so asking twice sends once. Raises RefusedError if it was taken.
        """
        if ended.state is MessageState.DONE or ended.notice is not None:
            raise RefusedError(
                f"message {ended.id} is {ended.state}; send a new one with `roost send {ended.to}`"
            )
        again = derive(self._fleet.get(ended.to).peer.seed, "repeat", ended.id)
        async with self._alone(again):
            if await self._machine.store.message(again) is not None:
                return again, [f"it was sent again before, as message {again}"]
            message = Message(
                id=again,
                sender=ended.sender,
                to=ended.to,
                created_at=self._machine.clock.now(),
                size=ended.size,
                digest=ended.digest,
                topic=ended.topic,
                reply_to=ended.reply_to,
                attachments=ended.attachments,
                timing=ended.timing,
            )
            body = await self._machine.store.body(ended.id)
            event = r.Submit(message, repeats=ended.id)
            outcome = await self._fleet.tell(ended.to, event, bodies={again: body or b""})
            return again, outcome.advice

    async def _replied(self, message: Message) -> None:
        """Note at the sender that it answered; a reply that is sent again says so again.

        A daemon that was killed between storing the reply and this note is told by the repetition.
        """
        sender = self._fleet.find(message.sender)
        if sender is None:
            return
        if sender.peer.settings.runtime == HUMAN and message.sender != OPERATOR:
            await self._fleet.tell(message.sender, f.Seen())
        if message.reply_to is not None:
            await self._fleet.tell(message.sender, f.Replied(message.reply_to, message.id))

    async def _timed(
        self,
        waiting: Coroutine[Any, Any, tuple[Message, tuple[Message, str] | None]],
        message: Message,
        draft: Draft,
    ) -> Sent:
        timer = [self._machine.clock.sleep(draft.timeout)] if draft.timeout else []
        outcome, *_ = await race(waiting, *timer)
        if not won(outcome):
            raise WaitTimeoutError(
                f"not {draft.wait} yet; the message stays: `roost message {message.id}`", id=message.id
            )
        final, reply = outcome.result()
        _check_end(final, reply, draft.wait)
        return Sent(final, reply)

    async def _await(
        self,
        message: Message,
        wait: str,
        changes: asyncio.Queue[Message],
        replies: asyncio.Queue[Message],
        progress: Progress,
    ) -> tuple[Message, tuple[Message, str] | None]:
        """Follow a message until the awaited point, an end that excludes it, or its reply."""
        follow = self._follow(message, wait, changes, progress)
        if wait != "replied":
            return await follow, None
        answer = await self._earlier_reply(message)
        if answer is None:
            reply, watch = await race(replies.get(), follow)
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

    async def _follow(
        self, message: Message, wait: str, changes: asyncio.Queue[Message], progress: Progress
    ) -> Message:
        """Report changes until the message is where the caller wants it, or can never get there."""
        reached = {
            "accepted": (MessageState.ACCEPTED, MessageState.DONE),
            "done": (MessageState.DONE,),
            "replied": (),
        }[wait]
        stored = await self._machine.store.message(message.id)
        latest = stored.message if stored else message
        mailbox = self._fleet.policy.of(self._fleet.get(message.to).peer.settings.runtime).mailbox
        with self._waits.peer(message.to) as peers:
            watch = Watch(self._fleet, message.to, self._machine.clock, progress)
            while True:
                watch.look()
                if latest.state in reached:
                    return latest
                read = mailbox and latest.state is MessageState.DONE
                if latest.final and not read:
                    return latest
                change, _ = await race(changes.get(), peers.get())
                if won(change):
                    latest = change.result()
                    progress({"message": str(latest.state), "why": latest.why})


class Watch:
    """Tells who waits what the recipient does: at the beginning, and at each change."""

    def __init__(self, fleet: Fleet, name: str, clock: Clock, progress: Progress) -> None:
        """Nothing was told yet."""
        self._fleet = fleet
        self._name = name
        self._clock = clock
        self._progress = progress
        self._told: Shown | None = None

    def look(self) -> None:
        """Tell of the recipient's state where it is not what was told last."""
        state = self._fleet.find(self._name)
        if state is None:
            return
        view = shown(state, self._clock.now())
        if self._told is None or (view.state, view.why) != (self._told.state, self._told.why):
            self._told = view
            self._progress({"state": view.state, "why": view.why})


def _same(known: Message, digest: str, draft: Draft, reply_to: str | None) -> bool:
    """Whether a message is what the draft asks for; a file that is there no more is known by its name."""
    names = tuple(Path(path).name for path in known.attachments)
    asked = tuple(safe_name(Path(path).name) for path in draft.attach)
    return (known.digest, known.to, known.topic, known.reply_to, names) == (
        digest,
        draft.to,
        draft.topic,
        reply_to,
        asked,
    )


def _check_end(message: Message, reply: tuple[Message, str] | None, wait: str) -> None:
    """Raise RoostError when the awaited point can no longer come."""
    if wait == "replied" and reply is None:
        if message.state is MessageState.DONE:
            raise RoostError(
                f"'{message.to}' ended its turn without a reply;"
                f" a later one comes to `roost inbox {message.sender}`",
                id=message.id,
            )
        raise RoostError(f"no reply will come: the message is {message.state} ({message.why})", id=message.id)
    if wait != "replied" and message.state not in (MessageState.ACCEPTED, MessageState.DONE):
        raise RoostError(f"the message is {message.state}: {message.why}", id=message.id)
