"""All runtimes by name."""

from collections.abc import Iterable, Mapping

from roost.core.vocabulary.identity import HUMAN, REMOTE
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.policy import Traits
from roost.errors import InvalidSettingError
from roost.local.config import AcpTable, AnyTable
from roost.local.ready_made import ready_made
from roost.runtimes.acp import AcpRuntime, DemoAcpRuntime
from roost.runtimes.claude import ClaudeRuntime
from roost.runtimes.codex import CodexRuntime
from roost.runtimes.codex_server.servers import Servers
from roost.runtimes.codex_thread import CodexThreadRuntime
from roost.runtimes.command import CommandRuntime
from roost.runtimes.demo import DemoRuntime
from roost.runtimes.gemini import GeminiRuntime
from roost.runtimes.opencode import OpencodeRuntime
from roost.runtimes.runtime import Runtime


def _built_in(servers: Servers) -> list[Runtime]:
    terminals = (ClaudeRuntime(), CodexRuntime(), GeminiRuntime(), OpencodeRuntime())
    return [*terminals, CodexThreadRuntime(servers), DemoRuntime(), DemoAcpRuntime()]


BUILT_IN = frozenset(runtime.name for runtime in _built_in(Servers()))
"""Runtimes that need no configuration."""


class Runtimes:
    """The built-in runtimes and those of the configuration file."""

    def __init__(self, tables: Iterable[AnyTable] = ()) -> None:
        """Blocking: know the built-in runtimes, the ready-made ones, and these, which come first.

        `servers`: those whose threads are peers.
        """
        self.servers = Servers()
        programs = _built_in(self.servers)
        self._programs = {runtime.name: runtime for runtime in programs}
        self._traits = {runtime.name: runtime.traits for runtime in programs}
        self._traits[HUMAN] = Traits(mailbox=True, resumable=False, chooses_conversation=False)
        self._traits[REMOTE] = Traits(remote=True, resumable=False, chooses_conversation=False)
        self._tables: dict[str, AnyTable] = {}
        self._ready_made = {each.table.name for each in ready_made()}
        for each in ready_made():
            self._know(each.table, each.install)
        self.learn(tables)

    def learn(self, tables: Iterable[AnyTable]) -> None:
        """Know these, too, if their names are new or ready-made; those in use stay as they are."""
        for table in tables:
            if table.name not in self._programs or table.name in self._ready_made:
                self._ready_made.discard(table.name)
                self._tables[table.name] = table
                self._know(table)

    def _know(self, table: AnyTable, install: str | None = None) -> None:
        acp = isinstance(table, AcpTable)
        runtime = AcpRuntime(table, install) if acp else CommandRuntime(table, install)
        self._programs[table.name] = runtime
        self._traits[table.name] = runtime.traits

    def differing(self, given: Iterable[AnyTable]) -> list[str]:
        """Names of runtimes in use that the configuration file describes otherwise, or no more."""
        tables = {table.name: table for table in given}
        return [name for name, table in self._tables.items() if tables.get(name) != table]

    def names(self) -> list[str]:
        """Every name that `--runtime` takes."""
        return sorted([*self._programs, HUMAN])

    def check(self, name: str) -> None:
        """Raise InvalidSettingError unless the runtime is known."""
        if name != HUMAN and name not in self._programs:
            raise InvalidSettingError(
                f"unknown runtime '{name}'; known are {', '.join(self.names())}"
                " (others come from [runtimes.NAME] in config.toml)"
            )

    def check_args(self, settings: Settings) -> None:
        """Blocking: raise InvalidSettingError for arguments that contradict those of roost itself."""
        if settings.threaded and settings.runtime != CodexThreadRuntime.name:
            raise InvalidSettingError(f"'server' is for runtime {CodexThreadRuntime.name} alone")
        if settings.runtime != HUMAN:
            self.get(settings.runtime).check(settings)

    def get(self, name: str) -> Runtime:
        """The program of that name; raises InvalidSettingError when there is none."""
        self.check(name)
        if name == HUMAN:
            raise InvalidSettingError("a mailbox has no program")
        return self._programs[name]

    def passes(self) -> tuple[str, ...]:
        """The variables that any runtime may be given, as patterns."""
        return tuple({name: None for runtime in self._programs.values() for name in runtime.passes})

    def traits(self) -> Mapping[str, Traits]:
        """The nature of every runtime, also of those that are learned later."""
        return self._traits
