"""How often a host tells all others something: the more there are, the seldomer.

What one tells, all hear. At a fixed pace each host would hear more with each that joins, and the hub would
pass on as many words as there are pairs of hosts.
"""

WORDS = 20.0
"""Words of one kind that a host hears of all others together, a second."""
BYTES = 64 * 1024.0
"""Bytes of them, a second."""


def pace(least: float, members: int, size: int = 0) -> float:
    """Seconds between two words of this many bytes in a fleet of so many members; `least`: in a small one."""
    return max(least, members / WORDS, members * size / BYTES)
