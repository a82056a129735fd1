"""Sends one message to several peers: all are looked at first, then each gets one of its own."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from roost.daemon.serve.caller import Caller
from roost.daemon.serve.progress import Progress
from roost.daemon.serve.sending.draft import Draft
from roost.daemon.serve.sending.outcome import Sent
from roost.daemon.serve.sending.recipients import Recipients
from roost.daemon.serve.sending.sender import Sender
from roost.errors import RoostError, UsageError


@dataclass(frozen=True, slots=True)
class SentTo:
    """What became of it for one recipient.

    `id`: of its message, None where it was not stored; `error`: why not, or why it is not where the wait
    wanted it.
    """

    to: str
    id: str | None = None
    sent: Sent | None = None
    error: RoostError | None = None


class Several:
    """Sends to several."""

    def __init__(self, sender: Sender, recipients: Recipients) -> None:
        """`sender` sends each; `recipients` tells whom is meant."""
        self._sender = sender
        self._recipients = recipients

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """The addresses in each group, by its name."""
        return self._recipients.groups

    def new_key(self) -> str:
        """A key for a message whose sender has chosen none."""
        return self._sender.new_key()

    async def send(
        self, caller: Caller, draft: Draft, to: Sequence[str], progress: Progress, *, many: bool
    ) -> list[SentTo]:
        """Store a message for each recipient, then wait for all of them side by side.

        Raises what any of them would be refused for: then nobody has it. What a store or a peer refuses only
        when others have it is told in what is returned. The draft's key makes a repetition send no more
        than what is missing. `many`: more recipients than the bound are meant.
        """
        if draft.key is None:
            raise UsageError("a message to several needs a key of its sender: by it a repetition is known")
        names = await self._recipients.of(to, self._sender.name_of(caller, draft), many=many)
        if draft.reply_to is not None and len(names) > 1:
            raise UsageError("an answer goes to one peer; leave --reply-to out to write to several")
        drafts = [replace(draft, to=name, among=True) for name in names]
        known = [await self._sender.examine(caller, each) for each in drafts]
        if draft.attach and not all(known):
            copies = await self._sender.copies(draft)
            drafts = [replace(each, copies=copies) for each in drafts]
        stored = [await self._stored(caller, each, progress) for each in drafts]
        if draft.wait == "stored":
            return stored
        waits = (self._awaited(caller, each, one, progress) for each, one in zip(drafts, stored, strict=True))
        return list(await asyncio.gather(*waits))

    async def _stored(self, caller: Caller, draft: Draft, progress: Progress) -> SentTo:
        try:
            sent = await self._sender.send(caller, replace(draft, wait="stored"), progress)
        except RoostError as error:
            return SentTo(draft.to, error=error)
        progress({"to": draft.to, "id": sent.message.id, "notes": sent.advice})
        return SentTo(draft.to, sent.message.id, sent)

    async def _awaited(self, caller: Caller, draft: Draft, stored: SentTo, progress: Progress) -> SentTo:
        """Wait for one that is stored: its key makes sending it again the same message."""
        if stored.error is not None:
            return stored
        try:
            sent = await self._sender.send(caller, draft, lambda event: progress({"to": draft.to, **event}))
        except RoostError as error:
            return replace(stored, error=error)
        return replace(stored, sent=sent)
