"""The C library's heap of our own process."""

import ctypes

_M_ARENA_MAX = -8
"""`mallopt`'s name for it: malloc.h of glibc."""


def share_heap(arenas: int = 2) -> bool:
    """Have all threads take memory out of so few heaps; whether the C library does that.

    glibc gives each new thread a heap of its own, up to eight for each processor, and gives back little of
    what any of them once needed. Ours wait for the interpreter's lock most of the time, not for a heap.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_M_ARENA_MAX, arenas))
