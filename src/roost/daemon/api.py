"""What people and agents can ask of the daemon: one composition behind the socket, MCP and HTTP."""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from roost.core import events as e
from roost.core.identity import OPERATOR, check_name, derive
from roost.core.limits import BODY_BYTES, KEY_CHARACTERS, TOPIC_CHARACTERS
from roost.core.message import Message, MessageState
from roost.core.peer import Peer, PeerState, Settings, WakeMode
from roost.core.session import SessionState
from roost.core.settings import apply_settings, show_settings
from roost.daemon.attachments import copy_attachments
from roost.daemon.fleet import Fleet
from roost.daemon.live import Live, Lives
from roost.daemon.machine import Machine
from roost.daemon.tasks import race, won
from roost.daemon.waits import Waits
from roost.errors import DeniedError, NotFoundError, RefusedError, RoostError, UsageError, WaitTimeoutError
from roost.present import message_object, peer_object, peer_row
from roost.store.interfaces import StoredMessage

Progress = Callable[[dict[str, Any]], None]
"""Takes `{"state", "why"}` while a caller waits."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the operator (through the socket, without a token), or an agent, proven by its token."""

    peer: str | None = None
    session: str | None = None

    @property
    def is_agent(self) -> bool:
        """An agent may only use the agent's tools."""
        return self.peer is not None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to send, as asked for. `ttl` and `timeout` are seconds."""

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


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a sent message; `reply` is the first reply with its body, when one was waited for."""

    message: Message
    reply: tuple[Message, str] | None = None
    advice: list[str] = field(default_factory=list[str])


