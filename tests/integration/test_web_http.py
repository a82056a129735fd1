"""`roost web` without a browser: who may come in, what is refused, what pages hold, how streams go on."""

import gzip
import http.client
import json
import os
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from roost.client.connection import RemoteError
from roost.web.gate import BODY
from roost.web.pages import ASSETS
from roost.web.streams import OPEN
from tests.support.daemon import PATIENCE, Roost, roost_in, shared_roost
from tests.support.home import Home
from tests.support.wait import wait_until
from tests.support.web import Web, end_web, start_web, web_of

pytestmark = pytest.mark.real

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}${7*7}&lt;</textarea></pre>"
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2066"
WEIGHT = 250_000
"""Bytes of a page with all that it loads, each packed by gzip; the terminal's script comes on top of it."""
PAGES = (
    "/",
    "/inbox?all=1",
    "/messages",
    "/compose",
    "/journal",
    "/charts",
    "/doctor",
    "/questions",
    "/peers/victim",
)


@pytest.fixture(scope="module")
def roost() -> Iterator[Roost]:
    with shared_roost() as made:
        made.add("victim", description=HOSTILE)
        made.call("stop", name="victim")
        made.send("victim", f"{HOSTILE}{ESCAPES}", topic="<i>topic</i>")
        yield made


@pytest.fixture(scope="module")
def served(roost: Roost) -> Iterator[Web]:
    with web_of(roost) as web:
        yield web.sign_in()


def request_of(web: Web) -> bytes:
    """What opens a stream."""
    head = f"GET /live/fleet HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nCookie: {web.cookie}\r\n\r\n"
    return head.encode()


