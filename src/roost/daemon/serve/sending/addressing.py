"""Whom a message is from and what it answers, as far as whoever asks may say so."""

from roost.core.vocabulary.identity import OPERATOR
from roost.daemon.serve.caller import Caller
from roost.daemon.serve.sending.draft import Draft
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.errors import DeniedError, NotFoundError, RefusedError


class Addressing:
    """Checks senders and answers."""

    def __init__(self, machine: Machine, fleet: Fleet) -> None:
        """Know this fleet's peers, and the messages of this machine's store."""
        self._machine = machine
        self._fleet = fleet

    def sender(self, caller: Caller, draft: Draft) -> str:
        """In whose name it is sent. Raises DeniedError."""
        if caller.peer is not None:
            if draft.sender not in (None, caller.peer):
                raise DeniedError(f"you are '{caller.peer}' and cannot send as '{draft.sender}'")
            return caller.peer
        name = draft.sender or self._machine.config.sender or OPERATOR
        if not self._fleet.policy.of(self._fleet.get(name).peer.settings.runtime).mailbox:
            raise DeniedError(
                f"'{name}' is an agent, and only it writes in its name; a mailbox of your own is made by"
                " `roost add NAME --runtime human`"
            )
        return name

    async def reply_to(self, draft: Draft, sender: str, *, checked: bool) -> str | None:
        """The whole id of the message that this one answers; `checked`: its other party is the recipient."""
        if draft.reply_to is None:
            return None
        whole = await self._machine.store.resolve(draft.reply_to)
        if whole is None:
            raise NotFoundError(f"there is no message '{draft.reply_to}'; see `roost messages`")
        stored = await self._machine.store.message(whole)
        if stored is not None and sender not in (stored.message.to, stored.message.sender, OPERATOR):
            raise DeniedError(f"message {draft.reply_to} was not sent to '{sender}'")
        if checked and stored is not None and stored.message.notice is None:
            parties = {
                self._fleet.called(name) or name for name in (stored.message.sender, stored.message.to)
            }
            others = parties - {sender} or parties  # an answer to oneself would wake nobody else
            if (self._fleet.called(draft.to) or draft.to) not in others:
                other = next(iter(others))
                raise RefusedError(
                    f"message {whole} is from '{other}', and an answer goes there; leave reply_to out to"
                    f" write to '{draft.to}'"
                )
        return whole
