"""Whose a peer is, as the fleet has it on record: one value for each peer that has ever moved.

A peer is known there by what is derived from its secret, so that an older copy of a store is found out.
"""

import msgspec

from roost.core.vocabulary.identity import derive
from roost.core.vocabulary.peer import Peer

OWNER = "owner"
"""Begins the keys of the directory."""


class Owner(msgspec.Struct, frozen=True):
    """The host that has the peer, by which move."""

    host: str
    move: str


def mark_of(peer: Peer) -> str:
    """By what the peer is known in the directory."""
    return derive(peer.seed, OWNER)


def key_of(peer: Peer) -> str:
    """The key of its value in the directory."""
    return f"{OWNER}.{mark_of(peer)}"
