"""The live terminal on the page: a look disturbs nobody, keys reach the agent only after a takeover."""

import fcntl
import http.client
import json
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from roost.client.connection import RemoteError
from roost.web.terminals import KEYS
from tests.support.browser import chromium, page_of, serious
from tests.support.daemon import PATIENCE, Roost, shared_roost
from tests.support.wait import wait_until
from tests.support.web import Web, start_web, web_of

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(180)]
SOON = 20_000
PHONE = {"width": 360, "height": 640}
QUERIES = (
    "\x1b[0c\x1b[=c\x1b[>0q\x1b[5n\x1b[?6n\x1b[18t\x1b[?2004$p\x1b[4$p\x1b[?u"
    "\x1bP$qm\x1b\\\x1b]10;?\x07\x1b]4;1;?\x07"
)
"""All that xterm.js 6.0.0 answers, and more."""
MANY = 80
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
    page.locator("#terminal textarea").focus()
    page.keyboard.type("let go")
    roost.send("a", "after it was let go", wait="done", timeout=PATIENCE)
    assert "let go" not in roost.screen("a").replace("after it was let go", "")


def test_the_charts_tell_what_a_live_session_takes_while_somebody_looks(page: Page, roost: Roost) -> None:
    page.goto("/charts")
    loads = page.get_by_role("region", name="What live sessions take now")
    row = loads.get_by_role("row", name="a ").filter(has_text=roost.session("a")["id"][:8])
    expect(row).to_contain_text("at the next look")
    expect(row.get_by_label("processor of a")).to_be_visible(timeout=SOON)
    assert int(row.get_by_role("cell").last.inner_text()) >= 3, "tmux, what holds the session, the agent"
    assert serious(page) == []


def program_writes(roost: Roost, data: bytes) -> None:
    """As if the agent had written it."""
    tty = roost.tmux("a", "display-message", "-p", "-t", "main:", "#{pane_tty}").strip()
    Path(tty).write_bytes(data)


def test_what_a_program_writes_acts_on_its_cells_alone(page: Page, roost: Roost) -> None:
    """Title, clipboard, links, questions to the terminal: nothing is set, and no answer is typed."""
    page.goto("/peers/a/terminal")
    page.get_by_role("button", name="Take over").click()
    expect(page.get_by_role("button", name="Let go")).to_be_visible(timeout=SOON)
    typed: list[str] = []
    page.on("request", lambda each: typed.append(each.url) if each.url.endswith("/keys") else None)
    title = page.title()
    hostile = b"\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1b[c\x1b[>c\x1b[6n"
    hostile += b"\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07"
    program_writes(roost, hostile + b"<img src=x onerror=alert(1)>\r\nstill-here\r\n")
    shows(page, "still-here")
    shows(page, "<img src=x onerror=alert(1)>")
    told = page.evaluate(
        """(written) => new Promise((done) => {
          const bare = new Terminal(), said = [];
          deaf(bare);
          bare.onData((keys) => said.push(keys));
          bare.onTitleChange((title) => said.push(title));
          bare.write(written, () => done(said));
        })""",
        hostile.decode() + QUERIES,
    )
    assert told == [], "nor where tmux would pass it on"
    assert page.title() == title
    assert page.locator(".xterm-rows a, .xterm-rows img").count() == 0
    assert typed == []


def test_a_person_whose_own_window_is_small_leaves_no_small_one_behind(
    page: Page, roost: Roost, served: Web
) -> None:
    """A window follows people who join from terminals; what the browser shows follows it."""
    before = size(roost)
    page.goto("/peers/a/terminal")
    page.get_by_role("button", name="Take over").click()
    expect(page.get_by_role("button", name="Let go")).to_be_visible(timeout=SOON)
    argv = roost.call("attach", name="a")["argv"]
    master, slave = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 21, 60, 0, 0))
    environ = {**os.environ, "TERM": "xterm-256color"}
    person = subprocess.Popen(
        argv, stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True
    )
    try:
        wait_until(lambda: size(roost) == "60x20", timeout=PATIENCE, why="it follows the person")
        roost.send("a", "both-see-it")
        shows(page, "both-see-it")
        page.keyboard.type("typed-in-the-browser")
        roost.until_screen("a", "typed-in-the-browser")
        assert size(roost) == "60x20", "the browser takes nothing from the person"
        page.keyboard.press("Enter")
    finally:
        person.terminate()
        person.wait(PATIENCE)
        os.close(master)
        os.close(slave)
    wait_until(lambda: size(roost) == before, timeout=PATIENCE, why="it has its own size again")
    assert typists(roost) == 1
    page.goto("/")
    wait_until(lambda: typists(roost) == 0, timeout=PATIENCE, why="the browser's clients have left")
    assert size(roost) == before
    assert served.get("/").status == 200


