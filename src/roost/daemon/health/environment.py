"""What agents are given of an environment: told, compared and replaced while the daemon runs."""

import contextlib
import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from roost.core.vocabulary.identity import HUMAN
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.errors import RefusedError, RoostError, in_words
from roost.host.environment import MARKS, PASSED, is_passed
from roost.host.inheritance import completed, keep
from roost.local.program import other_program
from roost.store.database import SCHEMA


def digest(value: str) -> str:
    """Stands for a value, so that two environments can be compared without showing either."""
    return hashlib.blake2b(value.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


class AgentEnvironment:
    """The environment that agents are given of; each session keeps the one that it began with."""

    def __init__(self, machine: Machine, fleet: Fleet) -> None:
        """Look after the machine's `environ`."""
        self._machine = machine
        self._fleet = fleet

    @property
    def _passes(self) -> tuple[str, ...]:
        return (*self._machine.runtimes.passes(), *self._machine.config.passes)

    async def compared(self, own: Mapping[str, str], program: str | None) -> dict[str, Any]:
        """What agents are given, beside some of an asker's variables and the folder of its program.

        `passed`, `never`: patterns of names. `values`: name -> digest of what agents get. `differing`: names
        of `own` that they get otherwise. `programs`: of each runtime in use where its program is found, and
        where it would be with the asker's PATH. `other`: what this daemon runs instead, in words.
        `schema`: the version of the tables that it works with.
        """
        given, work = self._given(self._machine.environ), self._machine.work
        return {
            "passed": [*PASSED, *self._passes],
            "never": list(MARKS),
            "values": {name: digest(value) for name, value in given.items()},
            "differing": sorted(name for name, value in own.items() if given.get(name) != value),
            "programs": await work.launches.run(self._programs, own.get("PATH")),
            "other": await work.launches.run(other_program, self._machine.code, program) if program else None,
            "schema": SCHEMA,
        }

    def _programs(self, path: str | None) -> dict[str, dict[str, str | None]]:
        """Blocking."""
        used = {state.peer.settings.runtime for state in self._fleet.states()} - {HUMAN}
        ours = self._machine.environ.get("PATH")
        return {
            name: {"here": self._located(name, ours), "there": self._located(name, path)}
            for name in sorted(used & set(self._machine.runtimes.names()))
        }

    def _located(self, runtime: str, path: str | None) -> str | None:
        with contextlib.suppress(RoostError):
            return self._machine.runtimes.get(runtime).locate(path)
        return None

    async def refresh(self, environ: Mapping[str, str]) -> dict[str, Any]:
        """Take this environment for all sessions that begin from now on, and for the next daemon.

        Returns the names that are `changed`, `new` and `gone`, and the peers whose sessions keep the old.
        Raises RefusedError where the disk does not take it: nothing has changed then.
        """
        machine = self._machine
        before, whole = self._given(machine.environ), completed(environ)[0]
        after = self._given(whole)
        taken, file = replace(machine.inherited, environ=whole), machine.places.inheritance
        passes = (*self._passes, *machine.config.notify_passes)
        try:
            await machine.work.files.run(keep, file, taken, passes)
        except OSError as error:
            bare = OSError(error.errno, error.strerror)  # it may name the passing file beside it
            raise RefusedError(f"the environment cannot be kept: {in_words(bare, file)}") from error
        machine.environ.clear()
        machine.environ.update(whole)
        return {
            "changed": sorted(name for name in before.keys() & after.keys() if before[name] != after[name]),
            "new": sorted(after.keys() - before.keys()),
            "gone": sorted(before.keys() - after.keys()),
            "sessions": sorted(state.peer.name for state in self._fleet.states() if state.sessions),
        }

    def _given(self, environ: Mapping[str, str]) -> dict[str, str]:
        passes = self._passes
        return {name: value for name, value in environ.items() if is_passed(name, passes)}
