"""The real CLIs through the real daemon: whole bodies, dialogs, conversations between agents."""

from collections.abc import Iterator

import pytest

from tests.support.home import Home
from tests.support.real import PATIENCE, Agents, agents_in, as_claude_gets_it

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

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


@pytest.fixture(params=["claude", "codex"])
def agents(request: pytest.FixtureRequest, home: Home) -> Iterator[Agents]:
    with agents_in(home, request.param) as made:
        yield made


def runtime(agents: Agents) -> str:
    return next(name for name in agents.settings if name != "demo")


def test_P1_bodies_arrive_whole_at_the_model_at_boot_and_later(agents: Agents) -> None:
    agents.add("a", runtime(agents))
    normal = as_claude_gets_it if runtime(agents) == "claude" else str
    for size in (100 * 1024, 607, 8 * 1024):
        body = body_of(size)
        assert len(body.encode()) == size
        sent = agents.roost.send("a", body, wait="done", timeout=PATIENCE)
        assert agents.text(sent["id"]) == normal(agents.roost.pasted(sent["id"], body)), size
        outcomes = [attempt["outcome"] for attempt in agents.roost.message(sent["id"])["attempts"]]
        assert outcomes == ["offered", "accepted", "done"]
    assert agents.roost.session("a")["generation"] == 1
