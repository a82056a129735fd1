"""What the records of a runtime tell of a message, searched in threads of their own."""

from roost.core.vocabulary.message import Message
from roost.daemon.session.evidence import Finding, examine_record, holds, written_since
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.machine import Machine
from roost.runtimes.context import Context
from roost.runtimes.runtime import Runtime


class RecordSearch:
    """Searches the records that agents' programs keep."""

    def __init__(self, machine: Machine) -> None:
        """Search on this machine."""
        self._clock = machine.clock
        self._threads = machine.work.searches

    async def find(
        self, runtime: Runtime, context: Context, seed: str, message: Message, attempt: int
    ) -> Finding:
        """What the records of its runtime say of one offer."""
        now = self._clock.now()
        return await self._threads.run_for(
            context.session.id, examine_record, runtime, context, seed, message, attempt, now
        )

    async def holds(self, live: LiveSession, seed: str, message: Message) -> bool:
        """Whether the resumed conversation really holds the message.

        Claude Code 2.1.328 writes a prompt down up to 0.2 s after its hook has told of it: an agent killed in
        between was told the message and has forgotten it.
        """
        return await self._threads.run_for(
            live.session.id, holds, live.runtime, live.context, seed, message, self._clock.now()
        )

    async def written_since(self, runtime: Runtime, context: Context, since: float) -> bool:
        """Whether the conversation's record was written at that time (Unix seconds) or later."""
        return await self._threads.run_for(context.session.id, written_since, runtime, context, since)
