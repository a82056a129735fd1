"""Sends one message to several peers: all are looked at first, then each gets one of its own."""

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from roost.daemon.serve.caller import Caller
from roost.daemon.serve.progress import Progress
from roost.daemon.serve.sending.draft import Draft
from roost.daemon.serve.sending.outcome import Sent
from roost.daemon.serve.sending.participants import Participants
from roost.daemon.serve.sending.recipients import Recipients
from roost.daemon.serve.sending.sender import Sender
from roost.errors import NotFoundError, RefusedError, RoostError, UsageError


class SentTo(Struct, frozen=True):
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

    def __init__(self, sender: Sender, recipients: Recipients, participants: Participants) -> None:
        """`sender` sends each; `recipients` tells whom is meant, `participants` who takes part in one."""
        self._sender = sender
        self._recipients = recipients
        self._participants = participants

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
        than what is missing. `many`: more recipients than the bound are meant. Into a thread it goes to its
        members and to those of `to`, who may be nobody.
        """
        if draft.key is None:
            raise UsageError("a message to several needs a key of its sender: by it a repetition is known")
        if draft.to_thread:
            draft.checked()
            thread = draft.topic or ""
            async with self._participants.alone(thread):
                to = [*to, *await self._members(caller, draft, thread, to)]
                drafts, stored = await self._all_stored(caller, draft, to, progress, many=many)
        else:
            drafts, stored = await self._all_stored(caller, draft, to, progress, many=many)
        if draft.wait == "stored":
            return stored
        waits = (self._awaited(caller, each, one, progress) for each, one in zip(drafts, stored, strict=True))
        return list(await asyncio.gather(*waits))

    async def _members(self, caller: Caller, draft: Draft, thread: str, to: Sequence[str]) -> Sequence[str]:
        """Those of the thread but the sender, who is never asked for by it. Raises RoostError for nobody."""
        if not to and len(draft.words) == 1 and await self._are_recipients(draft.words[0]):
            raise UsageError(
                f"'{draft.words[0]}' is who gets messages, not a text; where the text comes from standard"
                f" input, write `-` after it: `roost send {draft.words[0]} - --thread {thread}`"
            )
        sender = self._sender.name_of(caller, draft)
        known = await self._participants.members(thread)
        others = [name for name in known if name != sender]
        if not to and not known:
            raise NotFoundError(
                f"there is no thread '{thread}' yet; name whom it begins with:"
                f' `roost send NAME,NAME "text" --thread {thread}`'
            )
        if not to and not others:
            raise RefusedError(f"nobody but '{sender}', the sender, is in the thread '{thread}'; name others")
        return others

    async def _are_recipients(self, word: str) -> bool:
        try:
            await self._recipients.of(word.split(","), "", many=True)
        except RoostError:
            return False
        return True

    async def _all_stored(
        self, caller: Caller, draft: Draft, to: Sequence[str], progress: Progress, *, many: bool
    ) -> tuple[list[Draft], list[SentTo]]:
        """A draft for each recipient, and what became of it."""
        names = await self._recipients.of(to, self._sender.name_of(caller, draft), many=many)
        if draft.reply_to is not None and len(names) > 1:
            raise UsageError("an answer goes to one peer; leave --reply-to out to write to several")
        drafts = [replace(draft, to=name, among=True) for name in names]
        known = [await self._sender.examine(caller, each) for each in drafts]
        if draft.attach and not all(known):
            copies = await self._sender.copies(draft)
            drafts = [replace(each, copies=copies) for each in drafts]
        return drafts, [await self._stored(caller, each, progress) for each in drafts]

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
