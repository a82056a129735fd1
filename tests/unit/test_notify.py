"""Which happenings a rule tells of, when, how often, and in which words: pure, on injected time."""

import asyncio
import base64
import hashlib
import hmac
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from roost.daemon.notify.courier import Courier
from roost.daemon.notify.judge import KINDS, Judge, kinds_for
from roost.daemon.notify.notification import Notification, harmless
from roost.daemon.notify.notifications import AGAIN, Notifications
from roost.daemon.notify.outbox import AGE, KEPT, LATER, LONGEST, TRIES, Outbox, Outdated, Wait
from roost.daemon.notify.program import desktop_argv
from roost.daemon.notify.webhook import signature
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.threads import HungError
from roost.errors import ConfigError
from roost.host.memory.clock import VirtualClock
from roost.local.config import Config, load_config
from roost.local.notify import Happening, NotifyRule, parse_secret
from roost.store.interfaces import JournalRow
from tests.support.wait import eventually

NOW = 1_750_000_000.0
EVERY = frozenset(Happening)


def note(seq: int, at: float = NOW, peer: str = "p") -> Notification:
    return Notification(f"n{seq}", Happening.MAIL, at, seq, peer)


def outbox(most: int = 3, per: float = 60.0, cursor: int = 0) -> Outbox:
    return Outbox("store", "rule", most, per, cursor)


def sent(box: Outbox, now: float) -> list[Notification]:
    """All that goes out at this moment."""
    found: list[Notification] = []
    while isinstance(each := box.next(now), Notification):
        found.append(each)
        box.settled(each, now)
    return found


# the outbox


def test_a_few_go_out_one_by_one_and_the_number_moves_with_them() -> None:
    box = outbox()
    box.add(note(5))
    box.add(note(7))
    assert [each.seq for each in sent(box, NOW)] == [5, 7]
    assert (box.cursor, box.waiting) == (7, 0)
    box.passed(20)
    assert box.cursor == 20


def test_a_storm_is_bounded_and_every_happening_is_counted_once() -> None:
    box, now, told, out = outbox(), NOW, 0, 0
    for seq in range(1, 1001):
        box.add(note(seq, now))
    while box.waiting:
        found = sent(box, now)
        out += len(found)
        told += sum(sum(each.counts.values()) or 1 for each in found)
        waits = box.next(now)
        assert isinstance(waits, Wait)
        now += waits.seconds or 0.0
    assert (told, out, box.cursor) == (1000, 3, 1000)


def test_within_any_window_no_more_than_the_bound_go_out() -> None:
    box, times = outbox(most=4, per=10.0), list[float]()
    for step in range(400):
        now = NOW + step * 0.25
        box.add(note(step + 1, now))
        times += [now] * len(sent(box, now))
    assert all(sum(at - 10.0 < other <= at for other in times) <= 4 for at in times)
    assert len(times) > 30


def test_memory_is_bounded_and_what_is_only_counted_is_in_the_summary() -> None:
    box = outbox(most=1)
    for seq in range(1, KEPT * 3 + 1):
        box.add(note(seq, peer=f"p{seq % 9}"))
    summary = box.next(NOW)
    assert isinstance(summary, Notification)
    assert (summary.counts, summary.seq, len(box._notes)) == ({"mail": KEPT * 3}, KEPT * 3, 0)
    assert len(summary.peers) == 6
    box.add(note(KEPT * 3 + 1))
    assert box.next(NOW) is summary
    box.settled(summary, NOW)
    assert (box.cursor, box.waiting) == (KEPT * 3, 1)


def test_a_summary_that_was_begun_is_the_same_for_the_next_daemon() -> None:
    """What has come since is not in it: a receiver that had it does not miss the rest."""
    box = outbox(most=1)
    for seq in (1, 2, 3):
        box.add(note(seq))
    before = box.next(NOW)
    assert isinstance(before, Notification)
    kept = json.loads(json.dumps(box.stored()))
    again = outbox(most=1, cursor=kept["cursor"])
    again.restore(kept)
    again.add(note(1))
    assert again.next(NOW) == Wait(None), "the journal is not read up to its end"
    for seq in (2, 3, 4, 5):
        again.add(note(seq))
    after = again.next(NOW)
    assert isinstance(after, Notification)
    assert (after.id, after.counts, after.seq) == (before.id, before.counts, 3)
    again.settled(after, NOW)
    assert (again.cursor, again.waiting) == (3, 2)


