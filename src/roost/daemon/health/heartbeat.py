"""Keeps the service manager's watchdog content, from the event loop: a loop that is stuck sends nothing."""

from roost.host.interfaces.clock import Clock
from roost.host.notify import Notifier

SOON = 1.0
"""Seconds between two signs of life at most: the watchdog's time goes on while this process is stopped."""


async def beat(notifier: Notifier, clock: Clock) -> None:
    """Say that we are alive, again and again; returns at once when nobody keeps a watchdog."""
    if notifier.interval is None:
        return
    while True:
        notifier.alive()
        await clock.sleep(min(notifier.interval, SOON))
