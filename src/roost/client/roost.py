"""roost for Python programs: `from roost import connect`."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from roost.client.connection import PATIENCE, Answer, Record
from roost.client.requests import Requests
from roost.client.results import (
    Controlled,
    Death,
    Event,
    Found,
    Mail,
    Message,
    MessageDetails,
    Peer,
    PeerDetails,
    Question,
    Said,
    Sent,
    SentTo,
    made,
)
from roost.client.sending import send, send_to
from roost.errors import WaitTimeoutError
from roost.local.paths import find_places

_ENDED = frozenset({"done", "expired", "refused", "dead-letter", "unknown"})


def connect(
    *, home: str | None = None, sender: str | None = None, on_note: Callable[[str], None] | None = None
) -> "Roost":
    """Reach the daemon, as the `roost` command does.

    `home`: as `--home`, by default ROOST_HOME, else the XDG folders. `sender`: the mailbox that messages are
    from, by default ROOST_FROM, else as the config file says. `on_note` gets the lines that the command would
    print to standard error. Inside an agent's session the caller is that agent, by its ROOST_TOKEN.

    Raises NoDaemonError where none runs.
    """
    token = os.environ.get("ROOST_TOKEN") or None
    mine = sender or (None if token else os.environ.get("ROOST_FROM") or None)
    roost = Roost(str(find_places(os.environ, home).socket), token, mine, on_note or _ignore)
    roost.reach()
    return roost


class Roost(Requests):
    """One daemon.

    Each request is a connection of its own, so threads may share this. Every method raises NoDaemonError,
    ConnectionLostError, and what the daemon refuses as the error of `roost.errors`: NotFoundError,
    RefusedError, UsageError, DeniedError, QueueFullError. Durations are seconds.
    """

    # messages

    def send(  # noqa: PLR0913 -- as the command
        self,
        to: str,
        body: str,
        *,
        topic: str | None = None,
        reply_to: str | None = None,
        attach: Sequence[str | os.PathLike[str]] = (),
        ttl: float | None = None,
        reply_within: float | None = None,
        when: Literal["now", "next", "idle"] = "next",
        key: str | None = None,
        wait: Literal["stored", "accepted", "done", "replied"] = "stored",
        timeout: float | None = None,
    ) -> Sent:
        """Send a message; it is stored when this returns, or what `wait` says has happened.

        A send whose connection is lost is repeated by itself, with the same `key`, and stored once. With
        a `key` of yours you may repeat it, too. A reply that is returned counts as read.

        Raises WaitTimeoutError after `timeout` (None: it may take for ever); the message, its fact `id`,
        stays. `reply_within`: without an answer by then your inbox gets a notice, once.
        """
        params: Record = {"to": to, "body": body, "from": self._sender, "topic": topic, "reply_to": reply_to}
        params |= {"attach": _absolute(attach), "ttl": ttl, "when": when, "wait": wait}
        notes: list[str] = []
        ids: list[str] = []
        client = self._client(notes.append)
        patience = PATIENCE if wait == "stored" else None

        def call(method: str, params: Record) -> Answer:
            def heard(event: Record) -> None:
                notes.extend(map(str, event.get("notes") or ()))
                ids.extend([event["id"]] if event.get("id") else [])

            return client.call(method, params, on_event=heard, patience=patience)

        try:
            sent = send(call, {**params, "timeout": timeout, "reply_within": reply_within}, key, notes)
        except WaitTimeoutError as late:
            raise WaitTimeoutError(late.message, **{"id": ids[-1] if ids else None, **late.facts}) from late
        if sent.reply is not None and sent.reply.unread is not None:
            self.acknowledge([sent.reply.id], sent.reply.unread)
        return sent

    def send_to(  # noqa: PLR0913 -- as the command
        self,
        to: Sequence[str],
        body: str,
        *,
        topic: str | None = None,
        attach: Sequence[str | os.PathLike[str]] = (),
        ttl: float | None = None,
        reply_within: float | None = None,
        when: Literal["now", "next", "idle"] = "next",
        key: str | None = None,
        wait: Literal["stored", "accepted", "done", "replied"] = "stored",
        timeout: float | None = None,
        many: bool = False,
    ) -> list[SentTo]:
        """Send a message to each of these peers and groups (`@NAME`), to all of them or to nobody.

        A wait that ran out is the `error` of its recipient. Replies stay unread. `many`: more than 20 peers
        are meant. Raises RefusedError, its facts `key` and `sent`, where the store failed in the middle.
        """
        params: Record = {"to": list(to), "body": body, "from": self._sender, "topic": topic, "yes": many}
        params |= {"attach": _absolute(attach), "ttl": ttl, "when": when, "wait": wait, "timeout": timeout}
        patience = PATIENCE if wait == "stored" else None

        def call(method: str, params: Record) -> Answer:
            return self._client().call(method, params, on_event=self._noted, patience=patience)

        return send_to(call, {**params, "reply_within": reply_within}, key)

    def message(self, message_id: str) -> MessageDetails:
        """A message by its id or the first digits of it, with all of its body."""
        return made(MessageDetails, self._ask("message", id=message_id, body=True))

    def messages(
        self,
        to: str | None = None,
        *,
        sender: str | None = None,
        state: str | None = None,
        topic: str | None = None,
        since: float | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> list[Message]:
        """Queue and history, the newest last. `since`: seconds ago; `limit`: by default 200."""
        wanted = {"name": to, "from": sender, "state": state, "topic": topic, "since": since, "text": text}
        return made(list[Message], self._ask("messages", **wanted, limit=limit))

    def wait(
        self, message_id: str, timeout: float | None = None, *, until: Literal["accepted", "done"] = "done"
    ) -> MessageDetails:
        """Wait until a message is accepted, or done; also returns when it has ended otherwise.

        Look at its `state`. Raises WaitTimeoutError after `timeout`; the message stays.
        """
        enough = _ENDED if until == "done" else _ENDED | {"accepted"}
        deadline = None if timeout is None else time.monotonic() + timeout
        last = self._newest()
        while (message := self.message(message_id)).state not in enough:
            left = None if deadline is None else deadline - time.monotonic()
            last = self._next(last, message.to, left)
            if last is None:
                raise WaitTimeoutError(
                    f"message {message.id} is not {until} yet, but {message.state}", id=message.id
                )
        return message

    def resend(self, message_id: str) -> Message:
        """Send a message that ended without being taken once more; asking twice sends once."""
        return made(Message, self._ask("resend", id=message_id))

    def drop(self, message_id: str) -> Message:
        """Give a waiting message up."""
        return made(Message, self._ask("drop", id=message_id))

    def inbox(
        self,
        name: str | None = None,
        *,
        everything: bool = False,
        since: float | None = None,
        follow: bool = False,
    ) -> Iterator[Mail]:
        """Unread mail, oldest first, of yours or of the mailbox `name`; with `follow` what comes, for ever.

        `everything`, or `since` so many seconds: what was read, too. `acknowledge` marks it as read.
        """
        params: Record = {"name": name or self._sender, "all": everything, "since": since}
        if follow:
            return self._stream(Mail, "inbox", {**params, "follow": True})
        return iter(made(list[Mail], self._ask("inbox", **params)))

    def acknowledge(self, ids: Sequence[str], name: str | None = None) -> None:
        """Mark mail as read."""
        self._ask("acknowledge", ids=list(ids), name=name or self._sender)

    # peers

    def peers(self, *, everywhere: bool = False) -> list[Peer]:
        """All peers, as `list` has them; `everywhere`: those of other hosts, too, as `NAME@HOST`."""
        return made(list[Peer], self._ask("list", **({"all": True} if everywhere else {})))

    def peer(self, name: str) -> PeerDetails:
        """Everything about one peer."""
        return made(PeerDetails, self._ask("show", name=name))

    def add(
        self, name: str, runtime: str, folder: str | os.PathLike[str] = ".", **settings: str
    ) -> PeerDetails:
        """Make a peer; `settings` as `roost set` takes them."""
        texts = {"runtime": runtime, "dir": str(Path(folder).absolute()), **settings}
        self._ask("add", name=name, settings=texts)
        return self.peer(name)

    def set(self, name: str, settings: Mapping[str, str]) -> PeerDetails:
        """Change settings of a peer."""
        self._ask("set", name=name, pairs=list(settings.items()))
        return self.peer(name)

    def rename(self, name: str, new: str, *, force: bool = False) -> Peer:
        """Give a peer another name; `force`: its session ends first."""
        return made(Peer, self._ask("rename", None, old=name, new=new, force=force))

    def remove(self, name: str, *, force: bool = False) -> None:
        """Remove a peer; `force`: its session ends first. Its folder stays."""
        self._ask("remove", None, name=name, force=force)

    def wait_for(
        self,
        name: str,
        state: Literal["idle", "working", "blocked", "asleep", "gone"],
        timeout: float | None = None,
    ) -> Peer | None:
        """Wait until a peer is in that state; None: it is gone, as asked. Raises WaitTimeoutError."""
        row = self._ask("wait", None, name=name, state=state, timeout=timeout)
        return None if row is None else made(Peer, row)

    def wake(self, name: str, mode: Literal["natural", "resume", "fresh"] = "natural") -> Peer:
        """Start a session of a peer, and return when it is ready."""
        return made(Peer, self._ask("wake", None, name=name, mode=mode))

    def sleep(self, name: str) -> Peer:
        """End a peer's session; the next message wakes it."""
        return made(Peer, self._ask("sleep", None, name=name))

    def stop(self, name: str) -> Peer:
        """End a peer's session and keep it down until `start`."""
        return made(list[Peer], self._ask("stop", None, name=name))[0]

    def start(self, name: str) -> Peer:
        """Let a stopped or quarantined peer be woken again."""
        return made(list[Peer], self._ask("start", name=name))[0]

    def restart(self, name: str, *, resume: bool = False) -> Peer:
        """End a peer's session and start another; `resume`: in its conversation."""
        return made(Peer, self._ask("restart", None, name=name, resume=resume))

    def interrupt(self, name: str) -> Controlled:
        """End a peer's running turn."""
        return made(Controlled, self._ask("interrupt", None, name=name))

    def compact(self, name: str) -> Controlled:
        """Have a peer's program compact its conversation."""
        return made(Controlled, self._ask("compact", None, name=name))

    # questions

    def questions(self) -> list[Question]:
        """What agents ask a person now."""
        return made(list[Question], self._ask("questions"))

    def answer(self, question_id: str, option: str, message: str = "") -> Question:
        """Answer a question by an option's id, label or number from 1 on."""
        return made(Question, self._ask("answer", None, id=question_id, option=option, message=message))

    def deny(self, question_id: str, message: str = "") -> Question:
        """Deny what a question asks for."""
        return made(Question, self._ask("deny", None, id=question_id, message=message))

    # what has been

    def events(
        self,
        *,
        after: int | None = None,
        peer: str | None = None,
        follow: bool = False,
        limit: int | None = None,
    ) -> Iterator[Event]:
        """Lines of the journal with a higher number than `after`; with `follow` also those to come, for ever.

        Raises ConnectionLostError (go on with the last `seq` as `after`), NotFoundError: no line has it yet.
        """
        params: Record = {"after": after, "peer": peer, "follow": follow, "limit": limit}
        return self._stream(Event, "events", params)

    def deaths(self, name: str | None = None) -> list[Death]:
        """How sessions have ended."""
        return made(list[Death], self._ask("deaths", name=name))

    def search(  # noqa: PLR0913 -- as the command
        self,
        text: str,
        *,
        places: Sequence[Literal["messages", "events", "transcripts"]] = (),
        peer: str | None = None,
        to: str | None = None,
        sender: str | None = None,
        state: str | None = None,
        topic: str | None = None,
        since: float | None = None,
        limit: int | None = None,
    ) -> list[Found]:
        """Where these words stand, the newest first; see `roost search`."""
        wanted = {"peer": peer, "to": to, "from": sender, "state": state, "topic": topic, "since": since}
        found = self._ask("search", None, text=text, limit=limit, **{**wanted, "in": list(places)})
        return made(list[Found], found)

    def transcript(
        self,
        name: str,
        first: int | None = None,
        last: int | None = None,
        *,
        topic: str | None = None,
        whole: bool = False,
        follow: bool = False,
    ) -> Iterator[Said]:
        """Turns of a peer's conversation, counted from 1; without `first` the latest.

        `whole`: all that tools were given and gave. `follow`: what comes, for ever; a turn to which more was
        added comes again under its number.
        """
        params: Record = {"name": name, "first": first, "last": last, "topic": topic}
        turns = self._pieces("transcript", {**params, "whole": whole, "follow": follow})
        return (made(Said, piece) for piece in turns if piece["kind"] == "turn")


def _absolute(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    return [str(Path(each).absolute()) for each in paths]


def _ignore(_note: str) -> None:
    """A note that nobody asked for."""
