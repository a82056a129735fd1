"""The memory of our own process: the C library's heaps, and what the garbage collector looks through."""

import ctypes
import gc

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


def keep_what_was_loaded() -> None:
    """Take what was made until now out of the collector's sight. Blocks all threads while it looks once more.

    CPython 3.11 looks through its oldest objects only when those that are new to them are a quarter of them
    (gcmodule.c). So a large library that was loaded late has garbage of many MiB kept.
    """
    gc.collect()
    gc.freeze()
