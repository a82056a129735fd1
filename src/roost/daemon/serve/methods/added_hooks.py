"""The methods about hooks that a person adds to an agent program's settings."""

from roost.daemon.serve.api.added_hooks import AddedHooks
from roost.daemon.serve.methods.method import Answer, Call, Method, Params, Table


class Environ(Params):
    """The environment in which the person starts the program."""

    environ: dict[str, str]


class Program(Environ):
    """One program, too."""

    program: str


class AddedHookMethods:
    """Answers what a person asks about them."""

    def __init__(self, added: AddedHooks) -> None:
        """Ask these operations."""
        self._added = added

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "hooks": Method(Environ, self._all, looks=True),
            "hooks_add": Method(Program, self._add, waits=True),
            "hooks_remove": Method(Program, self._remove, waits=True),
        }

    async def _all(self, call: Call[Environ]) -> Answer:
        return Answer(await self._added.all(call.params.environ))

    async def _add(self, call: Call[Program]) -> Answer:
        return Answer(await self._added.add(call.params.program, call.params.environ))

    async def _remove(self, call: Call[Program]) -> Answer:
        return Answer(await self._added.remove(call.params.program, call.params.environ))
