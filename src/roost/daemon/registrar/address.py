"""Addresses of a hub: where it listens, and where others reach it."""

import socket

from roost.errors import RefusedError, UsageError
from roost.host.nats.configuration import near


def free(listen: str) -> str:
    """The address, with a port in place of 0. Raises UsageError, RefusedError where it is taken."""
    address, _, port = checked(listen, "--listen").rpartition(":")
    bare = address.strip("[]")
    with socket.socket(socket.AF_INET6 if ":" in bare else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bare, int(port)))
        except OSError as error:
            raise RefusedError(
                f"nothing can listen on {listen}: {error.strerror or error}; give another with --listen"
            ) from error
        return f"{address}:{probe.getsockname()[1]}"


def advertised(given: str | None, listen: str) -> str:
    """How others reach the hub: as is said, else where it listens, or by this machine's name."""
    if given is not None:
        return checked(given, "--advertise")
    address, _, port = listen.rpartition(":")
    anywhere = near(listen) != listen
    return f"{socket.getfqdn() if anywhere else address}:{port}"


def checked(text: str, option: str) -> str:
    """ADDRESS:PORT. Raises UsageError."""
    address, colon, port = text.removeprefix("tls://").rpartition(":")
    number = port.isascii() and port.isdigit() and len(port) <= len(str(_PORTS))
    if not colon or not address or not number or int(port) > _PORTS or address.count(":") == 1:
        raise UsageError(f"{option}: '{text}' is not of the form ADDRESS:PORT")
    return f"{address}:{port}"


_PORTS = 65535
