"""The usual mistakes of models with our tools, made inside the real CLIs (A6 to A9, A11, A12).

What comes back to the model is compared as the CLI shows it: an answer that says what to do next, or the deed
where no doubt is possible. Nothing is sent twice or to somebody else, and the session goes on.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.home import Home
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]

UNKNOWN_ID = "0123456789abcdef0123456789abcdef"
ASKED = "the id of a message that it was sent"
TOO_LONG = f"x{{{(1 << 20) + 1}}}"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A call, what its answer holds, and the text that reaches `b` by it all the same.

    `repeats`: it comes to the program as one before it does, and the answer is roost's own. Claude Code, of
    which a call costs three of Codex, makes none of these: Codex makes all.
    """

    arguments: dict[str, Any]
    said: str
    sent: str | None = None
    tool: str = "send_message"
    repeats: bool = False


MISTAKES = [
    Mistake({"to": "b", "message": "x"}, "did you mean body?"),
    Mistake({"recipient": "b", "body": "x"}, "did you mean to?", repeats=True),
    Mistake({"to": "b", "body": "x", "in_reply_to": UNKNOWN_ID}, "did you mean reply_to?"),
    Mistake(
        {"to": "b", "body": "x", "priority": "high"}, "send_message has no argument priority", repeats=True
    ),
    Mistake({"to": "b"}, "body is missing"),
    Mistake({"body": "x"}, "to is missing", repeats=True),
    Mistake({"to": None, "body": "x"}, "to is missing"),
    Mistake({"to": "b", "body": {"text": "x"}}, "body is text"),
    Mistake({"to": "b", "body": 7}, "body is text", repeats=True),
    Mistake({"to": ["b"], "body": "x"}, "to is text"),
    Mistake({"to": "d", "body": " "}, "the message is empty"),
    Mistake({"to": "nobody", "body": "x"}, "list_peers shows all"),
    Mistake({"to": "b", "body": "x", "reply_to": "the last one"}, "the first line of the message"),
    Mistake({"to": "b", "body": "x", "reply_to": UNKNOWN_ID}, "the first line of the message", repeats=True),
    Mistake({"to": "b", "body": "x", "attachments": ["notes.txt"]}, "is not an absolute path"),
    Mistake({"to": "b", "body": "x", "attachments": ["/nowhere/notes.txt"]}, "is not there", repeats=True),
    Mistake(
        {"to": "b", "body": "x", "attachments": 3}, "attachments is a list of absolute paths", repeats=True
    ),
    Mistake(
        {"to": "a", "body": "x", "reply_to": ASKED},
        "is from 'operator', and an answer goes there",
        repeats=True,
    ),
    Mistake({"to": "c", "body": "x", "reply_to": ASKED}, "is from 'operator', and an answer goes there"),
    Mistake({"filter": "all"}, "takes no arguments", tool="list_peers"),
    Mistake({"to": " @B ", "body": "by another spelling"}, '"id"', sent="by another spelling"),
    Mistake({"to": "b", "body": "a long subject", "topic": "two\nlines"}, '"id"', sent="a long subject"),
    Mistake({"to": "b", "body": "filled in", "topic": "", "reply_to": "null"}, '"id"', sent="filled in"),
    Mistake({"to": "b", "body": "keyed", "key": "k"}, '"id"', sent="keyed"),
    Mistake({"to": "b", "body": "keyed", "key": "k"}, '"id"'),
    Mistake({"to": "c", "body": "keyed", "key": "k"}, "was used for another message"),
    Mistake({"to": "b", "body": "x"}, "send_mail", tool="send_mail"),
    Mistake({"to": "b", "body": TOO_LONG}, "name that in attachments"),
]
"""The long one is the last: what a model has called is in each later request."""


@pytest.fixture(params=["claude", "codex"])
def agents(request: pytest.FixtureRequest, home: Home) -> Iterator[Agents]:
    with agents_in(home, request.param, peers=("a",)) as made:
        for name in ("b", "c"):
            made.roost.add(name, "human")
        made.add("d", "demo")
        made.add("a", request.param)
        yield made


def directive(runtime: str, mistake: Mistake, asked: str) -> str:
    name = {"claude": "mcp__roost__", "codex": "mcp__roost/"}[runtime] + mistake.tool
    return f"@@tool {name} {json.dumps(mistake.arguments).replace(ASKED, asked)}@@"


def turns_until_tools(agents: Agents) -> list[str]:
    """The ids of messages until a turn has our tools.

    Codex 0.171.0 begins a turn without those of a server that has not answered yet, as on a busy machine.
    Claude Code 2.1.332 lists none of a server's tools, and takes calls of them.
    """
    asked: list[str] = []

    def there() -> bool:
        asked.append(agents.roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)["id"])
        tools = agents.arrived(asked[-1]).tools
        return agents.runtime == "claude" or any("roost" in tool for tool in tools)

    wait_until(
        there, timeout=PATIENCE, why="a turn has our tools", describe=lambda: agents.arrived(asked[-1])
    )
    return asked


def test_A6_A7_A8_A9_A12_mistakes_are_answered_and_the_session_goes_on(agents: Agents) -> None:
    roost = agents.roost
    asked = turns_until_tools(agents)
    mistakes = [each for each in MISTAKES if agents.runtime == "codex" or not each.repeats]
    lines = [directive(agents.runtime, mistake, asked[0]) for mistake in mistakes]
    sent = roost.send("a", "\n".join([*lines, "@@silent@@"]), wait="done", timeout=PATIENCE)
    header = f"[roost message {sent['id']} from "
    last = agents.model.journal.wait_for(
        lambda each: len(each.results) == len(mistakes) and any(header in text for text in each.user_texts),
        timeout=PATIENCE,
    )
    for mistake, shown in zip(mistakes, last.results, strict=True):
        assert mistake.said in shown, (mistake, shown)
        for foreign in ("`roost ", " --", "http", "pydantic", "Traceback"):
            assert foreign not in shown, (mistake, shown)
    mail = roost.call("inbox", name="b")
    assert [each["body"] for each in mail] == [each.sent for each in mistakes if each.sent is not None]
    assert [each["topic"] for each in mail if each["topic"]] == ["two lines"]
    assert roost.call("messages", name="c") == roost.call("messages", name="d") == []
    assert [each["id"] for each in roost.call("messages", name="a")] == [*asked, sent["id"]]
    before = roost.until_state("a", "idle")["session"]
    assert roost.ask("a", "and now?") == "echo: and now?"
    assert (roost.session("a")["id"], roost.deaths("a")) == (before["id"], [])
