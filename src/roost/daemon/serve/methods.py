"""The methods of the socket: parameters checked and turned into calls of the API."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import OPERATOR
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import WakeMode
from roost.daemon.health.health import Health
from roost.daemon.registry.adoption import Registry
from roost.daemon.serve import parameters as p
from roost.daemon.serve.api import Api
from roost.daemon.serve.callers import Caller, Callers, Progress
from roost.daemon.serve.journal import JournalFeed
from roost.daemon.serve.mail import Mail
from roost.daemon.serve.metrics import Metrics
from roost.daemon.serve.sender import Draft
from roost.errors import DeniedError, RoostError, UsageError
from roost.host.tmux.attach import attach_argv
from roost.present.objects import death_object, event_object, message_object
from roost.store.interfaces import Wanted

BY = "operator"


@dataclass(frozen=True, slots=True)
class Answer:
    """A result, and lines for the asker's eyes."""

    result: Any
    notes: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Stream:
    """A result that comes in pieces."""

    items: AsyncGenerator[dict[str, Any], None]


@dataclass(frozen=True, slots=True)
class _Call:
    params: Any
    caller: Caller
    progress: Progress


_WAITING = frozenset(
    {
        "send",
        "wake",
        "wait",
        "restart",
        "sleep",
        "stop",
        "attach",
        "interrupt",
        "compact",
        "rename",
        "remove",
        "adopt",
        "gc",
        "backup",
    }
)

_LOOKS = frozenset(
    {
        "compare",
        "deaths",
        "doctor",
        "events",
        "inbox",
        "list",
        "logs",
        "message",
        "messages",
        "metrics",
        "screen",
        "show",
        "status",
        "wait",
    }
)
"""What changes nothing."""

Handler = Callable[[_Call], Awaitable[Answer | Stream]]