def events_of(web: Web, path: str, count: int, kind: str, holding: str = "") -> list[tuple[str, str]]:
    """So many events of a kind from a stream, with this text in them: their numbers and data."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=PATIENCE)
    found: list[tuple[str, str]] = []
    try:
        connection.request("GET", path, headers={"Cookie": web.cookie})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        fields: dict[str, str] = {}
        while len(found) < count:
            raw = answer.readline()
            assert raw, f"the stream ended; it told {found}"
            line = raw.decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if line:
                fields[name] = fields[name] + "\n" + value if name == "data" and name in fields else value
            elif fields:
                if fields.get("event") == kind and fields["data"] != "null" and holding in fields["data"]:
                    found.append((fields.get("id", ""), fields["data"]))
                fields = {}
    finally:
        connection.close()
    return found


def marks_of(roost: Roost, last: int) -> list[str]:
    """What a stream names the lines of the journal above this number."""
    return [f"{event['seq']}@{event['ts']}" for event in roost.events() if event["seq"] > last]


def test_an_address_signs_in_once_and_the_cookie_is_strict(roost: Roost) -> None:
    with web_of(roost) as web:
        way = web.address.removeprefix(web.origin)
        assert web.get("/").status == 401
        assert "`roost web` prints" in web.get("/").text
        told = web.get(way)
        assert told.status == 200
        cookie = told.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert cookie.startswith(f"roost_web_{web.port}="), "browsers keep cookies by host, not by port"
        again = web.get(way)
        assert again.status == 403
        assert "used already" in again.text
        assert "set-cookie" not in again.headers
        strange = web.get("/sign-in?token=guessed")
        assert strange.status == 403
        assert "none that this" in strange.text
        web.cookie = cookie.partition(";")[0]
        assert web.get("/").status == 200
        found = re.search(r'name="csrf" value="([^"]+)"', web.get("/").text)
        assert found is not None
        web.csrf = found[1]
        assert web.post("/sign-out").status == 303
        assert web.get("/").status == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", None])
def test_another_host_is_refused(served: Web, host: str | None) -> None:
    told = served.get("/", Host=host)
    assert told.status in (400, 421), told
    assert "victim" not in told.text


def test_a_request_of_another_page_is_refused(roost: Roost, served: Web) -> None:
    before = roost.events()
    for origin in (
        "http://evil.example",
        "null",
        f"https://127.0.0.1:{served.port}",
        f"http://localhost:{served.port}",
    ):
        assert served.get("/", Origin=origin).status == 403
        assert served.post("/peers/victim/stop", Origin=origin).status == 403
    assert served.post("/peers/victim/stop", Origin=None).status == 403
    for csrf in ("", "forged", "\u00fc"):
        told = served.post("/peers/victim/stop", {"csrf": csrf})
        assert told.status == 403
        assert "load the page again" in told.text
    assert served.post("/peers/victim/stop", Cookie="").status == 401
    assert roost.events() == before, "nothing was done"
    same = f"localhost:{served.port}"
    assert served.get("/", Host=same, Origin=f"http://{same}").status == 200


def test_too_much_is_refused_before_it_is_read(served: Web) -> None:
    """A body of 2 MiB, announced or in pieces."""
    pieces = b"200000\r\n" + b"x" * 2 * 1024 * 1024 + b"\r\n0\r\n\r\n"
    for told in (
        served.ask("POST", "/compose", b"x" * 2 * 1024 * 1024),
        served.ask("POST", "/compose", None, Content_Length=str(BODY + 1)),
        served.ask("POST", "/compose", pieces, Transfer_Encoding="chunked"),
        served.ask("POST", "/compose", b"", Content_Length="many"),
    ):
        assert told.status in (400, 413), told
    assert served.get("/").status == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"csrf=%ff&body=%fe", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(200)), "application/x-www-form-urlencoded"),
        (b'{"to": "victim"}', "application/json"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_form_is_refused(served: Web, body: bytes, kind: str) -> None:
    assert served.ask("POST", "/compose", body, Content_Type=kind).status in (400, 403, 415)


def test_each_answer_is_strict_about_what_a_browser_may_do(served: Web) -> None:
    for path in (*PAGES, "/assets/live.js", "/none", "/peers/nobody", "/sign-in"):
        headers = served.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "nonce" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers
    assert served.get("/").headers["cache-control"] == "no-store"
    nonces = {served.get("/peers/victim/terminal").headers["content-security-policy"] for _ in range(2)}
    assert len(nonces) == 2, "the one page whose script makes styles allows them, anew each time"
    assert all("unsafe" not in policy and "script-src 'self';" in policy for policy in nonces)


def test_hostile_text_is_text_on_every_page(roost: Roost, served: Web) -> None:
    message = roost.call("messages")[0]["id"]
    for path in (*PAGES, f"/messages/{message}", "/journal?peer=<script>", "/messages?text=<script>alert(1)"):
        told = served.get(path)
        assert told.status in (200, 404), path
        assert "<script>alert" not in told.text, path
        assert "<img" not in told.text, path
        assert "<i>" not in told.text, path
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", told.text), path
        assert not re.search(r"<[^>]+\s(on\w+|style)=", told.text), f"{path}: something inline"
        assert not re.search(r"<script(?! src=\"/assets/)", told.text), path
        assert not re.search(r"""(?:src|href|action)="(?:https?:)?//""", told.text), f"{path}: another host"
    story = served.get(f"/messages/{message}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in story
    assert "\u241b]0;owned\u2407" in story, "an escape is shown, not done"
    assert "49" not in re.findall(r"<pre[^>]*>(.*?)</pre>", story, re.DOTALL)[0]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/none", 404, "no such page"),
        ("/peers/nobody", 404, "nobody"),
        ("/messages/zzzz", 404, "no message"),
        ("/messages?state=wrong", 400, "no state"),
        ("/messages?since=soon", 400, "not a duration"),
        ("/messages?limit=-1", 200, ""),
        ("/messages?limit=99999999999999999999999", 200, ""),
        ("/journal?before=abc", 200, ""),
        ("/inbox?name=nobody", 404, "nobody"),
        ("/assets/../pages.py", 404, ""),
        ("/assets/%2e%2e/pages.py", 404, ""),
    ],
)
def test_wrong_addresses_get_a_sentence(served: Web, path: str, status: int, words: str) -> None:
    told = served.get(path)
    assert told.status == status
    assert words in told.text
    assert "Traceback" not in told.text


