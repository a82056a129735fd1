"""Of what kind the value of each argument and each option is, as far as completion can name values of it."""

from __future__ import annotations

from roost.cli.command import Choice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.cli.command import Argument, Command, Option

PEER = "peer"
MESSAGE = "message"
QUESTION = "question"
ANSWER = "answer"
RUNTIME = "runtime"
CHOICE = "choice"
FILE = "file"
FOLDER = "folder"

_OF_NAME = {
    "name": PEER,
    "old": PEER,
    "to": PEER,
    "sender": PEER,
    "peer": PEER,
    "id": MESSAGE,
    "reply_to": MESSAGE,
    "runtime": RUNTIME,
    "attach": FILE,
    "file": FILE,
    "dir": FOLDER,
    "home": FOLDER,
}
"""What a parameter of this name takes, whatever the command."""
_OF_COMMAND = {
    ("add", "name"): None,
    ("init", "name"): None,
    ("fleet", "name"): None,
    ("runtimes", "name"): RUNTIME,
    ("run", "words"): RUNTIME,
    ("answer", "id"): QUESTION,
    ("answer", "option"): ANSWER,
    ("deny", "id"): QUESTION,
    ("watch", "watcher"): PEER,
    ("thread", "member"): PEER,
}
"""Where a command means something else by it: a new name, an id of another thing."""


def kind_of(command: Command | None, parameter: Argument | Option) -> str | None:
    """Its kind; None for what a person makes up."""
    if isinstance(parameter.kind, Choice):
        return CHOICE
    name = command.name if command is not None else ""
    return _OF_COMMAND.get((name, parameter.name), _OF_NAME.get(parameter.name))