class Methods:
    """All methods by name. Agents may call only those that are theirs."""

    def __init__(
        self,
        api: Api,
        callers: Callers,
        feed: JournalFeed,
        health: Health,
        registry: Registry,
        metrics: Metrics,
        shut_down: Callable[[bool], None],
    ) -> None:
        """Answer through these parts; `shut_down` ends the daemon, with its agents or without."""
        self._api = api
        self._mail = Mail(api, feed)
        self._callers = callers
        self._feed = feed
        self._health = health
        self._registry = registry
        self._metrics = metrics
        self._shut_down = shut_down
        self._table: Mapping[str, tuple[type[p.Params], Handler, bool]] = {
            "status": (p.Nothing, self._status, True),
            "add": (p.Add, self._add, False),
            "set": (p.Set, self._set, False),
            "list": (p.Listing, self._list, True),
            "show": (p.Named, self._show, False),
            "send": (p.Send, self._send, True),
            "messages": (p.Messages, self._messages, False),
            "message": (p.Message, self._message, True),
            "resend": (p.Id, self._resend, False),
            "drop": (p.Id, self._drop, False),
            "inbox": (p.Inbox, self._inbox, True),
            "acknowledge": (p.Acknowledge, self._acknowledge, True),
            "wake": (p.Wake, self._wake, False),
            "restart": (p.Restart, self._restart, False),
            "sleep": (p.Named, self._sleep, False),
            "wait": (p.Wait, self._wait, False),
            "stop": (p.Some, self._stop, False),
            "start": (p.Some, self._start, False),
            "refresh": (p.Some, self._refresh, False),
            "interrupt": (p.Named, self._interrupt, False),
            "compact": (p.Named, self._compact, False),
            "rename": (p.Rename, self._rename, False),
            "remove": (p.Remove, self._remove, False),
            "attach": (p.Attach, self._attach, False),
            "screen": (p.Named, self._screen, False),
            "logs": (p.Named, self._logs, False),
            "events": (p.Events, self._events, False),
            "deaths": (p.Deaths, self._deaths, False),
            "done": (p.Done, self._done, True),
            "fresh": (p.Nothing, self._fresh, True),
            "metrics": (p.Nothing, self._show_metrics, False),
            "doctor": (p.Nothing, self._doctor, False),
            "compare": (p.Compare, self._compare, False),
            "refresh_environment": (p.Environ, self._refresh_environment, False),
            "gc": (p.Gc, self._gc, False),
            "backup": (p.Backup, self._backup, False),
            "adopt": (p.Adopt, self._adopt, False),
            "down": (p.Down, self._down, False),
        }

    @staticmethod
    def waits(method: str, params: Mapping[str, Any]) -> bool:
        """Whether a request may take as long as it takes: others of its connection do not wait for it."""
        return method in _WAITING or params.get("follow") is True

    async def call(
        self, method: str, params: dict[str, Any], token: str | None, asker: Caller, progress: Progress
    ) -> Answer | Stream:
        """Call a method for whoever has connected. Raises RoostError."""
        known = self._table.get(method)
        if known is None:
            raise UsageError(
                f"this daemon has no method '{method}'; is it older than the command? restart it"
            )
        shape, handler, for_agents = known
        caller = await self._callers.proven(token, asker, looks=method in _LOOKS)
        if caller.is_agent and not for_agents:
            raise DeniedError(f"'{method}' is for operators, not for agents; you are {caller.named}")
        try:
            checked = msgspec.convert(params, shape)
        except msgspec.ValidationError as error:
            raise UsageError(f"{method}: {error}") from error
        return await handler(_Call(checked, caller, progress))

    async def _status(self, _call: _Call) -> Answer:
        return Answer(await self._health.status())

    async def _show_metrics(self, _call: _Call) -> Answer:
        return Answer({"text": self._metrics.text()})

    async def _doctor(self, _call: _Call) -> Answer:
        return Answer(await self._health.checks())

    async def _compare(self, call: _Call) -> Answer:
        return Answer(await self._health.environs.compared(call.params.environ, call.params.program))

    async def _refresh_environment(self, call: _Call) -> Answer:
        return Answer(await self._health.environs.refresh(call.params.environ))

    async def _gc(self, call: _Call) -> Answer:
        asked: p.Gc = call.params
        if asked.end:
            return Answer({"ended": await self._registry.orphans.end_chosen(asked.end, BY)})
        return Answer(await self._health.sweep())

    async def _backup(self, call: _Call) -> Answer:
        target = Path(call.params.path)
        if not target.is_absolute():
            raise UsageError(f"'{target}' is not an absolute path")
        try:
            return Answer(asdict(await self._api.machine.store.back_up(target)))
        except OSError as error:
            raise RoostError(f"{target} cannot be written: {error.strerror}") from error

    async def _adopt(self, call: _Call) -> Answer:
        asked: p.Adopt = call.params
        if [asked.session is not None, asked.all, asked.store].count(True) != 1:
            raise UsageError("name one session, or say --all or --store")
        if asked.store:
            await self._registry.lineage.trust()
            await self._registry.adoption.adopt_store()
            return Answer([])
        if asked.session is not None:
            name = await self._registry.adoption.adopt(asked.session, BY)
            return Answer([self._api.row(name)])
        done = await self._registry.adoption.adopt_all(BY)
        return Answer(
            [self._api.row(name) for name, why in done if why is None],
            [why for _, why in done if why is not None],
        )

    async def _add(self, call: _Call) -> Answer:
        notes = await self._api.add(call.params.name, call.params.settings)
        return Answer({"name": call.params.name}, notes)

    async def _set(self, call: _Call) -> Answer:
        settings, notes = await self._api.set(call.params.name, call.params.pairs)
        return Answer({"name": call.params.name, "settings": settings}, notes)

    async def _list(self, call: _Call) -> Answer:
        asked: p.Listing = call.params
        news = self._mail.news(self._mail.mailbox_of(call.caller, asked.sender)) if asked.mail else []
        return Answer(self._api.rows(), [*self._health.notes(), *news])

    async def _show(self, call: _Call) -> Answer:
        name: str = call.params.name
        return Answer({**await self._api.show(name), "held_by": await self._health.held_by(name)})

    async def _send(self, call: _Call) -> Answer:
        asked: p.Send = call.params
        wait = asked.wait or "stored"
        if wait not in ("stored", "accepted", "done", "replied"):
            raise UsageError(f"--wait is one of stored, accepted, done, replied, not '{wait}'")
        draft = Draft(
            to=asked.to,
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
        )
        sent = await self._api.sender.send(call.caller, draft, call.progress)
        reply = None
        if sent.reply is not None:
            message, body = sent.reply
            # It counts as read once whoever waited says that it was shown.
            mine = message.to == OPERATOR and not call.caller.is_agent
            reply = {
                "id": message.id,
                "from": message.sender,
                "body": body,
                "unread": message.to if mine else None,
            }
        result = {
            "id": sent.message.id,
            "state": str(sent.message.state),
            "why": sent.message.why,
            "reply": reply,
        }
        return Answer(result, sent.advice)

    async def _messages(self, call: _Call) -> Answer:
        asked: p.Messages = call.params
        try:
            state = MessageState(asked.state) if asked.state is not None else None
        except ValueError as error:
            known = ", ".join(str(each) for each in MessageState)
            raise UsageError(f"'{asked.state}' is no state of a message; known are {known}") from error
        wanted = Wanted(asked.name, asked.sender, state, asked.topic, asked.since, asked.text)
        return Answer(await self._mail.messages(wanted, asked.limit), self._health.unreadable())

    async def _message(self, call: _Call) -> Answer:
        asked: p.Message = call.params
        stored = await self._api.message(asked.id)
        caller: Caller = call.caller
        if caller.is_agent and caller.peer not in (stored.message.sender, stored.message.to):
            raise DeniedError("the message is neither from you nor to you")
        return Answer(await self._api.story(stored, whole=asked.body))

    async def _resend(self, call: _Call) -> Answer:
        message_id, advice = await self._api.resend(call.params.id, BY)
        return Answer(await self._told(message_id), advice)

    async def _drop(self, call: _Call) -> Answer:
        return Answer(await self._told(await self._api.drop(call.params.id, BY)))

    async def _told(self, message_id: str) -> dict[str, Any]:
        return message_object((await self._api.message(message_id)).message)

    async def _inbox(self, call: _Call) -> Answer | Stream:
        asked: p.Inbox = call.params
        name = self._mail.mailbox_of(call.caller, asked.name)
        if asked.follow:
            return Stream(self._mail.follow(name, asked.since, read=asked.all))
        return Answer(await self._mail.read(name, asked.since, read=asked.all), self._health.unreadable())

    async def _acknowledge(self, call: _Call) -> Answer:
        asked: p.Acknowledge = call.params
        await self._mail.acknowledge(self._mail.mailbox_of(call.caller, asked.name), asked.ids)
        return Answer({})

    async def _wake(self, call: _Call) -> Answer:
        return Answer(*await self._api.wake(call.params.name, call.params.mode, BY, call.progress))

    async def _restart(self, call: _Call) -> Answer:
        asked: p.Restart = call.params
        return Answer(await self._api.restart(asked.name, BY, call.progress, resume=asked.resume))

    async def _sleep(self, call: _Call) -> Answer:
        return Answer(*await self._api.put_to_sleep(call.params.name))

    async def _wait(self, call: _Call) -> Answer:
        asked: p.Wait = call.params
        return Answer(await self._api.wait(asked.name, asked.state, asked.timeout, call.progress))

    async def _stop(self, call: _Call) -> Answer:
        return Answer(await asyncio.gather(*(self._api.stop(name, BY) for name in self._names(call.params))))

    async def _start(self, call: _Call) -> Answer:
        return Answer([await self._api.start(name, BY) for name in self._names(call.params)])

    async def _interrupt(self, call: _Call) -> Answer:
        return Answer(await self._api.control(call.params.name, r.Interrupt(BY), call.progress))

    async def _compact(self, call: _Call) -> Answer:
        return Answer(await self._api.control(call.params.name, r.Compact(BY), call.progress))

    async def _rename(self, call: _Call) -> Answer:
        asked: p.Rename = call.params
        return Answer(await self._api.rename(asked.old, asked.new, BY, force=asked.force))

    async def _refresh(self, call: _Call) -> Answer:
        return Answer([await self._api.refresh(name, BY) for name in self._names(call.params)])

    def _names(self, asked: p.Some) -> list[str]:
        if asked.name is not None and not asked.all:
            return [asked.name]
        if asked.all and asked.name is None:
            return [name for name in self._api.fleet.names() if not self._api.is_mailbox(name)]
        raise UsageError("name one peer, or say --all")

    async def _remove(self, call: _Call) -> Answer:
        folder, given_up = await self._api.remove(call.params.name, BY, force=call.params.force)
        return Answer({"name": call.params.name, "dir": folder, "unfinished": given_up})

    async def _attach(self, call: _Call) -> Answer:
        name = call.params.name
        state = self._api.fleet.get(name)
        if state.session is None:
            goes_on = state.peer.conversation and not state.peer.left_refused
            mode = WakeMode.RESUME if goes_on else WakeMode.NATURAL
            await self._api.attachable(name, mode, BY, call.progress)
        socket = await self._api.joinable(name)
        return Answer({"argv": attach_argv(socket, read_only=call.params.read_only)})

    async def _screen(self, call: _Call) -> Answer:
        return Answer({"text": await self._api.live(call.params.name).terminal.capture()})

    async def _logs(self, call: _Call) -> Answer:
        self._api.fleet.get(call.params.name)
        return Answer({"path": str(self._api.machine.places.pane_log(call.params.name))})

    async def _events(self, call: _Call) -> Stream:
        asked: p.Events = call.params
        if asked.peer is not None and asked.peer not in self._api.fleet.names():
            known = await self._api.machine.store.events(0, asked.peer, 1)
            if not known:
                self._api.fleet.get(asked.peer)
        return Stream(self._event_stream(asked))

    async def _event_stream(self, asked: p.Events) -> AsyncGenerator[dict[str, Any], None]:
        left = asked.limit
        async for row in self._feed.rows(asked.after or 0, asked.peer, follow=asked.follow):
            yield event_object(row)
            left = left - 1 if left is not None else None
            if left == 0:
                return

    async def _deaths(self, call: _Call) -> Answer:
        name = call.params.name
        if name is not None:
            self._api.fleet.get(name)
        deaths = await self._api.machine.store.deaths(name)
        return Answer([death_object(death) for death in deaths], self._health.unreadable())

    async def _done(self, call: _Call) -> Answer:
        await self._api.done(call.caller, call.params.summary or "")
        return Answer({})

    async def _fresh(self, call: _Call) -> Answer:
        await self._api.fresh(call.caller)
        return Answer({})

    async def _down(self, call: _Call) -> Answer:
        notes = self._health.notes() if call.params.agents else []
        self._shut_down(call.params.agents)
        return Answer({}, notes)
