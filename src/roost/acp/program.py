"""The program: its parts put together, its signals, its end."""

import os
import signal
import sys
import termios
from collections.abc import Sequence

import roost
from roost.acp.agent import End
from roost.acp.calls import Calls
from roost.acp.client import Client
from roost.acp.handshake import Wish
from roost.acp.loop import READ, Loop
from roost.acp.options import USAGE, Options, UsageError, parse
from roost.acp.paper import Paper
from roost.acp.record import Record
from roost.acp.status import Status
from roost.console.terminal import Terminal

_ENDING = {signal.SIGTERM: 143, signal.SIGHUP: 129}
_CAUGHT = (*_ENDING, signal.SIGINT, signal.SIGCHLD, signal.SIGWINCH)


def main(arguments: Sequence[str]) -> int:
    """Run the client; return its exit code: 2 usage, 1 cannot start, 127 no agent, else the agent's."""
    try:
        options = parse(arguments)
        terminal = Terminal()
    except UsageError as error:
        sys.stderr.write(f"{error}\n{USAGE}\n")
        return 2
    except termios.error:
        sys.stderr.write("the ACP client needs a terminal: start it in one\n")
        return 1
    try:
        end = _run(options, terminal)
    except OSError as error:
        sys.stderr.write(f"cannot start: {error}\n")
        return 1
    if end.signal:
        # What kills the agent is to be seen as what ended the session.
        if end.signal != signal.SIGKILL:
            signal.signal(end.signal, signal.SIG_DFL)
        os.kill(os.getpid(), end.signal)
    return end.code


def _run(options: Options, terminal: Terminal) -> End:
    loop, ends = Loop(), list[End]()
    session = os.environ.get("ROOST_SESSION") or str(os.getpid())
    calls = Calls(loop, options.socket)
    record = Record(loop, options.folder, session, calls.tell)
    client = Client(loop, Paper(loop, terminal), record, Status(loop, options.folder, session), ends.append)
    calls.open(client)
    _watch_signals(loop, client)
    wish = Wish(
        directory=os.getcwd(),
        load=options.load,
        must_load=options.must_load,
        url=os.environ.get("ROOST_URL", ""),
        token=os.environ.get("ROOST_TOKEN", ""),
        version=roost.__version__,
        meta=options.meta,
    )
    try:
        client.start(options.argv, wish, options.instructions)
        while not ends:
            loop.step()
    finally:
        calls.close()
    return ends[0]


def _watch_signals(loop: Loop, client: Client) -> None:
    """Signals are bytes in a pipe: what they ask for is done between two other things."""
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    os.set_blocking(writes, False)
    signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    for number in _CAUGHT:
        signal.signal(number, lambda _number, _frame: None)

    def on_signals(_events: int) -> None:
        for number in dict.fromkeys(os.read(reads, 512)):
            if number == signal.SIGCHLD:
                client.child_ended()
            elif number == signal.SIGWINCH:
                client.resized()
            elif number == signal.SIGINT:
                client.cancelled()
            elif number in _ENDING:
                client.end(_ENDING[signal.Signals(number)], signal.SIGTERM)

    loop.watch(reads, READ, on_signals)