def test_a_summary_of_what_no_rule_tells_any_more_is_passed_over() -> None:
    box = outbox(most=1)
    box.restore({"closing": 9, "sent": []})
    box.passed(12)
    assert (box.next(NOW), box.cursor) == (Wait(None), 12)


@pytest.mark.parametrize("arrives", [True, False])
def test_what_waits_behind_the_kept_ones_is_summed_up_however_slowly_those_went(*, arrives: bool) -> None:
    """A window is never full where each takes long, or is given up. The next daemon sums up the same."""
    box, now, told = outbox(most=10), NOW, list[Notification]()
    waiting = [note(seq, NOW + seq, f"p{seq % 9}") for seq in range(1, KEPT + 31)]
    for each in waiting:
        box.add(each)
    while box.waiting > 30:
        found = box.next(now)
        assert isinstance(found, Notification)
        told.append(found)
        now += 9.0
        box.settled(found, now if arrives else None)
    assert told == waiting[:KEPT]
    summary = box.next(now)
    assert isinstance(summary, Notification)
    assert (summary.counts, summary.seq, summary.at) == ({"mail": 30}, KEPT + 30, NOW + KEPT + 30)
    again = outbox(most=10, cursor=box.cursor)
    again.restore(box.stored())
    for each in waiting[KEPT:]:
        again.add(each)
    again.passed(KEPT + 30)
    assert again.next(now) == summary
    box.settled(summary, now)
    box.add(note(KEPT + 31))
    assert (box.cursor, box.next(now)) == (KEPT + 30, note(KEPT + 31))


def test_a_restart_and_a_clock_set_back_do_not_open_or_close_the_window_for_long() -> None:
    box = outbox(most=1, per=60.0)
    box.add(note(1))
    assert len(sent(box, NOW)) == 1
    again = outbox(most=1, per=60.0, cursor=1)
    again.restore(box.stored())
    again.add(note(2))
    assert again.next(NOW + 20) == Wait(40.0)
    assert isinstance(again.next(NOW - 86400), Notification)


def test_tries_come_later_and_later_and_end() -> None:
    box = outbox()
    box.add(note(1))
    pauses = [box.failed() for _ in range(TRIES)]
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert pauses[-2:] == [LONGEST, None]
    assert 3600 < sum(pause for pause in pauses if pause) < 7200
    box.settled(note(1), None)
    assert box.tries == 0


def test_a_receiver_says_when_it_wants_it_within_a_bound_or_never() -> None:
    box = outbox()
    assert (box.failed(90.0), box.failed(1e9), box.failed(final=True)) == (90.0, LATER, None)


def test_what_is_old_is_outdated() -> None:
    box = outbox()
    box.add(note(1, NOW - AGE - 1))
    assert isinstance(box.next(NOW), Outdated)


def test_what_the_journal_cannot_take_goes_ahead_and_moves_no_number() -> None:
    box = outbox(cursor=4)
    box.add(note(5))
    urgent = Notification("u", Happening.ALARM, NOW, 0)
    box.add_urgent(urgent)
    assert box.next(NOW) is urgent
    box.settled(urgent, NOW)
    assert (box.cursor, box.waiting) == (4, 1)


# the courier


class BrokenOutbox(Outbox):
    broken = False

    def next(self, now: float, earliest: float | None = None) -> Notification | Outdated | Wait:
        if self.broken:
            raise IndexError(now)
        return super().next(now, earliest)


class BrokenCourier(Courier):
    broken = False

    async def send(self, notification: Notification) -> None:
        if self.broken and not notification.test:
            raise IndexError(notification)


