"""Limits of our own process."""

import resource

# One pidfd for agent, shim and server each, one connection and a few files per session.
WANTED_OPEN_FILES = 65_536


def raise_open_files(wanted: int = WANTED_OPEN_FILES) -> int:
    """Raise the soft limit of open files towards `wanted`, as far as the hard limit goes; returns the limit.

    Descriptors above 1023 break programs that use select(2), so children should be started with the old limit
    where that matters; the shim and tmux poll.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        return target
    return soft
