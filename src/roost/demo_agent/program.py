"""The command line of the demo agent."""

import os
import sys
import termios

from roost.console.terminal import Terminal
from roost.demo_agent.agent import Agent
from roost.demo_agent.conversation import Conversation, ConversationError
from roost.demo_agent.log import Log
from roost.demo_agent.status import Status

USAGE = "usage: python -m roost.demo_agent [--conversation ID] [--resume] [--state DIR]"


class UsageError(Exception):
    """The arguments make no sense; the message says why."""


class Options:
    """The parsed command line."""

    __slots__ = ("conversation", "resume", "state")

    def __init__(self, arguments: list[str]) -> None:
        """Parse by hand (argparse costs milliseconds at start); raises UsageError."""
        self.conversation = ""
        self.resume = False
        self.state = os.environ.get("ROOST_DEMO_STATE") or os.path.expanduser("~/.roost-demo")
        rest = list(arguments)
        while rest:
            name, equals, value = rest.pop(0).partition("=")
            if name == "--resume" and not equals:
                self.resume = True
                continue
            if name not in {"--conversation", "--state"}:
                message = f"unknown argument {name}"
                raise UsageError(message)
            if not equals:
                if not rest:
                    message = f"{name} needs a value"
                    raise UsageError(message)
                value = rest.pop(0)
            setattr(self, name[2:], value)
        if self.resume and not self.conversation:
            message = "--resume needs --conversation"
            raise UsageError(message)


def _new_id() -> str:
    # Only an agent that was given no id pays for this import.
    import uuid  # noqa: PLC0415

    return str(uuid.uuid4())


def _fail(code: int, text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return code


def main(arguments: list[str]) -> int:
    """Run the demo agent; return its exit code (2 usage, 1 cannot start, 0 quit)."""
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(f"{USAGE}\n")
        return 0
    try:
        options = Options(arguments)
        terminal = Terminal()
    except UsageError as error:
        return _fail(2, f"{error}\n{USAGE}")
    except termios.error:
        return _fail(1, "The demo agent needs a terminal: start it in one")
    state = os.path.abspath(options.state)
    try:
        conversation = Conversation(state, options.conversation or _new_id(), resume=options.resume)
        earlier = conversation.count()
        log = Log(os.environ.get("ROOST_DEMO_LOG", ""), os.environ.get("ROOST_SESSION", ""))
        log.write("start", conversation.id)
        status = Status(state, conversation.id)
    except ConversationError as error:
        return _fail(1, str(error))
    except OSError as error:
        return _fail(1, f"Cannot start: {error}")
    header = ["roost demo agent", f"conversation {conversation.id}, {earlier} earlier messages", ""]
    return Agent(terminal, conversation, log, status).run(header)
