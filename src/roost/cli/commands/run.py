"""`run`: a program in this terminal, as a peer."""

import os
import sys

from roost.cli.app import App
from roost.cli.command import Argument, Option, command
from roost.cli.own_environ import own_environ
from roost.client.connection import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


@command(
    "run",
    Argument("name"),
    Argument("words", required=False, many=True, metavar="[-- PROGRAM [ARGS]...]"),
    Option("--resume", help="Go on with its earlier conversation, or fail."),
    data=False,
)
def run_command(app: App, name: str, words: "tuple[str, ...]", resume: bool) -> "NoReturn":  # noqa: FBT001 -- a flag
    """Run a program in this terminal as the peer NAME: `roost run me -- claude`.

    Keys, job control and exit status are the program's own, and nothing is written into its configuration.
    Messages reach it by its hooks or its API: in a turn, at its end and, but for `-- codex`, at its prompt.
    Nothing but you, or `roost stop NAME`, ends it.
    A peer that is not there yet is made. ARGS count for this run.
    """
    program, *args = words or ("",)
    params: Record = {
        "name": name,
        "runtime": os.path.basename(program),  # noqa: PTH119 -- a word
        "args": args,
        "dir": os.getcwd(),  # noqa: PTH109 -- no links resolved
        "environ": own_environ(),  # the program gets all of it
        "resume": resume,
    }
    told: Record = app.call("run", params, patience=None)
    sys.stdout.flush()
    sys.stderr.flush()
    # The same process goes on as the program's parent: to the shell it is the program.
    os.execve(told["argv"][0], told["argv"], {**os.environ, **told["environ"]})  # noqa: S606 -- no shell is wanted
