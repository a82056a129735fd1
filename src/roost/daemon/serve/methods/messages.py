"""The methods about messages: sent, listed, shown, sent again, given up."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from roost.core.vocabulary.identity import OPERATOR
from roost.core.vocabulary.message import MessageState, Timing
from roost.daemon.health.alarms import Alarms
from roost.daemon.serve.api.api import Api
from roost.daemon.serve.caller import Caller
from roost.daemon.serve.methods.method import BY, Answer, Away, Call, Method, Params, Table
from roost.daemon.serve.methods.parameters import Count
from roost.daemon.serve.sending.draft import Draft
from roost.daemon.serve.sending.outcome import Sent
from roost.daemon.serve.sending.several import SentTo
from roost.errors import DeniedError, UsageError
from roost.present.objects import message_object
from roost.store.interfaces import Wanted


class Sending(Params):
    """A message, whoever it is for. `ttl`, `timeout`, `reply_within`: seconds.

    `words`: of a body that was written as several of them. `traceparent`: the span in which it is sent.
    `quote`: turns of conversations that go into it, as `PEER:N-M`.
    """

    body: str
    sender: str | None = msgspec.field(default=None, name="from")
    topic: str | None = None
    reply_to: str | None = None
    attach: Sequence[str] = ()
    ttl: float | None = None
    when: Timing = Timing.NEXT
    words: Sequence[str] = ()
    key: str | None = None
    wait: str | None = None
    timeout: float | None = None
    traceparent: str | None = None
    quote: Sequence[str] = ()
    reply_within: float | None = None


class Send(Sending, kw_only=True):
    """A message to one peer."""

    to: str


class SendMany(Sending, kw_only=True):
    """A message to each of these peers and groups (`@NAME`). `yes`: also to more than the bound.

    `thread`: its topic, and all who take part under it get it, too.
    """

    to: list[str]
    yes: bool = False
    thread: str | None = None


class Messages(Params):
    """Which messages. `since`: seconds ago."""

    name: str | None = None
    state: str | None = None
    limit: Count | None = None
    sender: str | None = msgspec.field(default=None, name="from")
    topic: str | None = None
    since: float | None = None
    text: str | None = None


class Message(Params):
    """A message; `body`: with all of its body; `trace`: its trace instead of its story."""

    id: str
    body: bool = False
    trace: bool = False


class Id(Params):
    """A message, by a prefix of its id that is clear."""

    id: str


class MessageMethods:
    """Answers what is asked about messages."""

    def __init__(self, api: Api, alarms: Alarms) -> None:
        """`alarms` tell what a list leaves out."""
        self._api = api
        self._alarms = alarms

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "send": Method(Send, self._send, agents=True, waits=True),
            "send_many": Method(SendMany, self._send_many, agents=True, waits=True),
            "messages": Method(
                Messages, self._messages, looks=True, names=("name", "sender"), away=Away.HERE
            ),
            "message": Method(Message, self._message, agents=True, looks=True),
            "resend": Method(Id, self._resend),
            "drop": Method(Id, self._drop),
        }

    async def _send(self, call: Call[Send]) -> Answer:
        draft = await self._draft(call, call.params.to)
        sent = await self._api.sender.send(call.caller, draft, call.progress)
        return Answer(_result(sent, call.caller), sent.advice)

    async def _send_many(self, call: Call[SendMany]) -> Answer:
        asked = call.params
        draft = await self._draft(call, ",".join(asked.to))
        if asked.thread is not None:
            if asked.topic is not None:
                raise UsageError("a thread is a topic: give one of --thread and --topic")
            draft = replace(draft, topic=asked.thread, to_thread=True)
        rows = await self._api.several.send(call.caller, draft, asked.to, call.progress, many=asked.yes)
        return Answer([_row(each, call.caller) for each in rows])

    async def _draft(self, call: Call[Send] | Call[SendMany], to: str) -> Draft:
        """The message as asked for, with what it quotes. Raises RoostError."""
        return await self._api.quotes.put_into(_draft(call.params, to), call.caller, call.params.quote)

    async def _messages(self, call: Call[Messages]) -> Answer:
        asked = call.params
        try:
            state = MessageState(asked.state) if asked.state is not None else None
        except ValueError as error:
            known = ", ".join(str(each) for each in MessageState)
            raise UsageError(f"'{asked.state}' is no state of a message; known are {known}") from error
        wanted = Wanted(asked.name, asked.sender, state, asked.topic, asked.since, asked.text)
        return Answer(await self._api.mail.messages(wanted, asked.limit), self._alarms.unreadable())

    async def _message(self, call: Call[Message]) -> Answer:
        asked, caller = call.params, call.caller
        stored = await self._api.messages.get(asked.id)
        if caller.is_agent and not self._api.messages.concerns(stored.message, caller.peer):
            raise DeniedError("the message is neither from you nor to you")
        if asked.trace:
            return Answer(await self._api.messages.trace(stored))
        return Answer(await self._api.messages.story(stored, whole=asked.body))

    async def _resend(self, call: Call[Id]) -> Answer:
        message_id, advice = await self._api.messages.resend(call.params.id, BY)
        return Answer(await self._told(message_id), advice)

    async def _drop(self, call: Call[Id]) -> Answer:
        return Answer(await self._told(await self._api.messages.drop(call.params.id, BY)))

    async def _told(self, message_id: str) -> dict[str, Any]:
        return message_object((await self._api.messages.get(message_id)).message)


def _draft(asked: Sending, to: str) -> Draft:
    """The message as asked for. Raises UsageError."""
    wait = asked.wait or "stored"
    if wait not in ("stored", "accepted", "done", "replied"):
        raise UsageError(f"--wait is one of stored, accepted, done, replied, not '{wait}'")
    return Draft(
        to=to,
        body=asked.body,
        sender=asked.sender,
        topic=asked.topic,
        reply_to=asked.reply_to,
        attach=asked.attach,
        ttl=asked.ttl,
        key=asked.key,
        wait=wait,
        timing=asked.when,
        timeout=asked.timeout,
        words=asked.words,
        traceparent=asked.traceparent,
        reply_within=asked.reply_within,
    )


def _result(sent: Sent, caller: Caller) -> dict[str, Any]:
    """A sent message, and the reply that was waited for.

    That counts as read once whoever waited says that it was shown.
    """
    reply = None
    if sent.reply is not None:
        message, body = sent.reply
        mine = message.to == OPERATOR and not caller.is_agent
        reply = {
            "id": message.id,
            "from": message.sender,
            "body": body,
            "attachments": list(message.attachments),
            "unread": message.to if mine else None,
        }
    return {
        "id": sent.message.id,
        "state": str(sent.message.state),
        "why": sent.message.why,
        "reply": reply,
    }


def _row(one: SentTo, caller: Caller) -> dict[str, Any]:
    """One recipient's; `error`: why it has no message, or why the wait for it was in vain."""
    nothing = {"id": one.id, "state": None, "why": None, "reply": None}
    error = one.error
    told = error and {"code": error.code, "message": error.message, "exit_code": error.exit_code}
    return {"to": one.to, **(_result(one.sent, caller) if one.sent else nothing), "error": told}
