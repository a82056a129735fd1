"""The methods about terminals: joined, looked at, their logs found."""

from roost.daemon.serve.api.api import Api
from roost.daemon.serve.methods.method import BY, Answer, Call, Method, Params, Table
from roost.daemon.serve.methods.parameters import Named
from roost.host.tmux.attach import attach_argv


class Attach(Params):
    """A peer whose terminal is joined; `read_only`: without keys."""

    name: str
    read_only: bool = False


class TerminalMethods:
    """Answers what is asked about terminals."""

    def __init__(self, api: Api) -> None:
        """Ask these operations."""
        self._api = api

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "attach": Method(Attach, self._attach, waits=True),
            "screen": Method(Named, self._screen, looks=True),
            "logs": Method(Named, self._logs, looks=True),
        }

    async def _attach(self, call: Call[Attach]) -> Answer:
        await self._api.wakes.attachable(call.params.name, BY, call.progress)
        socket = await self._api.terminals.joinable(call.params.name)
        return Answer({"argv": attach_argv(socket, read_only=call.params.read_only)})

    async def _screen(self, call: Call[Named]) -> Answer:
        return Answer({"text": await self._api.terminals.screen(call.params.name)})

    async def _logs(self, call: Call[Named]) -> Answer:
        return Answer({"path": str(self._api.terminals.log(call.params.name))})
