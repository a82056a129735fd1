"""A port of 127.0.0.1 for a server that comes later, or comes back: nobody else gets it meanwhile."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_port() -> Iterator[int]:
    """A port that refuses connections until somebody listens there who sets SO_REUSEADDR, as servers do.

    It is bound all the time, so the system gives it to nobody who asks for any port or connects from one.
    """
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield int(keeper.getsockname()[1])