def test_a_session_that_ends_is_told_and_the_next_one_is_shown(page: Page, roost: Roost) -> None:
    page.goto("/peers/a/terminal")
    expect(page.get_by_role("button", name="Take over")).to_be_enabled(timeout=SOON)
    roost.call("stop", name="a")
    expect(page.locator("#over")).to_contain_text("not live", timeout=SOON)
    expect(page.get_by_role("button", name="Take over")).to_be_disabled()
    roost.call("start", name="a")
    assert roost.row("a")["state"] != "idle", "a look wakes nobody"
    roost.send("a", "another-session", wait="done", timeout=PATIENCE)
    shows(page, "another-session")


def test_what_is_refused_types_nothing(roost: Roost, served: Web) -> None:
    roost.call("wake", name="a")
    with http_stream(served, "/live/terminal/a") as lines:
        view = json.loads(next(line for line in lines if b'"columns"' in line).partition(b": ")[2])["id"]
        for fields, headers, status in (
            ({"keys": "x"}, {}, 409),
            ({"keys": "x", "csrf": "forged"}, {}, 403),
            ({"keys": "x"}, {"Origin": "http://evil.example"}, 403),
            ({"keys": "x" * (KEYS + 1)}, {}, 400),
        ):
            assert served.post(f"/terminals/{view}/keys", fields, **headers).status == status
        assert served.post("/terminals/none/keys", {"keys": "x"}).status == 404
        assert served.get(f"/terminals/{view}/take").status == 405
        assert served.post(f"/terminals/{view}/take").status == 200
        assert served.post(f"/terminals/{view}/keys", {"keys": "\x02:kill-server\r"}).status == 204
        roost.until_screen("a", ":kill-server")  # tmux's prefix is a key of the agent
        assert served.post(f"/terminals/{view}/leave").status == 200
        assert served.post(f"/terminals/{view}/keys", {"keys": "x"}).status == 409
    with web_of(roost, "--read-only") as web:
        web.sign_in()
        assert "Take over" not in web.get("/peers/a/terminal").text
        with http_stream(web, "/live/terminal/a") as lines:
            view = json.loads(next(line for line in lines if b'"columns"' in line).partition(b": ")[2])["id"]
            for what in ("take", "keys", "leave"):
                assert web.post(f"/terminals/{view}/{what}", {"keys": "x"}).status == 403
    roost.add("asleep")
    with http_stream(served, "/live/terminal/asleep") as lines:
        assert b"no live session" in next(
            line for line in lines if line.startswith(b"data") and b"mark" not in line
        )
    with pytest.raises(RemoteError, match="no live session"):
        roost.call("attach", name="asleep", page=True)
    assert roost.row("asleep")["state"] == "asleep"


def test_a_browser_that_takes_nothing_costs_nothing_and_sees_the_present(roost: Roost, served: Web) -> None:
    """tmux holds back what a client does not take, and draws anew: nothing piles up here."""
    roost.call("wake", name="a")
    with http_stream(served, "/live/terminal/a") as lines:
        next(line for line in lines if b'"columns"' in line)
        before = resident(served)
        block = b"".join(b"line %d\r\n" % number for number in range(10_000))
        for _ in range(MANY):
            program_writes(roost, block)
        program_writes(roost, b"the-present\r\n")
        roost.until_screen("a", "the-present")
        assert resident(served) - before < len(block) * MANY / 2
        assert served.get("/").status == 200
        with http_stream(served, "/live/terminal/a") as other:
            assert any(b"the-present" in line for line in other)


def resident(web: Web) -> int:
    """Bytes of memory."""
    return int(Path(f"/proc/{web.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def http_stream(web: Web, path: str) -> Iterator[Iterator[bytes]]:
    """The lines of a stream, read as they are asked for."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Cookie": web.cookie})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        yield iter(answer.readline, b"")
    finally:
        connection.close()


def test_a_page_that_is_killed_leaves_no_person_behind(roost: Roost) -> None:
    """Who has taken over there types no more, so what is delivered does not wait for them."""
    roost.call("restart", name="a")  # what others wrote hides its prompt
    web = start_web(roost).sign_in()
    with http_stream(web, "/live/terminal/a") as lines:
        view = json.loads(next(line for line in lines if b'"columns"' in line).partition(b": ")[2])["id"]
        assert web.post(f"/terminals/{view}/take").status == 200
        wait_until(lambda: typists(roost) == 1, timeout=PATIENCE, why="a person can type")
        web.process.kill()
        web.process.communicate(timeout=PATIENCE)
    wait_until(lambda: typists(roost) == 0, timeout=PATIENCE, why="nobody types")
    roost.send("a", "delivered-all-the-same", wait="done", timeout=PATIENCE)
