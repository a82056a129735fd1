"""The live terminal on the page: a look disturbs nobody, keys reach the agent only once a person has taken over."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import chromium, page_of, serious
from tests.support.daemon import PATIENCE, Roost, shared_roost
from tests.support.wait import wait_until
from tests.support.web import Web, web_of

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(180)]
SOON = 20_000
PHONE = {"width": 360, "height": 640}
SIZE = "#{window_width}x#{window_height}"


@pytest.fixture(scope="module")
def roost() -> Iterator[Roost]:
    with shared_roost() as made:
        made.add("a")
        made.call("wake", name="a")
        made.until_state("a", "idle")
        yield made


@pytest.fixture(scope="module")
def served(roost: Roost) -> Iterator[Web]:
    with web_of(roost) as web:
        yield web.sign_in()


@pytest.fixture(scope="module")
def browser(served: Web) -> Iterator[Browser]:  # noqa: ARG001 -- it ends before the page's server does
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, served: Web) -> Iterator[Page]:
    with page_of(browser, served.origin, served.cookie) as made:
        made.set_viewport_size(PHONE)  # type: ignore[arg-type]
        yield made


def size(roost: Roost) -> str:
    return roost.tmux("a", "display-message", "-p", "-t", "main:", SIZE).strip()


def typists(roost: Roost) -> int:
    """Clients that count as a person who can type."""
    rows = roost.tmux("a", "list-clients", "-F", "#{client_control_mode}#{client_readonly}").split()
    return rows.count("00")


def shows(page: Page, text: str) -> None:
    expect(page.locator(".xterm-rows")).to_contain_text(text, timeout=SOON)


def test_a_look_shows_what_happens_and_changes_nothing(page: Page, roost: Roost) -> None:
    before = size(roost)
    page.goto("/peers/a/terminal")
    roost.send("a", "shown-live", wait="done", timeout=PATIENCE)
    shows(page, "shown-live")
    assert size(roost) == before
    assert typists(roost) == 0
    page.locator("#terminal textarea").focus()
    page.keyboard.type("nobody types")
    roost.send("a", "after-the-keys", wait="done", timeout=PATIENCE)
    shows(page, "after-the-keys")
    assert "nobody types" not in roost.screen("a")
    assert roost.events("a", "taken-over") == []
    assert serious(page) == []
    page.goto("/peers/a")
    wait_until(
        lambda: len(roost.tmux("a", "list-clients").splitlines()) == 1,
        timeout=PATIENCE,
        why="the browser's client has left",
    )
    assert size(roost) == before


def test_keys_reach_the_agent_as_a_persons_and_are_its_draft(page: Page, roost: Roost) -> None:
    """What the daemon has to deliver waits for the person, as it does beside `roost attach`."""
    before = size(roost)
    page.goto("/peers/a/terminal")
    page.get_by_role("button", name="Take over").click()
    expect(page.get_by_role("button", name="Let go")).to_be_visible(timeout=SOON)
    assert size(roost) == before
    assert typists(roost) == 1
    (taken,) = roost.events("a", "taken-over")
    assert taken["data"]["by"] == "operator"
    page.keyboard.type("half a sentence")
    roost.until_screen("a", "half a sentence")
    sent = roost.send("a", "not into the draft")["id"]
    wait_until(
        lambda: "draft" in roost.message(sent)["why"] or "person" in roost.message(sent)["why"],
        timeout=PATIENCE,
        why="it waits for the person",
        describe=lambda: roost.message(sent),
    )
    assert "not into the draft" not in roost.screen("a")
    page.keyboard.press("Enter")
    roost.until_message(sent, "done")
    page.get_by_role("button", name="Let go").click()
    wait_until(lambda: typists(roost) == 0, timeout=PATIENCE, why="nobody types")
    assert size(roost) == before
    page.keyboard.type("let go")
    roost.send("a", "after it was let go", wait="done", timeout=PATIENCE)
    assert "let go" not in roost.screen("a").replace("after it was let go", "")
