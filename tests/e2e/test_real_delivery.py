"""Whole bodies at the demo agent, and what the real programs are sent as well."""

import pytest

from tests.support.home import Home
from tests.support.real import PATIENCE, Agents, agents_in, as_claude_gets_it

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]

NASTY = (
    "\"double\" 'single' $(touch /tmp/never) `id` ; rm -rf nothing | & > < $HOME ${x} #{pane_id} %H\n"
    "--leading-dashes -t -p\n"
    "emoji \N{OWL}\N{WAVING WHITE FLAG}\ufe0f\u200d\N{RAINBOW} and right-to-left שלום عربى mixed\n"
    "\ttab\there\n"
    "\n"
    "/quit\n"
    "!echo shell\n"
    "@word mentions @everybody\n"
    "trailing spaces   \n"
    "back\\slash and \\n \\\n"
)


def body_of(size: int) -> str:
    """A body of exactly `size` bytes, awkward all through, that ends in a backslash."""
    text = ("@@silent@@\n" + NASTY * (size // len(NASTY.encode()) + 1)).encode()[: size - 1]
    whole = text.decode("utf-8", "ignore")
    return whole + "x" * (size - 1 - len(whole.encode())) + "\\"


def arrive_whole(agents: Agents, runtime: str, *sizes: int) -> None:
    """Send bodies of these sizes to `a`, one after the other: each arrives whole, by one offer."""
    normal = as_claude_gets_it if runtime == "claude" else str
    for size in sizes:
        body = body_of(size)
        assert len(body.encode()) == size
        sent = agents.roost.send("a", body, wait="done", timeout=PATIENCE)
        assert agents.text(sent["id"]) == normal(agents.roost.pasted(sent["id"], body)), size
        outcomes = [attempt["outcome"] for attempt in agents.roost.message(sent["id"])["attempts"]]
        # On a slow machine evidence may be waited for in vain, then looked for; never is it pasted again.
        assert [each for each in outcomes if each != "unclear"] == ["offered", "accepted", "done"]


def test_P1_bodies_arrive_whole_at_the_demo_agent_at_boot_and_later(home: Home) -> None:
    with agents_in(home, "demo") as agents:
        agents.add("a", "demo")
        arrive_whole(agents, "demo", 100 * 1024, 607, 8 * 1024)
        assert agents.roost.session("a")["generation"] == 1
