"""What agents ask, on the page: shown, answered once, and kept under the hands of whoever reads it."""

import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.integration.test_daemon_questions import TEXT, question_of
from tests.support.browser import chromium, page_of, serious
from tests.support.daemon import PATIENCE, Roost, shared_roost, signal_pid
from tests.support.wait import wait_until
from tests.support.web import Web, web_of

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(180)]
SOON = PATIENCE * 1000


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture(scope="module")
def served(shared: Roost) -> Iterator[Web]:
    with web_of(shared) as web:
        yield web.sign_in()


@pytest.fixture(scope="module")
def browser(served: Web) -> Iterator[Browser]:  # noqa: ARG001 -- it ends before the page's server does
    with chromium() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    """No peer of another test; the page's own process lives as long as the module."""
    yield shared
    shared.clear()


@pytest.fixture
def page(browser: Browser, served: Web) -> Iterator[Page]:
    with page_of(browser, served.origin, served.cookie) as made:
        yield made


def asks(roost: Roost, name: str) -> tuple[str, str]:
    """Have a new peer ask; returns the question and the message that it is about."""
    roost.add(name, "demo-acp")
    sent = roost.send(name, "@@ask@@\nfirst")["id"]
    return question_of(roost, name)["id"], sent


def article(page: Page, question: str) -> Locator:
    return page.locator(f"#question-{question}")


def test_a_question_comes_by_itself_and_is_answered_from_the_page(page: Page, roost: Roost) -> None:
    page.goto("/questions")
    expect(page.get_by_text("No agent asks anything")).to_be_visible()
    question, sent = asks(roost, "a")
    shown = article(page, question)
    expect(shown.locator("pre")).to_have_text(TEXT, timeout=SOON)
    for words in ("a asks", question, "program", roost.session("a")["id"][:8]):
        expect(shown).to_contain_text(words)
    expect(page.get_by_role("link", name="Questions 1")).to_be_visible()
    assert serious(page) == []
    shown.get_by_role("button", name="Allow once").click()
    expect(page.locator("#said")).to_contain_text("a was answered: Allow once", timeout=SOON)
    expect(shown).to_contain_text("'Allow once' by operator", timeout=SOON)
    expect(page.get_by_role("link", name="Questions 1")).to_have_count(0)
    roost.until_message(sent, "done")
    (answered,) = roost.events("a", "answered")
    assert answered["data"]["by"] == "operator"
    assert [entry["text"] for entry in roost.happened("dialog")] == ["open", "allowed"]


def test_a_peers_page_asks_for_it_and_denies_and_every_page_counts(page: Page, roost: Roost) -> None:
    question, sent = asks(roost, "a")
    for path in ("/doctor", "/", "/journal"):
        page.goto(path)
        expect(page.get_by_role("link", name="Questions 1")).to_be_visible(timeout=SOON)
    other, _ = asks(roost, "b")
    expect(page.get_by_role("link", name="Questions 2")).to_be_visible(timeout=SOON)
    page.goto("/peers/a")
    expect(article(page, other)).to_have_count(0)
    assert serious(page) == []
    deny = article(page, question).get_by_role("button", name="Reject")
    deny.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("a was answered", timeout=SOON)
    roost.until_message(sent, "done")
    assert [each["text"] for each in roost.happened("dialog") if each["text"] != "open"] == ["denied"]
    expect(page.get_by_role("link", name="Questions 1")).to_be_visible(timeout=SOON)


