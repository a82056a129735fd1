"""The loopback port that the daemon listens on."""

import logging
import socket
from collections.abc import Callable, Sequence

from roost.errors import HostError
from roost.host.ports import candidates, holder

PORT = "http.port"
"""The store's key of the port: it is chosen once, because agents were given it."""

_log = logging.getLogger("roost.daemon")


def listen_loopback(stored: str | None, bound: Callable[[], Sequence[str]] = tuple) -> socket.socket:
    """A listening socket on 127.0.0.1: the stored port, or another when somebody has that one. Blocking.

    `bound` tells the peers whose live agents know no other port than the stored one. Raises HostError, with
    the holder's name, when there are such.
    """
    if stored is None:
        return _listen_on_new()
    try:
        return _listen_on(int(stored))
    except OSError as error:
        who = holder(int(stored))
        if names := ", ".join(bound()):
            raise HostError(
                f"{who} has our port 127.0.0.1:{stored} ({error.strerror}), the only one that the agents of"
                f" {names} know: end that program, or those agents (`roost gc`), then `roost up`"
            ) from error
        _log.warning("%s has our port 127.0.0.1:%s; another is taken, as no agent lives", who, stored)
        return _listen_on_new()


def _listen_on_new() -> socket.socket:
    """Raises HostError."""
    why = ""
    for port in candidates():
        try:
            return _listen_on(port)
        except OSError as error:
            why = error.strerror or str(error)
    raise HostError(f"no port of 127.0.0.1 is free: {why}")


def _listen_on(port: int) -> socket.socket:
    """Raises OSError."""
    # Its protocol is named for asyncio, which sends the parts of an answer at once only then. Otherwise a
    # client that keeps its connection waits 40 ms for each answer (a delayed acknowledgement).
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
    except BaseException:
        listener.close()
        raise
    listener.settimeout(0)
    return listener
