"""This process as others can tell it from a later one with its number."""


def start_ticks() -> int | None:
    """Return this process's start time in clock ticks since boot; None where there is no /proc."""
    try:
        with open("/proc/self/stat", "rb") as stat:
            # The name in parentheses may hold spaces: field 22 is the 20th after it.
            return int(stat.read().rpartition(b")")[2].split()[19])
    except OSError:
        return None
