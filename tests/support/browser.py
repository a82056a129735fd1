"""A Chromium of the system, driven by Playwright; it asks nobody but the page."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

expect.set_options(timeout=30_000)
"""Milliseconds that a page has for what is expected of it: no test is about its speed."""
AXE = Path(__file__).parent / "axe/axe.min.js"
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first of these that is there: the shell draws no windows, which cost more than pages."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; without one the test is skipped, or fails where it is required (CI)."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        problem = "there is no chromium; `scripts/test` installs it"
        if os.environ.get("CI"):
            pytest.fail(problem)
        pytest.skip(problem)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_of(browser: Browser, origin: str, cookie: str) -> Iterator[Page]:
    """A signed-in page; a word on its console, or a request to another host, fails the test."""
    with browser.new_context(base_url=origin) as context:
        name, _, value = cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": origin}])
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda each: said.append(each.text) if _is_error(each) else None)
        page.on("pageerror", lambda each: said.append(str(each)))
        page.on(
            "request", lambda each: None if each.url.startswith((origin, "data:")) else said.append(each.url)
        )
        yield page
        assert said == [], said


def _is_error(said: ConsoleMessage) -> bool:
    """A refusal by the daemon is on the console, too, as htmx and the browser say it."""
    refusal = "Failed to load resource" in said.text or "Response Status Error Code 4" in said.text
    return said.type == "error" and not refusal


def serious(page: Page, *rules: str) -> list[str]:
    """What axe-core finds on a page that is serious or worse, in words; with `rules`, by those alone."""
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"() => {{ {AXE.read_text()} }}")
    found: list[dict[str, Any]] = json.loads(
        page.evaluate(
            "async (options) => JSON.stringify((await axe.run(document, options)).violations)", options
        )
    )
    return [
        f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
