"""Chains: messages that agents send each other without a person's word, and the bound on how many.

Two models can thank each other all night. What an agent sends in a turn comes after the messages of that
turn; a person's word among them begins anew.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.identity import HUMAN, OPERATOR, REMOTE, derive
from roost.core.vocabulary.message import Chain, Message, Notice
from roost.core.vocabulary.peer import Settings
from roost.errors import ChainLimitError


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


def on_chain_ended(step: Step, event: f.ChainEnded) -> None:
    """Both ends and the operator hear once of a chain that its message was refused for its length."""
    why = (
        f"{event.chain.count - 1} messages went between agents without a person's word, the most that"
        f" '{step.peer.name}' takes (chain_limit), so the next one, from '{event.sender}' to"
        f" '{step.peer.name}', was refused; a person's message to either opens the way again"
    )
    for to in dict.fromkeys((event.sender, step.peer.name, OPERATOR)):
        ident = derive(event.chain.root, "chain", to)
        step.emit(c.Notify(ident, to, Notice(event.about, "chain-limit", why), event.chain))
