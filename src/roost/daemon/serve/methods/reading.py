"""The methods for whoever speaks for a mailbox: mail that is waited for, and the agents' tools by MCP."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec

from roost.core.vocabulary.identity import OPERATOR
from roost.daemon.serve.api.mail import Mail
from roost.daemon.serve.api.reading import Filter, Reading
from roost.daemon.serve.caller import Caller
from roost.daemon.serve.methods.method import Call, Method, Params, Stream, Table
from roost.daemon.serve.methods.parameters import NAME, Count
from roost.errors import DeniedError, UsageError

Tools = Callable[[Caller, str, str | None], Awaitable[str | None]]
"""Answers one message of JSON-RPC; with the protocol version that was agreed on. None: it gets no answer."""


class Listen(Params):
    """Whose mail, and which of it; at most `limit` messages. `timeout`: seconds."""

    name: str | None = None
    sender: str | None = msgspec.field(default=None, name="from")
    topic: str | None = None
    reply_to: str | None = None
    limit: Count | None = None
    timeout: float | None = None


class Mcp(Params):
    """One message of JSON-RPC as its client wrote it; `name`: the mailbox that the client speaks for."""

    request: str
    name: str | None = None
    protocol: str | None = None


class ReadingMethods:
    """Answers those who speak for mailboxes."""

    def __init__(self, mail: Mail, reading: Reading, tools: Tools) -> None:
        """`tools` answers what MCP clients ask."""
        self._mail = mail
        self._reading = reading
        self._tools = tools

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "listen": Method(Listen, self._listen, agents=True, waits=True, names=("name", "sender")),
            "mcp": Method(Mcp, self._mcp, agents=True, waits=True, names=NAME),
        }

    async def _listen(self, call: Call[Listen]) -> Stream:
        asked = call.params
        if asked.timeout is not None and not asked.timeout >= 0:
            raise UsageError("the timeout is a time, in seconds")
        if asked.name is None and not call.caller.is_agent:
            raise UsageError("say whose mail: `roost listen NAME`")
        name = self._mail.mailbox_of(call.caller, asked.name)
        self._mail.check_reader(call.caller, name)
        reply_to = await self._mail.whole_id(asked.reply_to)
        wanted = Filter(asked.sender, asked.topic, reply_to)
        return Stream(self._reading.listen(name, wanted, asked.limit, asked.timeout))

    async def _mcp(self, call: Call[Mcp]) -> Stream:
        return Stream(self._answered(self._speaker(call.caller, call.params.name), call.params))

    def _speaker(self, caller: Caller, name: str | None) -> Caller:
        """Whom an MCP client speaks for: an agent for itself, a program of the operator's for a mailbox."""
        if caller.is_agent:
            if name not in (None, caller.peer):
                raise DeniedError(f"you are {caller.named}, and speak for no other peer: leave --as out")
            return caller
        if name is None:
            raise UsageError(
                "say as which peer: `roost mcp --as NAME`; `roost add NAME --runtime human` makes one"
            )
        if name == OPERATOR:
            raise DeniedError(
                f"'{OPERATOR}' is the mailbox of a person; make one for the program:"
                " `roost add NAME --runtime human`, then `roost mcp --as NAME`"
            )
        self._mail.check_reader(caller, name)
        return Caller(name)

    async def _answered(self, caller: Caller, asked: Mcp) -> AsyncGenerator[dict[str, Any], None]:
        """The answer, with the mail that it shows; ends when that counts as read."""
        name = caller.peer or OPERATOR
        with self._reading.claim(name) as claim:
            if caller.session is None:
                await self._reading.heard(name)
            if caller.session is None or self._mail.reads(caller):
                caller = replace(caller, claim=claim)
            answer = await self._tools(caller, asked.request, asked.protocol)
            yield {"answer": answer, "name": name, "read": claim.ids}
            await self._reading.settled(name, claim)