async def nothing(*_: object) -> None:
    """Store nothing."""


async def test_a_clock_that_is_set_on_makes_nothing_old_that_waits() -> None:
    clock = VirtualClock()
    machine = SimpleNamespace(clock=clock, store_id="store")
    box = outbox()
    courier = BrokenCourier(cast("Any", machine), rule(), box, nothing, nothing)
    box.add(note(1, clock.now() - AGE - 1))
    box.add(note(2, clock.now()))
    clock.jump(2 * AGE)
    running = asyncio.create_task(courier.run())
    await eventually(lambda: not box.waiting, timeout=20, why="both are dealt with")
    assert courier.outcomes == {"sent": 1, "failed": 0, "given-up": 1}
    box.add(note(3, clock.now()))
    clock.suspend(AGE + 1)  # asleep, it grows old
    courier.woken.set()
    await eventually(lambda: not box.waiting, timeout=20, why="it is dealt with")
    assert courier.outcomes["given-up"] == 2
    running.cancel()


@pytest.mark.parametrize("where", ["outbox", "courier"])
async def test_a_rule_that_meets_a_defect_shows_it_and_goes_on(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    machine = SimpleNamespace(clock=VirtualClock(), store_id="store")
    box = BrokenOutbox("store", "rule", 10, 60.0, 0)
    courier = BrokenCourier(cast("Any", machine), rule(), box, nothing, nothing)
    running = asyncio.create_task(courier.run())
    box.add(note(1))
    await eventually(lambda: courier.outcomes["sent"] == 1, timeout=20, why="it works")
    box.broken, courier.broken = where == "outbox", where == "courier"
    box.add(note(2))
    courier.woken.set()
    await eventually(lambda: courier.error or running.done(), timeout=20, why="it meets the defect")
    shown = courier.told()
    assert (shown["error"], shown["waiting"]) == (
        "a defect of the daemon (IndexError); its log tells more",
        1,
    )
    assert shown["failing_since"]
    assert [record.exc_info is not None for record in caplog.records] == [True, False]
    box.broken = courier.broken = False
    assert (await courier.test())["delivered"]
    await eventually(lambda: courier.outcomes["sent"] == 2, timeout=20, why="it goes on")
    assert (courier.told()["error"], box.waiting) == (None, 0)
    running.cancel()


async def test_a_disk_that_does_not_answer_at_the_start_holds_the_rules_up_and_no_longer() -> None:
    clock, asked = VirtualClock(), list[object]()

    async def load(work: object) -> None:
        asked.append(work)
        raise HungError(60.0)

    work = SimpleNamespace(modules=SimpleNamespace(run=load))
    machine = SimpleNamespace(config=Config(notify=(rule(),)), clock=clock, work=work, store=None)
    fleet = SimpleNamespace(listeners=SimpleNamespace(on_journal=[]))
    rules = Notifications(cast("Any", machine), cast("Any", fleet), lambda: None)
    running = asyncio.create_task(rules.run(Tasks()))
    await clock.advance(AGAIN)
    assert (len(asked), running.done()) == (2, False)
    running.cancel()


# the judge


def row(kind: str, seq: int = 1, *, peer: str = "p", session: str | None = "s", **data: Any) -> JournalRow:  # noqa: ANN401
    cause = data.pop("cause", None)
    return JournalRow(seq, NOW, kind, peer, session, data.pop("message", None), cause, data)


def rule(*on: Happening, peers: tuple[str, ...] = (), body: bool = False) -> NotifyRule:
    return NotifyRule("r", frozenset(on) or EVERY, peers, body, desktop=True)


def told(rows: list[JournalRow], wanted: NotifyRule, *, mailbox: bool = False) -> list[str]:
    judge = Judge()
    found: list[str] = []
    for each in rows:
        what = judge.happening(each, mailbox=mailbox)
        found += [str(what)] if what is not None and judge.wanted(wanted, what, each) else []
    return found


def test_every_happening_is_known_by_a_line_of_the_journal() -> None:
    assert set(KINDS.values()) == EVERY
    titles = {Notification("i", each, NOW, 1, "p", sender="s").title for each in Happening}
    assert len(titles) == len(Happening)


def test_mail_is_what_comes_to_a_person_once() -> None:
    arrived, notice, back = row("queued", sender="a"), row("notice", sender="roost"), row("queued", why="x")
    assert told([arrived, notice, back], rule(), mailbox=True) == ["mail", "mail"]
    assert told([arrived, notice], rule()) == []


def test_a_session_that_asks_is_told_of_once_where_a_rule_has_both() -> None:
    rows = [
        row("question", id="q"),
        row("blocked", why="it asks"),
        row("question-gone", id="q"),
        row("blocked", why="x"),
    ]
    assert told(rows, rule(Happening.BLOCKED, Happening.QUESTION)) == ["question", "blocked"]
    assert told(rows, rule(Happening.BLOCKED)) == ["blocked", "blocked"]
    assert told([*rows[:1], row("blocked", session="other")], rule()) == ["question", "blocked"]
    assert {"question", "answered", "stopped"} <= kinds_for({Happening.BLOCKED, Happening.QUESTION})
    assert kinds_for({Happening.MAIL}) == {"queued", "notice"}


def test_a_rule_is_about_its_peers_and_the_daemon_is_about_all() -> None:
    rows = [row("blocked", peer="rev-1"), row("blocked", peer="other"), row("alarm", peer="roost", why="x")]
    assert told(rows, rule(peers=("rev-*",))) == ["blocked", "alarm"]
    assert told([row("alarm", peer="roost", cause="over")], rule()) == []


def test_words_of_agents_stay_out_unless_a_rule_lets_them() -> None:
    judge = Judge()
    asked = row("question", id="q1", text="Bash: rm \x1b[31m\u202e-r")
    quiet = judge.notification("s", rule(), Happening.QUESTION, asked)
    open_ = judge.notification("s", rule(body=True), Happening.QUESTION, asked)
    assert (quiet.title, quiet.text, open_.text) == ("p asks (q1)", "", "Bash: rm [31m -r")
    assert quiet.id == open_.id
    other = judge.notification("s", rule(), Happening.QUESTION, row("question", 2, id="q1", text="x"))
    assert other.id != quiet.id
    alarm = judge.notification(
        "s", rule(), Happening.ALARM, row("alarm", peer="roost", why="the disk is full")
    )
    assert (alarm.title, alarm.text) == ("roost: something is wrong", "the disk is full")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b]0;t\x07b", "a ]0;t b"),
        ("\u202eevil\u2066", "evil"),
        ("a\n\n b", "a b"),
        ("x" * 20, "x" * 9 + "…"),
        ("\x00" * 99 + "y", "…"),
    ],
)
def test_words_that_are_shown_do_no_harm(text: str, shown: str) -> None:
    assert harmless(text, 10) == shown


