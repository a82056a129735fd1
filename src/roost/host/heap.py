"""The memory of our own process: the C library's heaps, and what the garbage collector looks through."""

import ctypes
import gc
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""`mallopt`'s names for them: malloc.h of glibc."""
_LARGE = 64 * 1024
"""Bytes from which a block is mapped by itself, and goes back whole as soon as it is free."""
_SPARE = 128 * 1024
"""Bytes at the end of a heap that may stay free."""


def share_heap(arenas: int = 2) -> bool:
    """Have all threads take memory out of so few heaps, large blocks apart; whether the C library does.

    glibc gives each new thread a heap of its own, up to eight for each processor, and gives back little of
    what any of them once needed. Ours wait for the interpreter's lock most of the time, not for a heap. And
    what it calls large grows, unless told otherwise, to the largest block that was ever freed (mallopt(3)):
    answers and messages of many KiB then leave holes in the heaps.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    wanted = ((_M_ARENA_MAX, arenas), (_M_MMAP_THRESHOLD, _LARGE), (_M_TRIM_THRESHOLD, _SPARE))
    return all(mallopt(name, value) for name, value in wanted)


def give_back() -> None:
    """Give the system the whole pages that are free between blocks in use. Blocking, a few milliseconds."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def keep_what_was_loaded() -> None:
    """Take what was made until now out of the collector's sight. Blocks all threads while it looks once more.

    CPython 3.11 looks through its oldest objects only when those that are new to them are a quarter of them
    (gcmodule.c). So a large library that was loaded late has garbage of many MiB kept.
    """
    gc.collect()
    gc.freeze()
