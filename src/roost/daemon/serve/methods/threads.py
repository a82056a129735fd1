"""The methods about threads: who is in one, what was said in it, who leaves it."""

from roost.core.vocabulary.identity import OPERATOR
from roost.daemon.serve.api.api import Api
from roost.daemon.serve.methods.method import Answer, Call, Method, Params, Table
from roost.daemon.serve.methods.parameters import Count
from roost.errors import DeniedError, NotFoundError
from roost.store.interfaces import Wanted


class Thread(Params):
    """A thread, with the latest `limit` of its messages."""

    thread: str
    limit: Count | None = None


class Leaving(Params):
    """Who leaves a thread: whoever asks, where no `name` is given."""

    thread: str
    name: str | None = None


class ThreadMethods:
    """Answers what is asked about threads."""

    def __init__(self, api: Api) -> None:
        """Ask these operations."""
        self._api = api

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "thread": Method(Thread, self._thread, looks=True),
            "leave_thread": Method(Leaving, self._leave, agents=True, names=("name",)),
        }

    async def _thread(self, call: Call[Thread]) -> Answer:
        asked = call.params
        members = list(await self._api.participants.members(asked.thread))
        messages = await self._api.mail.messages(Wanted(topic=asked.thread), asked.limit)
        if not members and not messages:
            raise NotFoundError(f"there is no thread '{asked.thread}'; `roost messages` shows the topics")
        return Answer({"thread": asked.thread, "members": members, "messages": messages})

    async def _leave(self, call: Call[Leaving]) -> Answer:
        asked, peer = call.params, call.caller.peer
        if peer is not None and asked.name not in (None, peer):
            raise DeniedError(f"you are '{peer}' and cannot leave for '{asked.name}'")
        name = await self._api.sender.recipient(asked.name or peer or OPERATOR)
        await self._api.participants.leave(asked.thread, name)
        return Answer({"thread": asked.thread, "left": name})