def test_what_is_done_is_the_operators_in_the_journal(roost: Roost, served: Web) -> None:
    roost.add("worker")
    form = {"to": "worker", "body": "hello", "topic": "t", "key": "k" * 32}
    sent = served.post("/compose", form, HX_Request="true")
    assert sent.status == 200
    assert "sent to worker" in sent.text
    assert "<html" not in sent.text, "htmx gets the part alone"
    assert served.post("/compose", form).status == 200
    messages = roost.call("messages", name="worker")
    assert [(each["from"], each["text"]) for each in messages] == [("operator", "hello")], "sent once"
    roost.until_message(messages[0]["id"], "done")
    assert served.post("/peers/worker/stop").status == 200
    assert roost.deaths("worker")[-1]["by"] == "operator"
    assert served.post("/peers/worker/wake").status == 409, "the daemon's own refusal"
    assert served.post("/peers/worker/start").status == 200
    assert served.post("/peers/worker/wake").status == 200
    assert roost.row("worker")["state"] == "idle"
    with pytest.raises(RemoteError, match="only an operator"):
        roost.call("list", token=roost.token("worker"), follow=True)
    assert served.post("/peers/worker/remove").status == 404
    for bad in ({"to": "", "body": "x"}, {"to": "worker", "body": " "}, {"to": "nobody", "body": "x"}):
        assert served.post("/compose", bad).status in (400, 404)
    roost.call("stop", name="worker")


def test_a_screen_is_text_and_a_look_wakes_nobody(roost: Roost, served: Web) -> None:
    roost.add("screened")
    assert "no live session" in served.get("/peers/screened/screen").text
    assert roost.row("screened")["state"] == "asleep"
    roost.send("screened", "<script>alert(1)</script>", wait="done", timeout=PATIENCE)
    shown = served.get("/peers/screened/screen").text
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert" not in shown
    assert served.get("/peers/nobody/screen").status == 404
    roost.call("stop", name="screened")


def test_read_only_looks_and_changes_nothing(roost: Roost) -> None:
    with web_of(roost, "--read-only") as web:
        web.sign_in()
        before = roost.events()
        assert '<form method="post" action="/peers' not in web.get("/peers/victim").text
        for path in (
            "/peers/victim/wake",
            "/compose",
            "/inbox/read",
            "/messages/0123/drop",
            "/questions/0123/deny",
        ):
            told = web.post(path, {"to": "victim", "body": "x"})
            assert told.status == 403
            assert "only look" in told.text
        assert roost.events() == before


def test_a_stream_goes_on_from_the_number_that_is_named(roost: Roost, served: Web) -> None:
    """What happened while a browser slept, or the daemon was down, comes once and in order."""
    last = roost.events()[-1]["seq"]
    for number in range(5):
        roost.send("victim", f"mail {number}")
    expected = marks_of(roost, last)
    assert len(expected) >= 5
    told = events_of(served, f"/live/journal?after={last}", len(expected), "line")
    assert [number for number, _ in told] == expected


def test_the_fleet_tells_only_what_has_changed(roost: Roost, served: Web) -> None:
    found = re.search(r'data-mark="([^"]+)"', served.get("/").text)
    assert found is not None
    first = json.loads(events_of(served, f"/live/fleet?after={found[1]}", 1, "fleet")[0][1])
    assert first["rows"] == {}
    roost.add("passing")
    *_, (mark, told) = events_of(served, f"/live/fleet?after={found[1]}", 1, "fleet", '"passing"')
    assert set(json.loads(told)["rows"]) == {"passing"}
    roost.call("remove", name="passing")
    *_, (_, told) = events_of(served, f"/live/fleet?after={mark}", 1, "fleet", '"passing"')
    assert json.loads(told)["gone"] == ["passing"]
    whole = json.loads(events_of(served, "/live/fleet?after=other.7", 1, "fleet")[0][1])
    assert whole["whole"]
    assert "victim" in whole["rows"]


def test_who_signs_out_ends_the_streams_of_its_other_tabs(roost: Roost) -> None:
    with web_of(roost) as web:
        web.sign_in()
        stream = http.client.HTTPConnection("127.0.0.1", web.port, timeout=PATIENCE)
        try:
            stream.request("GET", "/live/fleet", headers={"Cookie": web.cookie})
            answer = stream.getresponse()
            assert answer.readline() == b": hello\n"
            assert web.ask("HEAD", "/live/fleet").status == 200
            assert web.post("/sign-out").status == 303
            answer.read()
            assert web.ask("HEAD", "/live/fleet").status == 401
        finally:
            stream.close()


