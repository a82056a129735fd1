"""`web`: the page for a person's browser."""

from importlib import import_module
from importlib.util import find_spec

from roost.cli.app import App
from roost.cli.command import Number, Option, command
from roost.errors import RoostError, UsageError

_PORTS = 65535


@command(
    "web",
    Option("--open", "opens", help="Open the address in this machine's browser."),
    Option("--read-only", help="Whoever signs in may look and change nothing."),
    Option(
        "--port", kind=Number(0), default=0, metavar="N", help="The port of 127.0.0.1; 0: any that is free."
    ),
    data=False,
)
def web_command(app: App, opens: bool, read_only: bool, port: int) -> int:  # noqa: FBT001 -- flags
    """Serve a page to a browser of this machine.

    All peers, messages and records are on it; Ctrl-C ends it. It prints an address that signs in one browser,
    once.
    """
    if port > _PORTS:
        raise UsageError(f"there is no port {port}; the last one is {_PORTS}")
    if find_spec("jinja2") is None:
        raise RoostError("`roost web` needs one package more: `pip install 'roost[web]'`")
    # By name: the page sits above the command line and uses it, so nothing here may depend on it.
    status: int = import_module("roost.web.main").run(app, port, opens=opens, read_only=read_only)
    return status