def test_what_shows_it_gets_words_and_no_code() -> None:
    nasty = '-e "; do shell script "x"\\'
    linux, mac = desktop_argv(nasty, "<b>&", "linux"), desktop_argv(nasty, "<b>&", "darwin")
    assert linux[-3:] == ["--", nasty, "&lt;b&gt;&amp;"]
    assert mac[-3:] == ["--", nasty, "<b>&"]
    assert not any(nasty in word for word in mac[:-3])


def test_a_signature_is_that_of_the_standard() -> None:
    key = b"k" * 24
    wanted = base64.b64encode(hmac.new(key, b'i.7.{"a":1}', hashlib.sha256).digest()).decode()
    assert signature(key, "i", 7, b'{"a":1}') == f"v1,{wanted}"
    assert parse_secret(f"whsec_{base64.b64encode(key).decode()}\n") == key


def test_without_a_rule_nobody_listens() -> None:
    fleet = SimpleNamespace(listeners=SimpleNamespace(on_journal=[]))
    for rules, listeners in (((), 0), ((rule(),), 1)):
        machine = SimpleNamespace(config=Config(notify=rules))
        Notifications(cast("Any", machine), cast("Any", fleet), lambda: None)
        assert len(fleet.listeners.on_journal) == listeners


# the configuration

