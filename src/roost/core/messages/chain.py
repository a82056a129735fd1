"""Chains: messages that agents send each other without a person's word, and the bound on how many.

Two models can thank each other all night. What an agent sends in a turn comes after the messages of that
turn; a person's word among them begins anew.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.identity import HUMAN, OPERATOR, REMOTE, SYSTEM, derive
from roost.core.vocabulary.message import Chain, Message, Notice
from roost.core.vocabulary.peer import Settings
from roost.errors import ChainLimitError

ENDED = "chain-limit"
"""The outcome of the notice that a chain has ended, which is told once."""


def chain_after(message_id: str, turn: Iterable[Message], answered: Message | None) -> Chain:
    """The place of an agent's message: sent in the turn of these messages, as an answer to that one."""
    before: list[Chain] = []
    for message in turn:
        if message.of_person:
            return Chain(1, message.id)
        if message.chain is not None:
            before.append(message.chain)
    if answered is not None and answered.chain is not None:
        before.append(answered.chain)
    longest = max(before, key=lambda chain: chain.count, default=Chain(0, message_id))
    return replace(longest, count=longest.count + 1)


def chain_from(claimed: Chain | None, answered: Message | None) -> Chain | None:
    """The place of a message as its host tells it: an agent's answer comes after what it answers."""
    if claimed is None or answered is None or answered.chain is None:
        return claimed
    return max(claimed, replace(answered.chain, count=answered.chain.count + 1), key=lambda one: one.count)


def beyond(settings: Settings, chain: Chain | None, to: str) -> ChainLimitError | None:
    """Why a message in that place is refused by a peer with these settings; None: it is taken.

    Whom a person reads for, or another host, has no bound here.
    """
    limit = settings.chain_limit
    if chain is None or not limit or chain.count <= limit or settings.runtime in (HUMAN, REMOTE):
        return None
    return ChainLimitError(
        f"{chain.count - 1} messages went between agents without a person's word, the most that '{to}' takes"
        " (chain_limit): this one was not sent, and the operator knows of it; end your turn,"
        " a person's message opens the way again"
    )


def beyond_news(settings: Settings, notice: Message) -> ChainLimitError | None:
    """Why a peer with these settings is not told what became of its message; None: it is.

    A turn within the bound sends what is one beyond it at most. What is more beyond was sent from a turn on
    such a notice: to a person or another host, who take any. Telling of that again would never end.
    """
    chain = notice.chain
    if chain is None or (notice.notice is not None and notice.notice.outcome == ENDED):
        return None
    return beyond(settings, replace(chain, count=chain.count - 1), notice.to)


def on_chain_ended(step: Step, event: f.ChainEnded) -> None:
    """Both ends and the operator hear once of a chain that its message was refused for its length.

    Where it was a notice, whom it was for and the operator do.
    """
    name, before = step.peer.name, event.chain.count - 1
    went = f"{before} messages went between agents without a person's word"
    if event.sender == SYSTEM:
        why = (
            f"{went}, more than '{name}' takes (chain_limit), so it is told no more of what becomes of those"
            " that it sends on from there; a person's message to it opens the way again"
        )
    else:
        why = (
            f"{went}, the most that '{name}' takes (chain_limit), so the next one, from '{event.sender}' to"
            f" '{name}', was refused; a person's message to either opens the way again"
        )
    for to in dict.fromkeys((event.sender, name, OPERATOR)):
        if to != SYSTEM:
            ident = derive(event.chain.root, "chain", to)
            step.emit(c.Notify(ident, to, Notice(event.about, ENDED, why), event.chain, step.now))
