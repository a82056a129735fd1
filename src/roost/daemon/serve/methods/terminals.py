"""The methods about terminals: joined, looked at, their logs found."""

from roost.core.messages.remote import elsewhere
from roost.core.vocabulary.identity import host_of
from roost.daemon.serve.api.api import Api
from roost.daemon.serve.methods.method import BY, Answer, Away, Call, Method, Params, Table
from roost.daemon.serve.methods.parameters import NAME, Named
from roost.host.tmux.attach import attach_argv


class Attach(Params):
    """A peer whose terminal is joined; `read_only`: without keys. One of another host is joined there.

    `page`: from a browser. Nobody is woken for it, the terminal keeps its size, and the journal tells of who
    can type there.
    """

    name: str
    read_only: bool = False
    page: bool = False


class TerminalMethods:
    """Answers what is asked about terminals."""

    def __init__(self, api: Api) -> None:
        """Ask these operations."""
        self._api = api

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "attach": Method(Attach, self._attach, waits=True, names=NAME, away=Away.HERE),
            "screen": Method(Named, self._screen, looks=True, names=NAME, away=Away.ASKED),
            "logs": Method(Named, self._logs, looks=True, names=NAME),
        }

    async def _attach(self, call: Call[Attach]) -> Answer:
        asked = call.params
        if (host := host_of(asked.name)) is not None:
            if asked.page:
                raise elsewhere(asked.name)
            peer = asked.name.partition("@")[0]
            return Answer({"argv": ["ssh", "-t", host, "roost", "attach", peer], "host": host})
        if not asked.page:
            await self._api.wakes.attachable(asked.name, BY, call.progress)
        socket, tmux = await self._api.terminals.joinable(asked.name)
        if asked.page and not asked.read_only:
            await self._api.terminals.take_over(asked.name, BY)
        argv = attach_argv(socket, read_only=asked.read_only, keeps_size=asked.page, tmux=tmux)
        return Answer({"argv": argv, "host": None})

    async def _screen(self, call: Call[Named]) -> Answer:
        frame = await self._api.terminals.screen(call.params.name)
        return Answer({"text": frame.text, "columns": frame.columns, "rows": frame.rows})

    async def _logs(self, call: Call[Named]) -> Answer:
        return Answer({"path": str(self._api.terminals.log(call.params.name))})
