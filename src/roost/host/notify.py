"""Tells a service manager how the daemon is: one datagram to `$NOTIFY_SOCKET` (sd_notify(3))."""

import contextlib
import os
import socket
from collections.abc import Mapping, MutableMapping

_OURS = (
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PIDFDID",
)
"""Variables that speak to this process alone: a child that found them would speak in our name."""


class Notifier:
    """The way to the service manager; without an address every call does nothing.

    `interval` is the number of seconds between two `alive` calls that keeps the manager content (half of what
    it asks for), None when it keeps no watchdog over us.
    """

    def __init__(self, address: str | None = None, interval: float | None = None) -> None:
        """Speak to the datagram socket of this path; `@` at its start means an abstract name."""
        self._address = "\0" + address[1:] if address is not None and address.startswith("@") else address
        self.interval = interval if address is not None else None

    def ready(self, status: str) -> None:
        """We serve."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def alive(self) -> None:
        """We are not stuck."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """We are on our way out."""
        self._send("STOPPING=1\nSTATUS=stopping; agents live on")

    def _send(self, text: str) -> None:
        """Never raises and never blocks: a manager that does not listen is no reason to fail."""
        if self._address is None:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.settimeout(0)
            channel.sendto(text.encode(), self._address)


def _line(text: str) -> str:
    return " ".join(text.split())


def take_notifier(environ: MutableMapping[str, str]) -> Notifier:
    """The notifier that the environment asks for; its variables are removed from `environ`."""
    notifier = Notifier(environ.get("NOTIFY_SOCKET") or None, _interval(environ))
    for name in _OURS:
        environ.pop(name, None)
    return notifier


def _interval(environ: Mapping[str, str]) -> float | None:
    """Half of `$WATCHDOG_USEC`, in seconds; None when it is not meant for this process or is no number."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    asked = environ.get("WATCHDOG_USEC", "")
    return int(asked) / 2_000_000 if asked.isascii() and asked.isdigit() and int(asked) > 0 else None
