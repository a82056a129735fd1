"""Hooks that a person has added to an agent program's settings, for all of their sessions of it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from roost.daemon.session import hook_settings
from roost.daemon.state.machine import Machine
from roost.errors import RefusedError
from roost.runtimes.joining import HookSettings


class AddedHooks:
    """Adds them and takes them out; nobody but a person asks for that."""

    def __init__(self, machine: Machine) -> None:
        """For the programs of this machine."""
        self._machine = machine

    async def all(self, environ: Mapping[str, str]) -> list[dict[str, Any]]:
        """How it is with each program that can be given some. `environ`: in which its person starts it."""
        return [await self._row(name, wanted) for name, wanted in sorted(self._wanted(environ).items())]

    async def add(self, program: str, environ: Mapping[str, str]) -> dict[str, Any]:
        """Add ours; they may stand there already. Raises RefusedError with what is in the way."""
        wanted = self._of(program, environ)
        changed = await self._change(_add, wanted)
        return {**await self._row(program, wanted), "changed": changed}

    async def remove(self, program: str, environ: Mapping[str, str]) -> dict[str, Any]:
        """Take ours out: the settings are what they were. Raises RefusedError."""
        wanted = self._of(program, environ)
        changed = await self._change(_remove, wanted)
        return {**await self._row(program, wanted), "changed": changed}

    def _wanted(self, environ: Mapping[str, str]) -> dict[str, HookSettings]:
        found: dict[str, HookSettings] = {}
        for name in self._machine.runtimes.names():
            joining = self._machine.runtimes.get(name).controls.joining if name != "human" else None
            wanted = joining.lasting(environ, self._machine.places.joined) if joining is not None else None
            if wanted is not None:
                found[name] = wanted
        return found

    def _of(self, program: str, environ: Mapping[str, str]) -> HookSettings:
        known = self._wanted(environ)
        if program not in known:
            raise RefusedError(
                f"'{program}' takes no hooks for good; these do: {', '.join(sorted(known))}."
                " A Claude Code is given its own as it joins"
            )
        return known[program]

    async def _change(self, change: Callable[[Path, HookSettings], bool], wanted: HookSettings) -> bool:
        try:
            return await self._machine.work.files.run(change, self._machine.places.added_hooks, wanted)
        except OSError as error:
            raise RefusedError(f"{wanted.path} cannot be changed: {error.strerror or error}") from error

    async def _row(self, program: str, wanted: HookSettings) -> dict[str, Any]:
        try:
            stand = await self._machine.work.files.run(hook_settings.stand, wanted)
        except OSError as error:
            raise RefusedError(f"{wanted.path} cannot be read: {error.strerror or error}") from error
        return {"program": program, "path": str(wanted.path), "added": stand}


def _add(folder: Path, wanted: HookSettings) -> bool:
    path = wanted.path
    if path.is_symlink():
        raise RefusedError(f"{path} is a link to {path.resolve()}; make it a file, then add them again")
    if path.exists() and path.stat().st_uid != os.geteuid():
        raise RefusedError(f"{path} belongs to somebody else (uid {path.stat().st_uid})")
    if hook_settings.stand(wanted):
        return False
    hook_settings.take_back(folder, str(path))  # of a roost that stood elsewhere
    hook_settings.put(folder, str(path), wanted)
    return True


def _remove(folder: Path, wanted: HookSettings) -> bool:
    key = str(wanted.path)
    noted = key in hook_settings.holders(folder)
    if noted:
        hook_settings.take_back(folder, key)
    return hook_settings.drop(wanted) or noted
