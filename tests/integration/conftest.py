"""Fixtures of the tests that run real processes and sockets."""

from collections.abc import Iterator

import pytest

from roost.local.paths import find_places
from tests.support.home import Home
from tests.support.rpc_server import RpcServer, serve


@pytest.fixture
def daemon(home: Home) -> Iterator[RpcServer]:
    """A socket that answers as it is told."""
    with serve(find_places(home.variables).socket) as server:
        yield server
