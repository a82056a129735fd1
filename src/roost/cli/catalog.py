"""Which commands there are, and where; each loads its module only when it is looked up."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.cli.command import Command

COMMANDS: dict[str, dict[str, str]] = {
    "Daemon": {
        "up": "daemon",
        "down": "daemon",
        "status": "daemon",
        "doctor": "doctor",
        "gc": "gc",
        "adopt": "gc",
        "backup": "backup",
        "restore": "backup",
        "service": "service",
        "env": "env",
        "notify": "notify",
        "runtimes": "runtimes",
        "web": "web",
        "fleet": "fleet",
    },
    "Peers": {
        "add": "peer",
        "init": "peer",
        "set": "peer",
        "list": "registry",
        "top": "top",
        "show": "registry",
        "rename": "peer",
        "move": "move",
        "remove": "peer",
    },
    "Messages": {
        "send": "send",
        "messages": "message",
        "message": "message",
        "inbox": "inbox",
        "listen": "listen",
        "thread": "thread",
        "watch": "watch",
        "search": "search",
    },
    "Sessions": {
        "run": "run",
        "join": "join",
        "leave": "join",
        "hooks": "hooks",
        "wake": "session",
        "sleep": "session",
        "stop": "session",
        "start": "session",
        "restart": "session",
        "refresh": "session",
        "interrupt": "session",
        "compact": "session",
        "wait": "session",
        "attach": "terminal",
        "screen": "terminal",
        "transcript": "transcript",
        "logs": "terminal",
    },
    "Questions": {"questions": "question", "answer": "question", "deny": "question"},
    "Records": {"events": "journal", "deaths": "journal", "metrics": "metrics"},
    "More": {
        "done": "agent",
        "fresh": "agent",
        "mcp": "mcp",
        "completion": "completion",
        "demo": "demo",
        "probe": "probe",
    },
}
"""Section -> command -> module below `roost.cli.commands`, where it is the object `<command>_command`."""
MODULES = {name: module for section in COMMANDS.values() for name, module in section.items()}

PYTHONS = frozenset(
    {"backup", "demo", "doctor", "down", "fleet", "gc", "join", "leave", "listen", "mcp", "probe", "restore"}
    | {"run", "runtimes", "service", "top", "up", "watch", "web"}
)
"""Commands that stay, start daemons, look over this machine or ask the terminal: not by the native door.

cli/door/client.c has the same.
"""

ALIASES = {"ls": "list", "ps": "list", "rm": "remove"}
"""Names that other tools have taught people."""


def find(name: str) -> Command | None:
    """Load the module of one command, by its name or an alias; None: there is no such command."""
    name = ALIASES.get(name, name)
    if name not in MODULES:
        return None
    # What importlib does, without the half of a millisecond that loading it takes.
    module = __import__(f"roost.cli.commands.{MODULES[name]}", fromlist=["roost"])
    command: Command = getattr(module, f"{name}_command")
    return command
