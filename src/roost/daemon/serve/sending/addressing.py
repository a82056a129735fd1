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
        if stored is None:
            return whole
        message = stored.message
        author = self._fleet.called(message.sender, message.created_at)
        if sender not in (message.to, author, OPERATOR):
            raise DeniedError(f"message {draft.reply_to} was not sent to '{sender}'")
        if message.notice is not None:
            return whole
        to = self._fleet.called(draft.to) or draft.to
        gone = self._fleet.gone(message)
        if gone is not None and to == message.sender:
            raise RefusedError(f"{gone}; leave reply_to out to write to it")
        if checked:
            parties = {author or message.sender, self._fleet.called(message.to) or message.to}
            others = parties - {sender} or parties  # an answer to oneself would wake nobody else
            if to not in others:
                other = next(iter(others))
                raise RefusedError(
                    f"message {whole} is from '{other}', and an answer goes there; leave reply_to out to"
                    f" write to '{draft.to}'"
                )
        return whole
