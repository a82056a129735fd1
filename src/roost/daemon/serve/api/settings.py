"""Settings of a peer, checked against this machine before they are its own."""

from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from roost.core.vocabulary.identity import HUMAN
from roost.core.vocabulary.peer import Settings
from roost.daemon.state.machine import Machine
from roost.daemon.state.threads import HungError
from roost.errors import ConfigError, RoostError, UsageError
from roost.local.config import load_config
from roost.runtimes.registry import BUILT_IN

P = ParamSpec("P")
T = TypeVar("T")


class SettingsCheck:
    """Looks at the folder and the runtime that settings name."""

    def __init__(self, machine: Machine) -> None:
        """Look on this machine."""
        self._machine = machine

    async def check(self, settings: Settings, *, args: bool) -> list[str]:
        """Lines for the asker of settings that can be; `args`: its runtime looks at them, too.

        Raises RoostError for those that cannot.
        """
        notes = await self._learn(settings.runtime)
        self._machine.runtimes.check(settings.runtime)
        if not settings.dir.startswith("/"):
            raise UsageError(f"the directory '{settings.dir}' is not an absolute path")
        if not await self._answered(settings, Path(settings.dir).is_dir):
            raise RoostError(f"there is no directory {settings.dir}; make it first")
        if args:
            await self._answered(settings, self._machine.runtimes.check_args, settings)
        return notes

    async def _learn(self, runtime: str) -> list[str]:
        """Take in a runtime that is new in the configuration file; says where that is not what is in use."""
        if runtime == HUMAN or runtime in BUILT_IN:
            return []
        known = runtime in self._machine.runtimes.names()
        try:
            tables = (await self._machine.work.files.run(load_config, self._machine.places.config)).runtimes
        except ConfigError:
            if known:
                return []
            raise
        self._machine.runtimes.learn(tables)
        if runtime not in self._machine.runtimes.differing(tables):
            return []
        cure = "`roost down` and `roost up` take the change in, agents live on"
        return [f"[runtimes.{runtime}] has changed in config.toml and is used as it was before; {cure}"]

    async def _answered(
        self, settings: Settings, look: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What a look at a peer's folder tells. Raises RoostError when its disk does not answer."""
        try:
            return await self._machine.work.launches.run_for(settings.dir, look, *args, **kwargs)
        except HungError as error:
            raise RoostError(f"the directory {settings.dir}: {error.strerror}; try again later") from error
