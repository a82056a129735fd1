"""Who is at the other end of a connection to a server of this machine, by its process (L7, H4)."""

import os
import socket
import sys
from pathlib import Path

import pytest

from roost.host.serving import serving_pid

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has a port's connection")


def test_L7_the_process_behind_a_unix_socket_is_the_one_that_listens(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        client.connect(str(tmp_path / "s"))
        assert serving_pid(client) == os.getpid()


@LINUX
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_L7_the_process_behind_a_port_is_the_one_that_has_the_other_end(family: int, host: str) -> None:
    with socket.create_server((host, 0), family=family) as listener:
        address = listener.getsockname()
        with socket.create_connection(address[:2]) as client:
            taken, _ = listener.accept()
            with taken:
                assert serving_pid(client) == os.getpid()
            # Nobody has the other end any more: it is nobody's, not somebody else's.
            assert serving_pid(client) is None


@LINUX
def test_L7_what_the_system_does_not_tell_is_not_guessed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as client:
            assert serving_pid(client, tmp_path) is None  # no table of the kernel to be read
        assert serving_pid(client) is None  # closed
