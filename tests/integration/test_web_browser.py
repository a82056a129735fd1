"""`roost web` in a browser: live, still, reachable by keyboard, readable."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from roost.client.feed import MISSED
from roost.web.records import LINES
from tests.support.browser import chromium, page_of, serious
from tests.support.daemon import PATIENCE, Roost, shared_roost
from tests.support.web import Web, web_of

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

PEERS = 300
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\x1b[31m"
EACH = (
    "/",
    "/peers/p000",
    "/messages",
    "/inbox?all=1",
    "/compose",
    "/journal",
    "/charts",
    "/doctor",
    "/questions",
)
OF_COLOURS = ("color-contrast", "link-in-text-block")
"""The rules of axe that look at colours."""
OF_SIZES = ("color-contrast", "meta-viewport", "scrollable-region-focusable", "target-size")
"""Those that look at where things stand."""
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
WATCH = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
}"""


@pytest.fixture(scope="module")
def roost() -> Iterator[Roost]:
    with shared_roost() as made:
        folder = str(made.home.work)
        hostile(made)
        for number in range(1, PEERS):
            made.call("add", name=f"p{number:03}", settings={"runtime": "demo", "dir": folder})
        yield made


@pytest.fixture(scope="module")
def few() -> Iterator[Roost]:
    """Each kind of row, and not three hundred of it: axe looks at each cell."""
    with shared_roost() as made:
        hostile(made)
        made.add("p001")
        yield made


def hostile(roost: Roost) -> None:
    """A stopped peer with a message, of which all that a person can write is a trap."""
    roost.call("stop", name=roost.add("p000"))
    roost.call("set", name="p000", pairs=[("description", HOSTILE)])
    roost.send("p000", HOSTILE, topic=HOSTILE[:60])


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
        yield made


def stopped(roost: Roost, name: str) -> str:
    roost.call("stop", name=name)
    return name