class Api:
    """The daemon's operations."""

    def __init__(self, machine: Machine, fleet: Fleet, lives: Lives, waits: Waits) -> None:
        """Work on this fleet."""
        self.machine = machine
        self.fleet = fleet
        self._lives = lives
        self._waits = waits
        self._sending: dict[str, asyncio.Lock] = {}

    # peers

    def rows(self) -> list[dict[str, Any]]:
        """The registry. The operator's own mailbox is not a peer to be listed."""
        now = self.machine.clock.now()
        return [peer_row(state, now) for state in self.fleet.states() if state.peer.name != OPERATOR]

    def row(self, name: str) -> dict[str, Any]:
        """One peer's row."""
        return peer_row(self.fleet.get(name), self.machine.clock.now())

    def show(self, name: str) -> dict[str, Any]:
        """Everything about one peer."""
        return peer_object(self.fleet.get(name), self.machine.clock.now())

    async def add(self, name: str, pairs: Mapping[str, str]) -> None:
        """Make a peer."""
        check_name(name)
        given = dict(pairs)
        runtime, folder = given.pop("runtime", ""), given.pop("dir", "")
        if not runtime or not folder:
            raise UsageError("a peer needs a runtime and a directory")
        settings = apply_settings(Settings(dir=folder, runtime=runtime), given.items())
        await self._check(settings)
        now = self.machine.clock.now()
        await self.fleet.add(Peer(name, self.machine.ids.token(), settings, created_at=now, since=now))

    async def set(self, name: str, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Change settings; returns all of them."""
        settings = apply_settings(self.fleet.get(name).peer.settings, pairs)
        await self._check(settings)
        await self.fleet.tell(name, e.Configure(settings))
        return show_settings(settings)

    async def _check(self, settings: Settings) -> None:
        self.machine.runtimes.check(settings.runtime)
        if not settings.dir.startswith("/"):
            raise UsageError(f"the directory '{settings.dir}' is not an absolute path")
        if not await asyncio.to_thread(Path(settings.dir).is_dir):
            raise RoostError(f"there is no directory {settings.dir}; make it first")

    async def ensure_operator(self) -> None:
        """The operator has a mailbox, so that agents can answer."""
        if self.fleet.find(OPERATOR) is None:
            settings = Settings(dir="/", runtime="human", description="the person at the command line")
            now = self.machine.clock.now()
            await self.fleet.add(
                Peer(OPERATOR, self.machine.ids.token(), settings, created_at=now, since=now)
            )

    # messages

    async def send(self, caller: Caller, draft: Draft, progress: Progress) -> Sent:
        """Store a message, then wait for what was asked for. Raises WaitTimeoutError when time is up."""
        sender = self._sender(caller, draft)
        body = self._body(draft)
        self.fleet.get(draft.to)
        reply_to = await self._reply_to(draft, sender)
        message_id = self._id(sender, draft)
        lock = self._sending.setdefault(message_id, asyncio.Lock())
        try:
            async with lock:
                with self._waits.message(message_id) as changes, self._waits.replies(message_id) as replies:
                    message, advice = await self._store(message_id, sender, draft, reply_to, body)
                    if draft.wait == "stored":
                        return Sent(message, None, advice)
                    waiting = self._await(message, draft.wait, changes, replies, progress)
                    return await self._timed(waiting, message, draft, advice)
        finally:
            if not lock.locked():
                self._sending.pop(message_id, None)

    def _sender(self, caller: Caller, draft: Draft) -> str:
        if caller.peer is not None:
            if draft.sender not in (None, caller.peer):
                raise DeniedError(f"you are '{caller.peer}' and cannot send as '{draft.sender}'")
            return caller.peer
        if draft.sender is None:
            return OPERATOR
        self.fleet.get(draft.sender)
        return draft.sender

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
        if draft.key is not None and not 0 < len(draft.key) <= KEY_CHARACTERS:
            raise UsageError(f"a key has 1 to {KEY_CHARACTERS} characters")
        return body

    async def _reply_to(self, draft: Draft, sender: str) -> str | None:
        if draft.reply_to is None:
            return None
        whole = await self.machine.store.resolve(draft.reply_to)
        if whole is None:
            raise NotFoundError(f"there is no message '{draft.reply_to}'; see `roost messages`")
        stored = await self.machine.store.message(whole)
        if stored is not None and sender not in (stored.message.to, stored.message.sender, OPERATOR):
            raise DeniedError(f"message {draft.reply_to} was not sent to '{sender}'")
        return whole

    def _id(self, sender: str, draft: Draft) -> str:
        """A new id, or, with an idempotency key, the one id that this sender's key always has."""
        if draft.key is None:
            return self.machine.ids.new()
        return derive(self.fleet.get(sender).peer.seed, "key", draft.key)

    async def _store(
        self, message_id: str, sender: str, draft: Draft, reply_to: str | None, body: bytes
    ) -> tuple[Message, list[str]]:
        digest = hashlib.sha256(body).hexdigest()
        if draft.key is not None:
            known = await self.machine.store.message(message_id)
            if known is not None:
                if (known.message.digest, known.message.to) != (digest, draft.to):
                    raise RefusedError(f"the key '{draft.key}' was used for another message: {message_id}")
                return known.message, []
        now = self.machine.clock.now()
        attachments = (
            await asyncio.to_thread(copy_attachments, draft.attach, self.machine.places.attachments)
            if draft.attach
            else ()
        )
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
        )
        outcome = await self.fleet.tell(draft.to, e.Submit(message), bodies={message_id: body})
        if reply_to is not None and self.fleet.find(sender) is not None:
            await self.fleet.tell(sender, e.Replied(reply_to, message_id))
        return message, outcome.advice

    async def _timed(
        self,
        waiting: Coroutine[Any, Any, tuple[Message, tuple[Message, str] | None]],
        message: Message,
        draft: Draft,
        advice: list[str],
    ) -> Sent:
        timer = [self.machine.clock.sleep(draft.timeout)] if draft.timeout else []
        outcome, *_ = await race(waiting, *timer)
        if not won(outcome):
            raise WaitTimeoutError(
                f"not {draft.wait} yet; the message stays: `roost message {message.id}`", id=message.id
            )
        final, reply = outcome.result()
        _check_end(final, reply, draft.wait)
        return Sent(final, reply, advice)

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
        reply, watch = await race(replies.get(), follow)
        if not won(reply):
            return watch.result(), None
        answer: Message = reply.result()
        body = await self.machine.store.body(answer.id)
        if answer.to == OPERATOR:
            await self.fleet.tell(OPERATOR, e.Acknowledge((answer.id,)))
        stored = await self.machine.store.message(message.id)
        return stored.message if stored else message, (answer, (body or b"").decode("utf-8", "replace"))

    async def _follow(
        self, message: Message, wait: str, changes: asyncio.Queue[Message], progress: Progress
    ) -> Message:
        """Report changes until the message is where the caller wants it, or can never get there."""
        reached = {
            "accepted": (MessageState.ACCEPTED, MessageState.DONE),
            "done": (MessageState.DONE,),
            "replied": (),
        }[wait]
        stored = await self.machine.store.message(message.id)
        latest = stored.message if stored else message
        mailbox = self.fleet.policy.of(self.fleet.get(message.to).peer.settings.runtime).mailbox
        with self._waits.peer(message.to) as peers:
            while True:
                if latest.state in reached:
                    return latest
                read = mailbox and latest.state is MessageState.DONE
                if latest.final and not read:
                    return latest
                latest = await self._news(latest, changes, peers, progress)

    async def _news(
        self,
        latest: Message,
        changes: asyncio.Queue[Message],
        peers: asyncio.Queue[PeerState | None],
        progress: Progress,
    ) -> Message:
        """The next change of the message; the recipient's changes meanwhile are progress."""
        change, peer = await race(changes.get(), peers.get())
        if won(change):
            latest = change.result()
            progress({"state": str(latest.state), "why": latest.why})
        elif (state := peer.result()) is not None and state.session is not None:
            progress({"state": str(state.session.state), "why": state.session.why})
        return latest

    async def message(self, message_id: str) -> StoredMessage:
        """One message by id or unambiguous prefix."""
        stored = await self.machine.store.message(message_id)
        if stored is None:
            raise NotFoundError(f"there is no message '{message_id}'; `roost messages` shows the latest")
        return stored

    async def acknowledge(self, name: str, message_ids: Sequence[str]) -> None:
        """Mark mail as read."""
        if message_ids:
            await self.fleet.tell(name, e.Acknowledge(tuple(message_ids)))

    # sessions

    async def wake(self, name: str, mode: WakeMode, by: str, progress: Progress) -> dict[str, Any]:
        """Bring a peer to its prompt. Raises RoostError when a person is needed or it cannot start."""
        with self._waits.peer(name) as changes:
            before = self.fleet.get(name).session
            await self.fleet.tell(name, e.Wake(mode, by))
            stale = before.id if before is not None and mode is WakeMode.FRESH else None
            return await self._ready(name, stale, changes, progress)

    async def attachable(self, name: str, mode: WakeMode, by: str, progress: Progress) -> None:
        """Bring up a session that a person can join: one that runs is enough, ready or not."""
        with self._waits.peer(name) as changes:
            await self.fleet.tell(name, e.Wake(mode, by))
            while self._lives.of(name) is None:
                state = self.fleet.get(name)
                if state.session is None and state.peer.pending is None:
                    raise RoostError(f"'{name}' could not be woken: {await self._last_reason(name)}")
                if state.session is not None:
                    progress({"state": str(state.session.state), "why": state.session.why})
                await changes.get()

    async def restart(self, name: str, by: str, progress: Progress) -> dict[str, Any]:
        """A fresh session, ready."""
        with self._waits.peer(name) as changes:
            before = self.fleet.get(name).session
            await self.fleet.tell(name, e.Restart(by))
            return await self._ready(name, before.id if before else None, changes, progress)

    async def _ready(
        self, name: str, stale: str | None, changes: asyncio.Queue[PeerState | None], progress: Progress
    ) -> dict[str, Any]:
        """Wait until a session other than the stale one is ready, needs a person, or the wake has failed."""
        launched: str | None = None
        while True:
            state = self.fleet.get(name)
            session = state.session
            if session is not None and session.id != stale:
                launched = session.id
                progress({"state": str(session.state), "why": session.why})
                if session.ready:
                    return self.row(name)
                if session.state is SessionState.BLOCKED:
                    raise RoostError(
                        f"'{name}' needs a person: {session.why}; join it with `roost attach {name}`"
                    )
            if session is None and launched is not None and state.peer.pending is None:
                raise RoostError(f"'{name}' could not be woken: {await self._last_reason(name)}")
            await changes.get()

    async def _last_reason(self, name: str) -> str:
        deaths = await self.machine.store.deaths(name, 1)
        return f"{deaths[-1].cause}: {deaths[-1].evidence}" if deaths else "its session ended at once"

    async def stop(self, name: str, by: str) -> dict[str, Any]:
        """Park a peer and wait until its session is over."""
        with self._waits.peer(name) as changes:
            await self.fleet.tell(name, e.Stop(by))
            while self.fleet.get(name).session is not None:
                await changes.get()
        return self.row(name)

    async def rest(self, name: str) -> None:
        """End a peer's session as a clean park, without stopping the peer."""
        with self._waits.peer(name) as changes:
            await self.fleet.tell(name, e.Rest("operator"))
            while self.fleet.get(name).session is not None:
                await changes.get()

    async def start(self, name: str, by: str) -> dict[str, Any]:
        """Unpark a peer."""
        await self.fleet.tell(name, e.Start(by))
        return self.row(name)

    async def remove(self, name: str, by: str, *, force: bool) -> str:
        """Purge a peer and return its folder, which is kept."""
        if name == OPERATOR:
            raise RefusedError("the operator's mailbox cannot be removed")
        with self._waits.peer(name) as changes:
            folder = self.fleet.get(name).peer.settings.dir
            await self.fleet.tell(name, e.Remove(by, force))
            while self.fleet.find(name) is not None:
                await changes.get()
        return folder

    def live(self, name: str) -> Live:
        """The live session of a peer; raises RefusedError when it sleeps."""
        self.fleet.get(name)
        live = self._lives.of(name)
        if live is None:
            raise RefusedError(f"'{name}' has no live session; wake it with `roost wake {name}`")
        return live

    async def done(self, caller: Caller, summary: str) -> None:
        """An agent says that it is done."""
        if caller.peer is None or caller.session is None:
            raise DeniedError("`done` is for an agent inside its own session")
        await self.fleet.tell(caller.peer, e.Completed(caller.session, summary))

    async def mail(self, name: str) -> list[tuple[Message, bytes]]:
        """The unread mail of a mailbox."""
        self.fleet.get(name)
        return await self.machine.store.inbox(name)

    def waiting(self, name: str) -> list[dict[str, Any]]:
        """Messages that wait for a peer, as an agent sees its own inbox."""
        return [message_object(message) for message in self.fleet.get(name).messages]


def _check_end(message: Message, reply: tuple[Message, str] | None, wait: str) -> None:
    """Raise RoostError when the awaited point can no longer come."""
    if wait == "replied" and reply is None:
        if message.state is MessageState.DONE:
            raise RoostError(
                f"'{message.to}' ended its turn without a reply; a later one comes into your inbox",
                id=message.id,
            )
        raise RoostError(f"no reply will come: the message is {message.state} ({message.why})", id=message.id)
    if wait != "replied" and message.state not in (MessageState.ACCEPTED, MessageState.DONE):
        raise RoostError(f"the message is {message.state}: {message.why}", id=message.id)
