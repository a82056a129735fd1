"""One command in a fork of its own, from what its caller hands over to how it ends."""

from __future__ import annotations

import os
import signal
import sys

from roost.cli import become
from roost.cli.door.facts import Facts, process_of
from roost.cli.door.link import NO, STATUS, Link, say
from roost.cli.door.request import OddError, read_request
from roost.cli.door.stand_in import take_over
from roost.cli.main import run
from roost.client import connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket
    from typing import NoReturn

READING = 5.0
"""Seconds for a caller to say what it wants; its own patience is shorter."""


def serve(caller: socket, own: Facts) -> NoReturn:
    """Run what the caller asks for, or tell it that this is not possible here. Never returns.

    `own`: the facts of the process that forked.
    """
    link = stand_in(caller, own)
    if link is None:
        last(caller, NO)
    elif link.begins():
        status = perform()
        # Who waits for the end of our output waits for no process of ours.
        os.closerange(0, 3)
        last(caller, STATUS, bytes([status]))
    os._exit(0)


def stand_in(caller: socket, own: Facts) -> Link | None:
    """Become what the caller would be; None: that cannot be."""
    try:
        process = process_of(caller)
        if process is None:
            return None
        facts = Facts(process)
        if not facts.same(own):
            return None
        caller.settimeout(READING)
        request = read_request(caller)
        take_over(request, facts.umask)
        caller.settimeout(None)
    except (OddError, OSError, ValueError):
        return None
    link = Link(caller, request)
    connection.reach = link.connect
    become.execute = link.become
    return link


def perform() -> int:
    """Run the command; returns its exit code."""
    try:
        return run(sys.argv[1:]) & 0xFF
    except SystemExit as end:
        return end.code & 0xFF if isinstance(end.code, int) else 1
    except BaseException as error:  # noqa: BLE001 -- as the interpreter does with what nobody catches
        sys.excepthook(type(error), error, error.__traceback__)
        return 1


def last(caller: socket, what: bytes, data: bytes = b"") -> None:
    """Tell the last thing; who has gone does not hear it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        say(caller, what, data)
    except OSError:
        return
