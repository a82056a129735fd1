"""What real agents ask, answered by a person in a browser: by hook, by the keys of a dialog, by API."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.integration.test_daemon_questions import question_of
from tests.support.browser import chromium, page_of
from tests.support.codex_server import codex_server
from tests.support.daemon import Roost
from tests.support.home import make_home
from tests.support.processes import kept
from tests.support.real import Agents, agents_in
from tests.support.web import Web, web_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(800)]
SOON = 240_000
"""Milliseconds."""
HOSTILE = "<img/src=x/onerror=document.title='owned'><script>document.title='owned'</script>"


@dataclass(slots=True)
class Shown:
    """A roost with real agents: `claude` and `codex` in terminals, `thread` at an app-server."""

    agents: Agents
    web: Web
    browser: Browser

    @property
    def roost(self) -> Roost:
        return self.agents.roost

    def asks(self, name: str, command: str) -> str:
        """Have an agent ask whether it may run a command; the id of the message."""
        return str(self.roost.send(name, f"@@bash {command}@@\n@@silent@@")["id"])

    def made(self, name: str, file: str) -> bool:
        return Path(self.roost.home.work, name, file).exists()


@pytest.fixture(scope="module")
def shown() -> Iterator[Shown]:
    with (
        make_home() as home,
        make_home() as other,
        kept(home.mark),
        kept(other.mark),
        agents_in(home, "claude", "codex", peers=("claude", "codex")) as agents,
        codex_server(other, agents.model) as server,
        web_of(agents.roost) as web,
        chromium() as browser,
    ):
        agents.add("claude", "claude")
        agents.add("codex", "codex")
        agents.roost.add("thread", "codex-thread", server=server.address)
        yield Shown(agents, web.sign_in(), browser)


@pytest.fixture
def page(shown: Shown) -> Iterator[Page]:
    with page_of(shown.browser, shown.web.origin, shown.web.cookie) as made:
        yield made


def test_permissions_of_real_agents_are_allowed_from_the_page(page: Page, shown: Shown) -> None:
    """Claude Code by its hook, Codex by the key of its dialog, a thread of Codex by its app-server."""
    page.goto("/questions")
    sent = {name: shown.asks(name, "touch yes") for name in ("claude", "codex", "thread")}
    for name, source in (("claude", "hook"), ("codex", "dialog on the screen"), ("thread", "program")):
        question = question_of(shown.roost, name)
        assert not shown.made(name, "yes")
        article = page.locator(f"#question-{question['id']}")
        expect(article.locator("pre")).to_contain_text("touch yes", timeout=SOON)
        expect(article).to_contain_text(f"told by its {source}")
        label = next(each["label"] for each in question["options"] if each["kind"] == "allow_once")
        article.get_by_role("button", name=label, exact=True).click()
        expect(page.locator("#said")).to_contain_text(f"{name} was answered: {label}", timeout=SOON)
        shown.roost.until_message(sent[name], "done")
        assert shown.made(name, "yes")
        expect(article).to_contain_text("by operator", timeout=SOON)


def typed(article: Locator) -> Locator:
    return article.get_by_label("Words that go along with")


def test_words_that_are_typed_outlast_what_others_ask_and_reach_the_agent(page: Page, shown: Shown) -> None:
    """The text of a question is what the model wrote: it is shown, and does nothing."""
    roost = shown.roost
    page.goto("/peers/claude")
    shown.asks("claude", f"echo {HOSTILE}")
    question = question_of(roost, "claude")
    assert HOSTILE in question["text"]
    article = page.locator(f"#question-{question['id']}")
    expect(article.locator("pre")).to_contain_text(HOSTILE, timeout=SOON)
    assert "owned" not in page.title()
    typed(article).click()
    page.keyboard.type("not before ")
    shown.asks("codex", "touch later")
    other = question_of(roost, "codex")["id"]
    expect(page.get_by_role("link", name="Questions 2")).to_be_visible(timeout=SOON)
    roost.call("deny", id=other)
    expect(page.get_by_role("link", name="Questions 1")).to_be_visible(timeout=SOON)
    page.keyboard.type("the review")
    expect(typed(article)).to_have_value("not before the review")
    article.get_by_role("button", name="Yes").or_(article.get_by_role("button", name="Allow")).first.click()
    expect(page.locator("#said .wrong")).to_contain_text("takes no words", timeout=SOON)
    expect(typed(article)).to_have_value("not before the review")
    article.get_by_role("button", name="Deny").click()
    expect(page.locator("#said")).to_contain_text("claude was answered: Deny", timeout=SOON)
    (answered,) = [event for event in roost.events("claude", "answered") if "text" in event["data"]]
    assert (answered["data"]["text"], answered["data"]["by"]) == ("not before the review", "operator")
