"""What the records of a runtime tell of a message, searched in threads of their own."""

from msgspec.structs import replace

from roost.core.vocabulary.commands import offer_key
from roost.core.vocabulary.message import Examination, Message
from roost.daemon.session.evidence import Finding, examine_record, holds, written_since
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.machine import Machine
from roost.runtimes.codex_server.thread import ThreadCall
from roost.runtimes.context import Context
from roost.runtimes.runtime import Runtime


class RecordSearch:
    """Searches the records that agents' programs keep."""

    def __init__(self, machine: Machine) -> None:
        """Search on this machine."""
        self._clock = machine.clock
        self._servers = machine.runtimes.servers
        self._threads = machine.work.searches

    async def find(
        self, runtime: Runtime, context: Context, seed: str, message: Message, attempt: int
    ) -> Finding:
        """What the records of its runtime say of one offer. Raises RoostError where a server keeps them."""
        if context.settings.threaded:
            address = context.settings.server
            try:
                return await _asked(self._servers.thread(context.session, address), message, attempt)
            finally:
                await self._servers.rest(address)
        now = self._clock.now()
        return await self._threads.run_for(
            context.session.id, examine_record, runtime, context, seed, message, attempt, now
        )

    async def holds(self, live: LiveSession, seed: str, message: Message) -> bool:
        """Whether the resumed conversation really holds the message.

        Claude Code 2.1.328 writes a prompt down up to 0.2 s after its hook has told of it: an agent killed in
        between was told the message and has forgotten it. The server of a thread is asked.
        """
        if live.context.settings.threaded:
            earlier = range(1, message.attempts)
            looks = [await self.find(live.runtime, live.context, seed, message, each) for each in earlier]
            return any(found.verdict is not Examination.ABSENT for found in looks)
        return await self._threads.run_for(
            live.session.id, holds, live.runtime, live.context, seed, message, self._clock.now()
        )

    async def written_since(self, runtime: Runtime, context: Context, since: float) -> bool:
        """Whether the conversation's record was written at that time (Unix seconds) or later."""
        if context.settings.threaded:
            return True
        return await self._threads.run_for(context.session.id, written_since, runtime, context, since)


async def _asked(call: ThreadCall, message: Message, attempt: int) -> Finding:
    """What a thread's server says of one offer. Raises CallLostError, CallRefusedError."""
    turn = await call.turn_of(offer_key(replace(message, attempts=attempt)))
    if turn is None:
        return Finding(Examination.ABSENT, "its server's record does not hold the message")
    if turn.get("status") == "completed":
        why = "its server's record holds the message and the end of its turn"
        return Finding(Examination.ENDED, why, call.thread)
    why = "its server's record holds the message, not the end of its turn"
    return Finding(Examination.FOUND, why, call.thread)