def test_500_open_streams_hurt_nobody(served: Web) -> None:
    request = request_of(served)
    sockets: list[socket.socket] = []
    try:
        for _ in range(500):
            each = socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE)
            sockets.append(each)
            each.sendall(request)
        statuses = [each.recv(16).split()[1] for each in sockets]
        assert statuses.count(b"200") <= OPEN
        assert set(statuses) == {b"200", b"503"}
        assert served.get("/").status == 200
    finally:
        for each in sockets:
            each.close()

    def is_room() -> bool:
        with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as each:
            each.sendall(request)
            return each.recv(16).split()[1] == b"200"

    wait_until(is_room, timeout=PATIENCE, why="there is room again")


def test_the_page_is_light_and_an_idle_daemon_knows_nothing_of_it(roost: Roost, served: Web) -> None:
    for path in PAGES:
        told = served.get(path).text
        files = re.findall(r"/assets/([\w.-]+)", told)
        weight = sum(len(gzip.compress((ASSETS / name).read_bytes())) for name in files)
        assert weight + len(gzip.compress(told.encode())) <= WEIGHT, path
        assert not any("xterm" in name for name in files), "only the page of a terminal needs it"
    assert "xterm.js" in served.get("/peers/victim/terminal").text
    maps = Path(f"/proc/{roost.daemon.pid}/maps").read_text()
    assert "markupsafe" not in maps, "Jinja2 is the page's own process's"
    assert "markupsafe" in Path(f"/proc/{served.process.pid}/maps").read_text()


def test_mistakes_get_one_line(roost: Roost, served: Web) -> None:
    taken = roost.cli("web", "--port", str(served.port))
    assert taken.returncode == 1
    assert taken.stderr.count("\n") == 1
    assert f"port {served.port} of 127.0.0.1 cannot be had" in taken.stderr
    for wrong in ("70000", "-1", "x"):
        assert roost.cli("web", "--port", wrong).returncode == 2
    agent = roost.cli("web", environ={"ROOST_TOKEN": "0123"})
    assert agent.returncode != 0
    assert "for operators" in agent.stderr
    down = roost.cli("web", environ={"ROOST_HOME": str(roost.home.root / "none")})
    assert down.returncode == 5
    assert "`roost up`" in down.stderr
    bare = roost.home.root / "bare"
    bare.mkdir()
    (bare / "sitecustomize.py").write_text("import sys\nsys.modules['jinja2'] = None\n")
    poor = roost.cli(
        "web", environ={"PYTHONPATH": os.pathsep.join([str(bare), os.environ.get("PYTHONPATH", "")])}
    )
    assert poor.returncode == 1
    assert "pip install 'roost[web]'" in poor.stderr


def test_the_page_tells_that_the_daemon_is_down_and_streams_go_on_through_a_restart(home: Home) -> None:
    with ThreadPoolExecutor(1) as pool, roost_in(home) as roost, web_of(roost) as web:
        web.sign_in()
        roost.add("victim")
        roost.call("stop", name="victim")
        last = roost.events()[-1]["seq"]
        coming = pool.submit(events_of, web, f"/live/journal?after={last}", 2, "line")
        roost.send("victim", "before")
        roost.kill()
        told = web.get("/")
        assert told.status == 503
        assert "the daemon" in told.text.lower()
        assert "the daemon" in events_of(web, "/live/journal?after=0", 1, "link")[0][1]
        roost.start()
        roost.send("victim", "after")
        expected = marks_of(roost, last)
        assert [number for number, _ in coming.result(PATIENCE)] == expected[:2], "each once, none lost"
        wait_until(lambda: web.get("/").status == 200, timeout=PATIENCE, why="it is back")


def test_ctrl_c_ends_it_though_streams_are_open(roost: Roost) -> None:
    web = start_web(roost)
    web.sign_in()
    with socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE) as stream:
        stream.sendall(request_of(web))
        assert b"200" in stream.recv(64)
        assert "Traceback" not in end_web(web)


def test_the_charts_tell_of_tokens_or_why_they_do_not(roost: Roost, served: Web) -> None:
    roost.add("talker")
    roost.send("talker", "hello", wait="done")
    charts = served.get("/charts")
    assert charts.status == 200
    assert "Tokens of the conversations that live" in charts.text
    assert "not known: its record tells of none" in charts.text
