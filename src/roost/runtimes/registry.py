"""All runtimes by name."""

from collections.abc import Iterable, Mapping

from roost.config import RuntimeTable
from roost.core.identity import HUMAN
from roost.core.peer import Settings
from roost.core.policy import Traits
from roost.errors import InvalidSettingError
from roost.runtimes.base import Runtime
from roost.runtimes.claude import ClaudeRuntime
from roost.runtimes.codex import CodexRuntime
from roost.runtimes.command import CommandRuntime
from roost.runtimes.demo import DemoRuntime


class Runtimes:
    """The built-in runtimes and those of the configuration file."""

    def __init__(self, commands: Iterable[RuntimeTable] = ()) -> None:
        """Know the built-in runtimes and these."""
        programs: list[Runtime] = [ClaudeRuntime(), CodexRuntime(), DemoRuntime()]
        programs.extend(CommandRuntime(spec) for spec in commands)
        self._programs: Mapping[str, Runtime] = {runtime.name: runtime for runtime in programs}

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

    def traits(self) -> dict[str, Traits]:
        """The nature of every runtime."""
        known = {name: runtime.traits for name, runtime in self._programs.items()}
        known[HUMAN] = Traits(mailbox=True, resumable=False, chooses_conversation=False)
        return known
