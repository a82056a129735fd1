"""What the native program and the process behind it both know."""

import os
import re
import socket
from unittest.mock import Mock

import pytest

from hatch_build import SOURCE
from roost.cli.catalog import MODULES, PYTHONS
from roost.cli.door.link import HERE, Link, say
from roost.cli.door.request import MAGIC


def test_both_know_which_commands_are_pythons() -> None:
    """All others are served: the process behind the door loads them."""
    found = re.search(r"never\[\] = \{(.*?), 0\}", SOURCE.read_text(), re.DOTALL)
    assert found is not None
    names = re.findall(r'"([a-z]+)"', found[1])
    assert sorted(names) == sorted(PYTHONS)
    assert MODULES.keys() > PYTHONS


def test_both_speak_of_the_same_version() -> None:
    text = MAGIC.decode().replace("\n", "\\n")
    assert f'#define MAGIC "{text}"' in SOURCE.read_text()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_daemon_that_was_replaced_before_it_was_asked_is_connected_to_anew(replaced: bool) -> None:
    """The caller is connected before the command has read its text, which may come late: it was lost then."""
    ours, callers = socket.socketpair()
    old, new = socket.socketpair(), socket.socketpair()
    link = Link(ours, Mock(daemon=b"/run/roost.sock", connection=os.dup(old[0].fileno()), end=-1))
    with ours, callers, old[0], old[1], new[0], new[1]:
        if replaced:
            old[1].close()
        say(callers, HERE, descriptor=new[0].fileno())
        with link.connect("/run/roost.sock", 1.0) as connection:
            connection.sendall(b"asked")
        assert (new if replaced else old)[1].recv(9) == b"asked"
