"""Watching: who is told when a peer ends, rests or is blocked, of a topic, of files that two peers write."""

import asyncio
import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from roost.core import watching
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.identity import OPERATOR, host_of
from roost.core.vocabulary.limits import TOPIC_CHARACTERS
from roost.core.vocabulary.view import iso
from roost.core.vocabulary.watch import EACH, OF_PEER, TTL, TTL_MOST, Watch, Watched
from roost.daemon.serve.caller import Caller
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.errors import DeniedError, NotFoundError, RefusedError, UsageError

PATH_CHARACTERS = 4096


class WatchList:
    """Adds, shows and ends watches."""

    def __init__(self, machine: Machine, fleet: Fleet) -> None:
        """Of this fleet."""
        self._machine = machine
        self._fleet = fleet
        self._adding = asyncio.Lock()

    @staticmethod
    def chosen(
        name: str | None, kind: str | None, topic: str | None, file: str | None = None
    ) -> tuple[str, str]:
        """What is watched for, and what is watched. Raises UsageError where that is not one thing."""
        others = [(Watched.TOPIC, topic), (Watched.FILE, file)]
        given = [(str(each), subject) for each, subject in others if subject is not None]
        if len(given) == 1 and name is None and kind is None:
            return given[0]
        if name is None or given:
            raise UsageError("say what to watch: a peer, a topic, or a file")
        if kind is None or kind not in OF_PEER:
            raise UsageError(f"say what to watch '{name}' for: {', '.join(OF_PEER)}")
        return kind, name

    async def add(
        self,
        caller: Caller,
        kind: str,
        subject: str,
        *,
        watcher: str | None = None,
        once: bool = False,
        ttl: float | None = None,
    ) -> dict[str, Any]:
        """A new watch; `told`: it is so already, and the watcher is told at once. Raises RoostError."""
        known = _kind(kind)
        if known in OF_PEER:
            subject = self._fleet.get(self._fleet.called(subject) or subject).peer.name
        name = self._watcher(caller, watcher)
        seconds = TTL if ttl is None else ttl
        if not 0 < seconds <= TTL_MOST:
            raise UsageError(f"a watch lasts for up to {rough_duration(TTL_MOST)}")
        if known in OF_PEER and subject == name:
            raise RefusedError(f"'{name}' cannot watch itself")
        if known is Watched.TOPIC and not 0 < len(subject) <= TOPIC_CHARACTERS:
            raise UsageError(f"a topic is a text of up to {TOPIC_CHARACTERS} characters")
        if known is Watched.FILE:
            subject = await self._pattern(caller, subject)
        async with self._adding:  # so that the bound holds
            own = [watch for watch in self._fleet.watches.all() if watch.watcher == name]
            same = next((each for each in own if (each.kind, each.subject) == (known, subject)), None)
            if same is not None:
                raise RefusedError(
                    f"'{name}' watches that already, by watch {same.id};"
                    f" `roost watch --remove {same.id}` ends it"
                )
            if len(own) >= EACH:
                raise RefusedError(
                    f"'{name}' has {EACH} watches, the most that one has; `roost watch --remove ID` ends one"
                )
            now = self._machine.clock.now()
            watch = Watch(self._machine.ids.new(), name, known, subject, now, now + seconds, once)
            return self._row(watch) | {"told": await self._add(watch)}

    async def _pattern(self, caller: Caller, asked: str) -> str:
        """The pattern of real paths that is meant: all in a folder, or a path in which `*` is any text.

        Raises UsageError for one that is not absolute; an agent's may begin in its folder.
        """
        if caller.peer is not None:
            asked = str(Path(self._fleet.get(caller.peer).peer.settings.dir) / asked)
        if not asked.startswith("/") or "\0" in asked or len(asked) > PATH_CHARACTERS:
            raise UsageError(f"a file is named by an absolute path of up to {PATH_CHARACTERS} characters")
        return await self._machine.work.files.run(_real, asked)

    async def _add(self, watch: Watch) -> bool:
        """Whether it tells something at once."""
        if watch.of_peer is None:
            await self._fleet.enact(lambda _now: [c.AddWatch(watch)])
            return False
        outcome = await self._fleet.tell(watch.subject, r.WatchPeer(watch))
        return any(isinstance(command, c.Notify) for command in outcome.commands)

    def all(self, caller: Caller) -> list[dict[str, Any]]:
        """All watches, oldest first; an agent sees its own."""
        return [self._row(watch) for watch in self._seen(caller)]

    async def remove(self, caller: Caller, prefix: str) -> dict[str, Any]:
        """End a watch, by the first digits of its id. Raises NotFoundError, RefusedError."""
        found = [watch for watch in self._seen(caller) if prefix and watch.id.startswith(prefix.lower())]
        if not found:
            raise NotFoundError(f"there is no watch '{prefix}'; `roost watch` lists them")
        if len(found) > 1:
            raise RefusedError(f"several watches have ids that begin with '{prefix}'; give more digits")
        await self._fleet.enact(lambda _now: [c.EndWatch(found[0].id)])
        return self._row(found[0])

    def _seen(self, caller: Caller) -> Sequence[Watch]:
        every = self._fleet.watches.all()
        return [watch for watch in every if watch.watcher == caller.peer] if caller.is_agent else every

    def _watcher(self, caller: Caller, asked: str | None) -> str:
        """Who is told. An agent watches for itself only."""
        if caller.peer is not None:
            if asked not in (None, caller.peer):
                raise DeniedError(f"you are '{caller.peer}' and cannot watch for '{asked}'")
            return caller.peer
        name = asked or self._machine.config.sender or OPERATOR
        if host_of(name) is not None:
            raise RefusedError(f"'{name}' lives on another host; set the watch there")
        return self._fleet.get(name).peer.name

    @staticmethod
    def _row(watch: Watch) -> dict[str, Any]:
        return {
            "id": watch.id,
            "watcher": watch.watcher,
            "kind": str(watch.kind),
            "subject": watch.subject,
            "about": watching.about(watch),
            "once": watch.once,
            "created_at": iso(watch.created_at),
            "expires_at": iso(watch.expires_at),
            "times_told": watch.told,
        }


def _real(asked: str) -> str:
    """Blocking: the pattern without links; a folder stands for all that is in it."""
    real = os.path.realpath(asked)
    return f"{glob.escape(real)}/*" if Path(real).is_dir() else real


def _kind(word: str) -> Watched:
    try:
        return Watched(word)
    except ValueError as error:
        raise UsageError(f"'{word}' cannot be watched for; known are {', '.join(Watched)}") from error