def test_two_people_answer_at_once_and_one_reaches_the_agent_the_other_is_told(
    page: Page, browser: Browser, served: Web, roost: Roost
) -> None:
    question, sent = asks(roost, "a")
    client = roost.session("a")["agent_pid"]
    with page_of(browser, served.origin, served.cookie) as second:
        for each in (page, second):
            each.goto("/questions")
            expect(article(each, question).get_by_role("button", name="Allow once")).to_be_enabled()
        # The second one's page learns nothing until it has pressed its button, too.
        second.evaluate("() => { window.fetch = () => new Promise(() => {}); }")
        signal_pid(client, signal.SIGSTOP)  # so that the first answer is on its way for a while
        try:
            article(page, question).get_by_role("button", name="Allow once").click()
            wait_until(lambda: roost.events("a", "answering"), timeout=PATIENCE, why="it is on its way")
            article(second, question).get_by_role("button", name="Reject").click()
            told = second.locator("#said .wrong")
            expect(told).to_contain_text("being answered already: 'Allow once', by operator", timeout=SOON)
            expect(article(page, question)).to_contain_text("being answered by operator", timeout=SOON)
        finally:
            signal_pid(client, signal.SIGCONT)
        expect(page.locator("#said")).to_contain_text("a was answered: Allow once", timeout=SOON)
        roost.until_message(sent, "done")
        article(second, question).get_by_role("button", name="Reject").click()
        expect(told).to_contain_text("answered already: 'Allow once', by operator", timeout=SOON)
    assert [entry["text"] for entry in roost.happened("dialog")] == ["open", "allowed"]
    assert len(roost.events("a", "answered")) == 1


def test_focus_and_place_stay_while_others_come_and_go(page: Page, roost: Roost) -> None:
    """Nothing moves under a finger: what is over stands where it stood, what is new is inert for a moment."""
    first, _ = asks(roost, "a")
    second, _ = asks(roost, "b")
    page.goto("/questions")
    button = article(page, second).get_by_role("button", name="Allow once")
    button.focus()
    page.evaluate("(id) => { window.node = document.getElementById(id); }", f"question-{second}")
    place = article(page, second).bounding_box()
    roost.call("deny", id=first)
    expect(article(page, first)).to_contain_text("by operator", timeout=SOON)
    third, _ = asks(roost, "c")
    expect(article(page, third)).to_be_visible(timeout=SOON)
    assert page.evaluate("(id) => window.node === document.getElementById(id)", f"question-{second}")
    expect(button).to_be_focused()
    assert article(page, second).bounding_box() == place
    page.evaluate(
        """() => { window.early = null; new MutationObserver(() => {
          const fields = document.querySelector("article:last-child fieldset");
          window.early = window.early ?? fields?.disabled; }).observe(
          document.querySelector("[data-questions]"), { childList: true }); }"""
    )
    fourth, _ = asks(roost, "d")
    expect(article(page, fourth).get_by_role("button", name="Allow once")).to_be_enabled(timeout=SOON)
    assert page.evaluate("window.early") is True
    roost.keys("b", "1", "Enter")  # the person at its terminal was faster
    expect(article(page, second)).to_contain_text("answered in the program itself", timeout=SOON)
    expect(article(page, second)).to_be_focused()


def test_who_may_only_look_sees_the_question_and_cannot_answer(roost: Roost, browser: Browser) -> None:
    question, _ = asks(roost, "a")
    with web_of(roost, "--read-only") as web:
        web.sign_in()
        with page_of(browser, web.origin, web.cookie) as page:
            page.goto("/questions")
            expect(article(page, question)).to_contain_text("It can be answered by: Allow once")
            expect(page.locator("[data-questions] button")).to_have_count(0)
        told = web.post(f"/questions/{question}/answer", {"option": "yes"})
        assert (told.status, "only look" in told.text) == (403, True)
    assert [each["state"] for each in roost.call("questions")] == ["open"]


def test_answers_that_cannot_be_given_get_a_sentence(roost: Roost, served: Web) -> None:
    question, _ = asks(roost, "a")
    for fields, status, words in (
        ({}, 400, "which of its options"),
        ({"option": "perhaps"}, 400, "its options are"),
        ({"option": "yes", "message": "be careful"}, 409, "takes no words"),
    ):
        told = served.post(f"/questions/{question}/answer", fields)
        assert (told.status, words in told.text) == (status, True), told.text
    assert served.post("/questions/beefbeef/deny").status == 404
    assert served.post(f"/questions/{question}/perhaps").status == 404
    forged = served.post(f"/questions/{question}/deny", {"csrf": "forged"})
    assert forged.status == 403
    assert served.post(f"/questions/{question}/deny", Origin="http://evil.example").status == 403
    assert [each["state"] for each in roost.call("questions")] == ["open"]
    assert "a was answered: Reject" in served.post(f"/questions/{question}/deny").text
    late = served.post(f"/questions/{question}/deny")
    assert (late.status, "answered already: 'Reject', by operator" in late.text.replace("&#39;", "'")) == (
        409,
        True,
    )
