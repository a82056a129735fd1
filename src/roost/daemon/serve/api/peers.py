"""What can be asked of peers: who there is, made, set, renamed, removed."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import HUMAN, OPERATOR, check_name, host_of
from roost.core.vocabulary.peer import Peer, PeerState, Settings, WakeMode
from roost.core.vocabulary.session import Session
from roost.core.vocabulary.settings import apply_settings, show_settings
from roost.core.vocabulary.view import iso
from roost.daemon.hosts.views import Views
from roost.daemon.serve.api.settings import SettingsCheck
from roost.daemon.session.foreign import Foreign
from roost.daemon.session.live_sessions import LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.waits import Waits
from roost.errors import RefusedError, StoreError, UsageError
from roost.present.objects import elsewhere_object, message_row, peer_object, peer_row

_AT_START = frozenset({"args", "dir", "prompt", "resume", "runtime", "server", "thread"})
"""Settings that a session is started with."""
_OF_PROGRAM = _AT_START - {"prompt", "resume"}
"""Those of them, beside its variables, that its program may be unable to go by."""
HEADS = 2.0
"""Seconds for the store to tell how messages begin: `show` does not wait for a disk that hangs."""


class Peers:
    """Tells of peers, and changes what they are."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        live_sessions: LiveSessions,
        waits: Waits,
        foreign: Foreign,
        views: Views,
    ) -> None:
        """Work on this fleet; `foreign` knows who else has a conversation open, `views` other hosts."""
        self.views = views
        self._live_sessions = live_sessions
        self._machine = machine
        self._fleet = fleet
        self._waits = waits
        self._foreign = foreign
        self._settings = SettingsCheck(machine)

    def everywhere(self) -> list[dict[str, Any]]:
        """The registry of this host, then what other hosts have told of theirs."""
        return [*self.rows(), *self.views.rows()]

    def rows(self, names: Collection[str] | None = None) -> list[dict[str, Any]]:
        """The registry, or these of it. The operator's own mailbox is not a peer to be listed."""
        now = self._machine.clock.now()
        found = self._fleet.states() if names is None else filter(None, map(self._fleet.find, names))
        return [self._told(peer_row(state, now)) for state in found if state.peer.name != OPERATOR]

    def _told(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row with the name of this host; it says so where something of it is not stored."""
        row["host"] = self.views.name
        trouble = self._fleet.trouble(row["name"])
        return {**row, "why": f"{row['why']} (not stored yet: {trouble})"} if trouble else row

    def row(self, name: str) -> dict[str, Any]:
        """One peer's row."""
        return self._told(peer_row(self._fleet.get(name), self._machine.clock.now()))

    async def show(self, name: str) -> dict[str, Any]:
        """Everything about one peer; how its messages begin only where the store tells it now."""
        if host_of(name) is not None:
            return await self._show_of_other_host(name)
        state = self._fleet.get(name)
        heads = await self._heads(state)
        told = self._told(peer_object(state, self._machine.clock.now(), heads))
        held_by = await self._held_by(self._fleet.get(name))
        return {**told, "held_by": held_by, "subagents": self._subagents(state.session)}

    def _subagents(self, session: Session | None) -> list[dict[str, Any]]:
        """Those that the session's hooks have told of."""
        live = self._live_sessions.find(session.id) if session is not None else None
        found = live.subagents if live is not None else ()
        return [{"id": each.id, "kind": each.kind, "since": iso(each.since)} for each in found]

    async def _show_of_other_host(self, name: str) -> dict[str, Any]:
        """What its host has told of it, and what this host knows: the messages that went there from here."""
        state = self._fleet.find(name)
        heads = await self._heads(state) if state is not None else {}
        messages = state.messages if state is not None else ()
        found = [self.views.message(message_row(message, heads.get(message.id, ""))) for message in messages]
        return {**elsewhere_object(self.views.row(name)), "messages": found}

    async def _heads(self, state: PeerState) -> dict[str, str]:
        heads = dict[str, str]()
        if state.messages:
            with contextlib.suppress(StoreError, TimeoutError):
                async with asyncio.timeout(HEADS):
                    heads = await self._machine.store.heads([message.id for message in state.messages])
        return heads

    async def _held_by(self, state: PeerState) -> dict[str, Any] | None:
        """Who else has the peer's conversation open, None when nobody is known to."""
        holder = await self._foreign.of(state)
        if holder is None:
            return None
        return {"pid": holder.pid, "command": holder.command, "why": f"{holder.named}: {holder.source}"}

    async def add(self, name: str, pairs: Mapping[str, str]) -> list[str]:
        """Make a peer; returns lines for the asker."""
        check_name(name)
        given = dict(pairs)
        runtime, folder = given.pop("runtime", ""), given.pop("dir", "")
        if not runtime or not folder:
            raise UsageError("a peer needs a runtime and a directory")
        settings = apply_settings(Settings(dir=folder, runtime=runtime), given.items())
        notes = await self._settings.check(settings, args=True)
        now = self._machine.clock.now()
        await self._fleet.add(Peer(name, self._machine.ids.token(), settings, created_at=now, since=now))
        await self._fleet.tell(name, f.Tick())  # one that is always up comes up now
        if settings.threaded:
            await self._fleet.tell(name, r.Wake(WakeMode.NATURAL, OPERATOR))
        return notes

    async def set(self, name: str, pairs: Sequence[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
        """Change settings; returns all of them, and lines for the asker."""
        settings = apply_settings(self._fleet.get(name).peer.settings, pairs)
        args = any(key in _OF_PROGRAM or key.startswith("env.") for key, _ in pairs)
        notes = await self._settings.check(settings, args=args)
        await self._fleet.tell(name, r.Configure(settings))
        later = [key for key, _ in pairs if key in _AT_START or key.startswith("env.")]
        if later and self._fleet.get(name).sessions:
            which, counts = " and ".join(later), "counts" if len(later) == 1 else "count"
            notes.append(f"{which} {counts} from its next session on; `roost restart {name}` begins one now")
        return show_settings(settings), notes

    async def rename(self, name: str, new: str, by: str, *, force: bool) -> dict[str, Any]:
        """Give a peer another name and return when it has it; with `force` its session ends before."""
        if name == OPERATOR:
            raise RefusedError("the operator's mailbox keeps its name")
        check_name(new)
        with self._waits.peer(name) as changes:
            await self._fleet.rename(name, r.Rename(new, by, force))
            while self._fleet.find(new) is None:
                self._fleet.get(name)
                await changes.get()
        return self.row(new)

    async def remove(self, name: str, by: str, *, force: bool) -> tuple[str, int]:
        """Purge a peer; returns its folder, which is kept, and how many unfinished messages went with it."""
        if name == OPERATOR:
            raise RefusedError("the operator's mailbox cannot be removed")
        with self._waits.peer(name) as changes:
            state = self._fleet.get(name)
            await self._fleet.tell(name, r.Remove(by, force))
            while self._fleet.find(name) is not None:
                await changes.get()
        return state.peer.settings.dir, len(state.messages)

    async def ensure_operator(self) -> None:
        """The operator has a mailbox, so that agents can answer."""
        if self._fleet.find(OPERATOR) is None:
            settings = Settings(dir="/", runtime=HUMAN, description="the person at the command line")
            now = self._machine.clock.now()
            await self._fleet.add(
                Peer(OPERATOR, self._machine.ids.token(), settings, created_at=now, since=now)
            )

    def let_go_of(self, names: Sequence[str]) -> list[str]:
        """Lines for who ends sessions that are not ours to end: threads of servers are let go of."""
        settings = {name: state.peer.settings for name in names if (state := self._fleet.find(name))}
        return [
            f"'{name}' is let go of; its thread and its server go on"
            for name, each in settings.items()
            if each.threaded
        ]

    def in_own_terminal(self, name: str) -> bool:
        """Whether a person runs it in a terminal of theirs now."""
        session = self._fleet.get(name).session
        return session is not None and session.own_terminal

    def is_mailbox(self, name: str) -> bool:
        """Whether a peer has no process of its own."""
        return self._fleet.policy.of(self._fleet.get(name).peer.settings.runtime).mailbox

    def agents(self) -> list[str]:
        """The names of all that have a process of their own."""
        return [name for name in self._fleet.names() if not self.is_mailbox(name)]
