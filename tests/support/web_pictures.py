"""Draws the pictures of docs/web.md over demo agents: `python -m tests.support.web_pictures FOLDER`."""

import sys
from pathlib import Path

from playwright.sync_api import Browser

from tests.integration.test_daemon_questions import question_of
from tests.support.browser import chromium
from tests.support.daemon import PATIENCE, Roost, shared_roost
from tests.support.web import Web, web_of

NAMES = ("architect", "docs-writer", "reviewer", "tester", "release", "triage", "frontend", "backend")
WIDE, PHONE = (1000, 560), (390, 700)


def _fill(roost: Roost) -> str:
    """Peers in several states; returns a message with a story."""
    for name in NAMES:
        roost.add(name, description=f"the {name} of the team")
    roost.call("stop", name="release")
    roost.send("release", "cut 1.4 when the tests are green", topic="release 1.4")
    roost.call("wake", name="triage")
    roost.send("tester", "@@delay 600@@\nrun the whole suite", topic="flaky tests")
    roost.until_state("tester", "working")
    roost.add("fixer", "demo-acp", description="mends what the tester finds")
    roost.send("fixer", "@@ask@@\nmend the flaky test", topic="flaky tests")
    question_of(roost, "fixer")
    sent = roost.send("reviewer", "look at the parser", topic="parser", wait="done", timeout=PATIENCE)
    return sent["id"]


def _picture(
    browser: Browser, web: Web, way: str, scheme: str, size: tuple[int, int], to: Path, shows: str = "body"
) -> None:
    with browser.new_context(
        base_url=web.origin,
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": size[0], "height": size[1]},
    ) as context:
        name, _, value = web.cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": web.origin}])
        page = context.new_page()
        page.goto(way)
        page.wait_for_load_state("load")
        page.locator(shows).wait_for()
        page.screenshot(path=to)


def main(folder: Path) -> None:
    """Draw them all."""
    folder.mkdir(parents=True, exist_ok=True)
    with shared_roost() as roost:
        message = _fill(roost)
        with web_of(roost) as web, chromium() as browser:
            web.sign_in()
            _picture(browser, web, "/", "light", WIDE, folder / "fleet-light.png")
            _picture(browser, web, f"/messages/{message}", "dark", WIDE, folder / "message-dark.png")
            _picture(browser, web, "/", "light", PHONE, folder / "fleet-phone.png")
            _picture(browser, web, "/charts", "light", WIDE, folder / "charts-light.png")
            for scheme, size, name in (
                ("light", WIDE, "light"),
                ("dark", WIDE, "dark"),
                ("light", PHONE, "phone"),
            ):
                _picture(browser, web, "/questions", scheme, size, folder / f"questions-{name}.png")
            way, shows = "/peers/reviewer/terminal", ".xterm-rows:has-text('demo>')"
            _picture(browser, web, way, "dark", WIDE, folder / "terminal-dark.png", shows)
            _picture(browser, web, way, "light", PHONE, folder / "terminal-phone.png", shows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