GOOD = '[[notify]]\nname = "a"\non = ["mail"]\n'
KEY = base64.b64encode(b"x" * 24).decode()


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return load_config(path)


def test_rules_are_read_with_their_defaults(tmp_path: Path) -> None:
    text = f'{GOOD}webhook = "https://h:8/p?t=secret"\nsecret = "whsec_{KEY}"\n'
    text += '[[notify]]\nname = "b"\non = ["alarm"]\ndesktop = true\npeers = ["x-*"]\nper = "1h"\n'
    first, second = read(tmp_path, text).notify
    assert (first.target, first.secret, first.most, first.per, first.timeout, first.body) == (
        "webhook https://h:8",
        b"x" * 24,
        10,
        60.0,
        10.0,
        False,
    )
    assert (second.target, second.peers, second.per) == ("desktop", ("x-*",), 3600.0)
    assert "DISPLAY" in read(tmp_path, text).notify_passes


@pytest.mark.parametrize(
    ("text", "why", "place"),
    [
        ("notify = 5\n", "each rule is a table of its own", (1, 1)),
        ('[notify]\nname = "a"\n', "each rule is a table of its own", (1, 2)),
        (f"{GOOD}desktop = true\ncolour = 1\n", "unknown key 'colour'", (5, 1)),
        (f"{GOOD}desktop = true\n{GOOD}desktop = true\n", "two rules", (6, 1)),
        (f'{GOOD}desktop = true\n[[notify]]\nname = "b"\non = ["mial"]\n', "one of command", (5, 3)),
        (
            f'{GOOD}desktop = true\n[[notify]]\nname = "b"\non = ["mial"]\ndesktop = true\n',
            "not 'mial'",
            (7, 7),
        ),
        ('[[notify]]\nname = "A"\non = ["mail"]\ndesktop = true\n', "needs a name", (2, 1)),
        ('[[notify]]\nname = "a"\non = []\ndesktop = true\n', "'on' takes", (3, 1)),
        (f'{GOOD}desktop = true\ncommand = ["x"]\n', "only one", (4, 1)),
        (f'{GOOD}command = "x y"\n', "must be a list of texts", (4, 1)),
        (f'{GOOD}command = ["x"]\npass = ["A B"]\n', "names of variables", (5, 10)),
        (f'{GOOD}desktop = true\nsecret = "x"\n', "goes with 'webhook'", (5, 1)),
        (f'{GOOD}webhook = "ftp://h/"\n', "takes an address", (4, 1)),
        (f'{GOOD}webhook = "https://u:{"p"}@h/"\n', "without a password", (4, 1)),
        (f'{GOOD}webhook = "http://h:x/"\n', "takes an address", (4, 1)),
        (f'{GOOD}webhook = "http://h/a\\nb"\n', "takes an address", (4, 1)),
        (f'{GOOD}webhook = "http://h/"\nsecret = "hush"\n', "'secret' cannot be used", (5, 1)),
        (f'{GOOD}webhook = "http://h/"\nsecret_file = "here"\n', "absolute", (5, 1)),
        (f"{GOOD}desktop = true\nmost = 101\n", "100 at most", (5, 1)),
        (f"{GOOD}desktop = true\nmost = 0\n", "above 0", (5, 1)),
        (f'{GOOD}desktop = true\ntimeout = "5m"\n', "at most 120s", (5, 1)),
        (f'{GOOD}desktop = true\nper = "soon"\n', "soon", (5, 1)),
    ],
)
def test_a_rule_that_is_wrong_is_named_with_line_and_column(
    tmp_path: Path, text: str, why: str, place: tuple[int, int]
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    line, column = place
    assert why in caught.value.message
    assert caught.value.message.endswith(f"(at line {line}, column {column})")
    assert "hush" not in caught.value.message