def test_an_address_opens_the_fleet_once(browser: Browser, roost: Roost) -> None:
    with web_of(roost) as web, browser.new_context() as context:
        page = context.new_page()
        page.goto(web.address)
        expect(page.get_by_role("heading", name="Fleet")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.goto(web.address)
        expect(page.get_by_text("used already")).to_be_visible()


def test_a_page_says_why_it_is_told_nothing_more(browser: Browser, roost: Roost) -> None:
    """Where it has to sign in it stops trying; all else it tries again."""
    with web_of(roost) as web, page_of(browser, web.origin, web.sign_in().cookie) as page:
        page.clock.install()
        page.goto("/peers/p000/terminal")
        expect(page.locator("#over")).to_contain_text("It is not live: ")
        page.route("**/live/*/**", lambda route: route.fulfill(status=409))
        expect(page.locator("#over")).to_contain_text("Too many terminals are watched")
        page.goto("/")
        expect(page.locator("#link")).to_have_text("Live")
        page.route("**/live/fleet*", lambda route: route.fulfill(status=503))
        page.evaluate(HIDE, True)
        page.evaluate(HIDE, False)
        expect(page.locator("#link")).to_contain_text("Too many pages are open")
        page.unroute("**/live/fleet*")
        expect(page.locator("#link")).to_have_text("Live")
        web.post("/sign-out")
        expect(page.locator("#link")).to_contain_text("Sign in again")
        page.unroute("**/live/*/**")
        asked: list[str] = []
        page.on("request", lambda each: asked.append(each.url))
        page.clock.fast_forward(60_000)
        page.evaluate(HIDE, True)
        assert asked == []


def test_300_peers_are_live_and_nothing_jumps(page: Page, roost: Roost) -> None:
    """How soon is what the benchmark `page` measures."""
    page.goto("/")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.evaluate(WATCH)
    name = stopped(roost, "p150")
    expect(page.locator("#peer-p150 .state")).to_have_text("stopped")
    for number in range(10):
        roost.send(name, f"mail {number}")
        expect(page.locator(f"#peer-{name} .c-queued")).to_have_text(str(number + 1))
    assert page.evaluate("window.shifts") == 0, "a row that changes moves nothing"
    for wanted in ("ascending", "descending"):
        page.get_by_role("button", name="Queue").click()
        head = page.get_by_role("columnheader", name="Queue")
        expect(head).to_have_attribute("aria-sort", wanted)
    expect(page.locator("#fleet tbody tr").first).to_have_id(f"peer-{name}")
    page.get_by_role("button", name="stopped").click()
    rows = page.locator("#fleet tbody tr:visible")
    expect(rows).to_have_count(sum(row["state"] == "stopped" for row in roost.call("list")))


def test_a_sleeping_page_comes_back_and_has_everything_once(page: Page, roost: Roost) -> None:
    """Hidden and seen again, loaded again, and asleep for so long that line by line is too much."""
    name = stopped(roost, "p010")
    page.goto("/journal")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    for hidden in (True, False, True, False):
        page.evaluate(HIDE, hidden)
        roost.send(name, f"while hidden is {hidden}")
    assert_whole(page, roost)
    page.reload()
    roost.send(name, "after the page was loaded again")
    assert_whole(page, roost)
    page.evaluate(HIDE, True)
    for number in range(MISSED + 1):
        roost.send(name, f"while it slept for long {number}")
    page.evaluate(HIDE, False)
    assert_whole(page, roost)


def assert_whole(page: Page, roost: Roost) -> None:
    """The newest lines of the journal are on the page, each once and none left out."""
    written = sorted({event["seq"] for event in roost.events()}, reverse=True)
    expect(page.locator(f"#line-{written[0]}")).to_be_visible()
    expect(page.locator("#journal .seq").first).to_have_text(str(written[0]))
    told = [int(text) for text in page.locator("#journal .seq").all_inner_texts()]
    assert told == written[: len(told)]
    assert len(told) >= min(len(written), LINES)


def test_sent_woken_and_stopped_by_keyboard_alone(page: Page, roost: Roost) -> None:
    name = roost.add("keys")
    page.goto("/")
    page.get_by_role("searchbox").focus()
    page.keyboard.type("keys")
    expect(page.locator("#fleet tbody tr:visible")).to_have_count(1)
    page.locator("#peer-keys a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/peers/keys")
    page.get_by_role("button", name="Wake").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("keys is awake", timeout=PATIENCE * 1000)
    expect(page.locator("#live .lead")).to_contain_text("idle")
    expect(page.get_by_role("region", name="What the terminal shows")).to_be_visible()
    page.get_by_role("link", name="Write to it").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/compose*")
    page.get_by_label("Text").focus()
    page.keyboard.type("hello from the page")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("sent to keys")
    expect(page.get_by_label("Text")).to_have_value("")
    sent = roost.call("messages", name=name)[-1]
    assert (sent["from"], sent["text"]) == ("operator", "hello from the page")
    page.get_by_role("link", name="story").click()
    expect(page.locator("#live .lead .state")).to_have_text("done", timeout=PATIENCE * 1000)
    expect(page.get_by_role("img", name="steps in")).to_be_visible()
    page.goto("/inbox")
    expect(page.get_by_text("hello from the page").first).to_be_visible(timeout=PATIENCE * 1000)
    page.get_by_role("button", name="Mark as read").first.click()
    expect(page.get_by_text("marked as read")).to_be_visible()
    page.goto(f"/peers/{name}")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#live .lead .state")).to_have_text("stopped", timeout=PATIENCE * 1000)
    page.locator("#live summary").click()
    roost.send(name, "for later", topic="waits")
    expect(page.locator("#live .mails")).to_contain_text("waits")
    expect(page.locator("#live details[open]")).to_have_count(1)
    assert roost.deaths(name)[-1]["by"] == "operator"


def test_a_refusal_is_told_and_the_text_stays(page: Page) -> None:
    page.goto("/compose?to=nobody-there")
    page.get_by_label("Text").fill("kept")
    with page.expect_response("**/compose") as told:
        page.get_by_role("button", name="Send").click()
    assert told.value.status == 404
    expect(page.locator("#said .wrong")).to_contain_text("nobody-there")
    expect(page.get_by_label("Text")).to_have_value("kept")


@pytest.fixture
def quiet_page(browser: Browser, few: Roost) -> Iterator[Page]:
    with web_of(few) as web, page_of(browser, web.origin, web.sign_in().cookie) as made:
        yield made


def test_nothing_serious_is_found_by_axe_and_no_page_is_wider_than_a_phone(
    quiet_page: Page, few: Roost
) -> None:
    """In the light, in the dark, on a phone. In the dark only colours are others, on a phone only places."""
    page = quiet_page
    for path in (*EACH, f"/messages/{few.call('messages')[0]['id']}"):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.emulate_media(color_scheme="light")
        page.goto(path)
        assert "owned" not in page.title()
        assert serious(page) == [], path
        page.emulate_media(color_scheme="dark")
        assert serious(page, *OF_COLOURS) == [], f"{path} in the dark"
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 360, "height": 740})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360, path
        assert serious(page, *OF_SIZES) == [], f"{path} on a phone"
