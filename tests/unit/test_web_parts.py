"""The parts of the page that need neither daemon nor browser."""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import patch

import pytest
from starlette.types import Message

from roost.client import feed as feeds
from roost.client.connection import ConnectionLostError, Record
from roost.client.daemon import AT_ONCE, Daemon, Mark
from roost.client.feed import BehindError, Feed
from roost.errors import DeniedError
from roost.web.asked import Asked
from roost.web.charts import series
from roost.web.load import SPAN, STALE, Loads
from roost.web.pages import ASSETS, Pages, visible
from roost.web.picture import LEAST, WIDTH, picture
from roost.web.sign_in import BROWSERS, IDLE, TOKEN, SignIn
from roost.web.streams import Streams

AXE = Path(__file__).resolve().parents[1] / "support/axe"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Markup(HTMLParser):
    """What a browser takes for elements and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names.update(name for name, _ in attrs)


def test_a_token_expires_and_a_session_ends_with_silence() -> None:
    clock = Clock()
    sign_in = SignIn(read_only=False, clock=clock)
    late, in_time = sign_in.invite(), sign_in.invite()
    clock.now += TOKEN
    cookie = sign_in.redeem(in_time)
    clock.now += 1
    with pytest.raises(DeniedError, match="expired"):
        sign_in.redeem(late)
    clock.now += IDLE - 1
    assert sign_in.find(cookie) is not None
    clock.now += IDLE + 1
    assert sign_in.find(cookie) is None
    assert sign_in.find("x" * 100_000) is None


def test_the_browser_that_was_silent_for_the_longest_makes_way() -> None:
    clock = Clock()
    sign_in = SignIn(read_only=True, clock=clock)
    cookies: list[str] = []
    for _ in range(BROWSERS + 1):
        clock.now += 1
        cookies.append(sign_in.redeem(sign_in.invite()))
    assert sign_in.find(cookies[0]) is None
    assert all(sign_in.find(cookie) for cookie in cookies[1:])


@pytest.mark.parametrize("end", ["signed out", "pushed out"])
async def test_a_browser_that_has_to_sign_in_again_is_told_nothing_more(end: str) -> None:
    clock = Clock()
    sign_in = SignIn(read_only=False, clock=clock)
    session = sign_in.find(sign_in.redeem(sign_in.invite()))
    assert session is not None
    told: list[Message] = []

    async def forever() -> AsyncGenerator[bytes]:
        yield b"first"
        if end == "signed out":
            sign_in.leave(session)
        for _ in range(BROWSERS if end == "pushed out" else 0):
            sign_in.redeem(sign_in.invite())
        await asyncio.Event().wait()
        yield b"more"

    async def send(message: Message) -> None:
        told.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    stream = Streams(forever, sign_in.ended).stream(forever())
    await asyncio.wait_for(stream({"method": "GET", "session": session}, receive, send), 10)
    assert told[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert session.over.is_set()


async def test_a_browser_that_is_told_what_happens_is_not_silent() -> None:
    clock = Clock()
    sign_in = SignIn(read_only=False, clock=clock)
    cookie = sign_in.redeem(sign_in.invite())
    session = sign_in.find(cookie)
    assert session is not None
    listening = asyncio.create_task(sign_in.ended(session))
    await asyncio.wait([listening], timeout=0)
    clock.now += IDLE + 1
    listening.cancel()
    await asyncio.wait([listening])
    assert sign_in.find(cookie) is not None


def test_what_would_act_on_its_reader_is_shown() -> None:
    assert visible("a\x1b[31m\x07\x7f\r\nb\tc") == "a\u241b[31m\u2407\u2421\nb\tc"
    assert visible("\u202egnp.exe\x9b") == "<U+202E>gnp.exe<U+009B>"


def test_the_picture_shows_each_step_within_its_frame() -> None:
    story = [
        {"at": "2026-01-01T00:00:00.000Z", "what": "stored", "took": None},
        {"at": "2026-01-01T00:00:00.001Z", "what": "handed over", "took": 0.001},
        {"at": "2026-01-01T02:00:00.000Z", "what": "done", "took": 7199.999},
    ]
    drawn = picture(story)
    assert drawn.seconds == 7200
    assert all(
        bar.width >= LEAST and bar.left >= 0 and bar.left + bar.width <= WIDTH + 0.1 for bar in drawn.bars
    )
    assert drawn.bars[2].width == pytest.approx(WIDTH, abs=0.2)
    assert picture([]).bars == ()


def test_a_look_tells_what_a_tree_took_since_the_one_before(tmp_path: Path) -> None:
    """Of processes that came, went or took over a number meanwhile, too; another tree is not counted."""
    clock = Clock()

    def process(pid: int, parent: int, ticks: int, *, start: int = 1) -> None:
        fields = ["S", str(parent), *"0" * 9, str(ticks), "0", *"0" * 6, str(start), "0", "100"]
        (tmp_path / str(pid)).mkdir(exist_ok=True)
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a (b) c) {' '.join(fields)}")

    (tmp_path / "self").mkdir()
    peers = [
        {"name": "a", "session": {"id": "s", "server_pid": 10}},
        {"name": "thread", "session": {"id": "t", "server_pid": None}},
        {"name": "asleep", "session": None},
    ]
    process(10, 1, 100)
    process(11, 10, 100)
    process(12, 1, 5000)
    loads = Loads(tmp_path, clock)
    first, thread = loads.look(peers)
    assert (first.peer, first.share, first.processes) == ("a", None, 2)
    assert first.resident == 200 * os.sysconf("SC_PAGE_SIZE")
    assert (thread.peer, thread.processes) == ("thread", 0)
    process(10, 1, 200)
    process(11, 10, 100, start=2)
    process(12, 1, 9000)
    process(13, 11, 100)
    clock.now += SPAN / 2
    assert loads.look(peers) == [first, thread], "somebody has just looked"
    clock.now += 2 - SPAN / 2
    assert loads.look(peers)[0].share == pytest.approx(300 / os.sysconf("SC_CLK_TCK") / 2)
    clock.now += STALE + 1
    assert loads.look(peers)[0].share is None, "nobody has looked for long"
    assert Loads(tmp_path / "none", clock).look(peers)[0].processes == 0


def test_charts_count_what_the_journal_tells() -> None:
    def event(kind: str, second: int, message: str | None = None, **more: object) -> dict[str, object]:
        at = f"2026-01-01T00:00:{second:02}.000Z"
        return {"ts": at, "kind": kind, "message": message, "cause": None, "data": {}, **more}

    drawn = series(
        [
            event("queued", 1, "a"),
            event("notice", 2, "b"),
            event("ready", 3, data={"took": 1.5}),
            event("accepted", 4, "a"),
            event("accepted", 5, "of an earlier page"),
            event("expired", 6, "b"),
            event("stopped", 7, cause="crashed"),
            event("stopped", 8, cause="stopped"),
            event("stopped", 9, cause="crashed"),
        ]
    )
    assert drawn["queue"][1] == [1, 2, 1, 0]
    assert drawn["deliveries"][1] == [3.0]
    assert drawn["wakes"][1] == [1.5]
    assert drawn["deaths"] == [("crashed", 2), ("stopped", 1)]


async def test_what_takes_long_keeps_nobody_from_looking(tmp_path: Path) -> None:
    """Answers that agents are slow to take leave the room for looks as it is."""
    held = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readline())
        if asked["method"] == "answer":
            await held.wait()
        writer.write(b'{"id": 1, "result": "told"}\n')
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "s"):
        daemon = Daemon(str(tmp_path / "s"))
        slow = [asyncio.create_task(daemon.ask("answer", patience=None)) for _ in range(2 * AT_ONCE)]
        await asyncio.sleep(0)
        assert await asyncio.wait_for(daemon.call("list"), 10) == "told"
        held.set()
        assert {result for result, _ in await asyncio.gather(*slow)} == {"told"}


def test_a_question_cannot_be_more_than_text() -> None:
    hostile = "<script>x</script>\"'><img src=x onerror=y>\x1b[2J\u202e"
    question = {
        "id": hostile,
        "peer": "a",
        "session": hostile,
        "text": hostile,
        "options": [{"id": hostile, "label": hostile, "kind": hostile, "message": True}],
        "since": "2026-01-01T00:00:00.000Z",
        "source": hostile,
        "state": "open",
        "why": hostile,
        "tool": hostile,
        "command": hostile,
        "answer": None,
        "by": hostile,
    }
    given = {"may_act": True, "csrf": "c", "over": [(hostile, hostile, True)]}
    for state in ("open", "answering", hostile):
        drawn = Pages().draw("asked.html", questions=[{**question, "state": state}], **given)
        found = Markup()
        found.feed(drawn)
        assert found.tags.isdisjoint({"script", "img"})
        assert not any(name.startswith("on") for name in found.names)
        assert not set(drawn) & set("\x1b\u202e")
        assert "&lt;script&gt;x&lt;/script&gt;" in drawn


@pytest.mark.parametrize("folder", [ASSETS, AXE], ids=["page", "tests"])
def test_the_scripts_of_others_are_what_their_hashes_say(folder: Path) -> None:
    packages = json.loads((folder / "vendored.json").read_text())
    assert packages
    for about in packages.values():
        assert about["licence"]
        assert any(name.endswith(".LICENSE") for name in about["files"])
        for name, file in about["files"].items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == file["sha256"], name


def test_a_question_that_is_gone_before_its_line_has_come_is_drawn_again_with_it() -> None:
    asked = Asked(Daemon("/nowhere"), Feed(Daemon("/nowhere")))
    before = asked.mark
    assert asked.over("q1") == ("This is asked no more.", False)
    data = {"id": "q1", "label": "Allow", "by": "operator"}
    assert asked._note({"kind": "answered", "peer": "a", "data": data})
    came, known = asked.over("q1")
    assert known
    assert "by operator" in came
    assert asked.mark != before


class Journals(Daemon):
    """A daemon that tells of a journal; another may take its place meanwhile, as by `roost restore`."""

    def __init__(self, lines: int) -> None:
        super().__init__("/nowhere")
        self._news = asyncio.Event()
        self.followed = asyncio.Event()
        self.lines: list[Record] = []
        self.write(lines)

    def write(self, lines: int, of: str = "first") -> None:
        for _ in range(lines):
            self.lines.append({"seq": len(self.lines) + 1, "ts": of, "kind": "idle", "peer": "a"})
        self._tell()

    def restore(self, lines: int, of: str) -> None:
        """So many lines are there now; `of`: which journal it is."""
        self.lines = []
        self.write(lines, of)

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def follow(self, method: str, params: Record) -> AsyncGenerator[Record, None]:
        assert method == "events"
        lines = self.lines
        if "before" in params:
            for line in [line for line in lines if line["seq"] < params["before"]][-1:]:
                yield line
            return
        seen = params["after"]
        while True:
            for line in lines[seen:]:
                seen = line["seq"]
                yield line
            if not params.get("follow"):
                return
            self.followed.set()
            await self._news.wait()
            if lines is not self.lines:
                raise ConnectionLostError("the daemon went away")


@asynccontextmanager
async def fed(daemon: Journals) -> AsyncGenerator[Feed]:
    """A feed that follows the journal, and tries again at once."""
    feed = Feed(daemon)
    with patch.object(feeds, "RETRY", 0):
        running = asyncio.create_task(feed.run())
        await daemon.followed.wait()
        yield feed
        running.cancel()
        await asyncio.wait([running])


@pytest.mark.parametrize("lines", [2, 9], ids=["shorter", "longer"])
async def test_a_page_loads_itself_again_where_a_backup_was_restored(lines: int) -> None:
    """Its journal may have come to the number of before by then: the line of that number is another one."""
    daemon = Journals(5)
    async with fed(daemon) as feed, aclosing(feed.since(await daemon.newest(), None)) as told:
        assert (await anext(told))["kind"] == "link"
        coming = asyncio.ensure_future(anext(told))
        await asyncio.sleep(0)
        daemon.write(1)
        assert (await coming)["seq"] == 6
        daemon.restore(lines, "another")
        with pytest.raises(BehindError):
            _ = [line async for line in told]
        with feed.subscribe() as news:
            daemon.write(1, "another")
            assert (await news.get())["seq"] == lines + 1


async def test_a_page_that_comes_back_is_told_on_only_by_the_journal_that_it_knows() -> None:
    daemon = Journals(5)
    feed = Feed(daemon)
    for known, seqs in ((Mark(3, "first"), [4, 5]), (Mark(3), [4, 5]), (Mark(0), [1, 2, 3, 4, 5])):
        async with aclosing(feed.since(known, None)) as told:
            await anext(told)
            assert [(await anext(told))["seq"] for _ in seqs] == seqs
    for strange in (Mark(3, "another"), Mark(6, "first"), Mark(6)):
        async with aclosing(feed.since(strange, None)) as told:
            await anext(told)
            with pytest.raises(BehindError):
                await anext(told)


async def test_a_daemon_that_was_started_again_goes_on_where_it_was() -> None:
    daemon = Journals(5)
    async with fed(daemon) as feed, aclosing(feed.since(await daemon.newest(), None)) as told:
        await anext(told)
        coming = asyncio.ensure_future(anext(told))
        await asyncio.sleep(0)
        daemon.restore(7, "first")
        kinds = [await coming, *[await anext(told) for _ in range(3)]]
        assert [line["seq"] for line in kinds if line["kind"] != "link"] == [6, 7]
