"""The filters of messages: one table of them, the same on the command line, in Python and on the page."""

import inspect
import re
from pathlib import Path

import msgspec
import pytest

import roost.web
from roost.cli.catalog import find
from roost.cli.command import Argument, Option
from roost.client.roost import Roost
from roost.daemon.serve.methods.conversations import Search
from roost.daemon.serve.methods.messages import Messages

FILTERS = {"to", "sender", "state", "topic", "since"}
"""What messages may be chosen by; `sender` is `from` where that is no word of Python."""
WORDS = {"messages": {"text"}, "search": {"peer", "places", "text"}}
"""What else: words that they hold, and where they are searched."""


def taken(struct: type[msgspec.Struct]) -> set[str]:
    """The parameters of a method; that of `messages` calls the recipient `name`."""
    names = {field.name for field in msgspec.structs.fields(struct)}
    return {"to" if name == "name" else name for name in names} - {"limit"}


def of_command(name: str) -> set[str]:
    command = find(name)
    assert command is not None
    parameters: list[Argument | Option] = [*command.arguments, *command.options]
    names = {parameter.name for parameter in parameters}
    return {"to" if each == "name" else each for each in names} - {"limit", "json"}


@pytest.mark.parametrize(("name", "method"), [("messages", Messages), ("search", Search)])
def test_all_ways_take_the_same_filters(name: str, method: type[msgspec.Struct]) -> None:
    """15.4: the table against the method, the command and the Python client."""
    wanted = FILTERS | WORDS[name]
    assert taken(method) == wanted
    assert of_command(name) == wanted
    assert set(inspect.signature(getattr(Roost, name)).parameters) - {"self", "limit"} == wanted


def test_the_page_takes_them_too() -> None:
    """15.4: the fields of the page of messages."""
    page = Path(roost.web.__path__[0], "templates", "messages.html").read_text()
    fields = set(re.findall(r'(?:input|select) name="(\w+)"', page))
    names = {"name": "to", "from": "sender"}
    assert {names.get(field, field) for field in fields} == FILTERS | WORDS["messages"]
