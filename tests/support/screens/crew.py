"""Sixty peers, their sessions and their messages, at one fixed moment: data of the core, without a daemon."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

from msgspec.structs import replace

from roost.core.vocabulary.identity import HUMAN, ProcessId
from roost.core.vocabulary.message import HANDED, Message, MessageState, Notice
from roost.core.vocabulary.peer import Hindrance, LastDeath, Peer, PeerState, Quarantine, Settings, WakePolicy
from roost.core.vocabulary.session import Cause, Processes, Refusal, Session, SessionState, WakeCause
from roost.store.records import Attempt, StoredMessage

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC).timestamp()
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
BOOT = "a boot"
ENDED = (
    LastDeath(Cause.IDLE_SLEEP, 0, False, "", "idle for 1h"),
    LastDeath(Cause.OPERATOR_STOP, 0, False, "", ""),
    LastDeath(Cause.COMPLETED, 0, False, "", "the shim's record says exit code 0"),
    LastDeath(Cause.REBOOT, 0, False, "", "the machine was restarted since"),
)
SERVICES = (
    *("accounts", "api", "archive", "billing", "blog", "cache", "catalogue", "cli", "cron", "dashboard"),
    *("deploy", "docs", "editor", "exports", "feeds", "gateway", "geo", "i18n", "images", "imports"),
    *("ingest", "invoices", "jobs", "ledger", "mailer", "maps", "media", "mobile", "notify", "orders"),
    *("payments", "pdf", "plugins", "pricing"),
)
"""Peers that sleep: half of all, as on any day."""


def peer(name: str, runtime: str = "claude", ago: float = HOUR, **settings: object) -> Peer:
    """One that was made three weeks ago and has changed last so many seconds ago."""
    given = {"dir": f"/home/you/src/{name}", "runtime": runtime, **settings}
    return Peer(name, "seed", Settings(**given), NOW - 21 * DAY, since=NOW - ago, generation=7)  # type: ignore[arg-type]


_numbers = [count(1)]


def mail(to: str, sender: str, text: str, ago: float, **changes: object) -> tuple[Message, str]:
    """A message that was stored so many seconds ago, and its body."""
    number = next(_numbers[0])
    ident = f"01977{int((NOW - ago) * 1000) % 16**7:07x}{number * 2654435761 % 16**20:020x}"
    made = Message(ident, sender, to, NOW - ago, len(text), "digest")
    return replace(made, **changes), text  # type: ignore[arg-type]


def session(of: Peer, state: SessionState, why: str, ago: float, **changes: object) -> Session:
    """The peer's live session, in this state for so many seconds."""
    number = sum(map(ord, of.name))
    ident = f"{number * 40503 % 16**8:08x}{number * 2654435761 % 16**24:024x}"
    pids = [ProcessId(BOOT, number * 7 + each, 0) for each in range(3)]
    socket = f"/home/you/.local/state/roost/run/t/{ident[:16]}"
    began = NOW - ago - 3 * MINUTE
    made = Session(ident, of.name, of.generation, "nonce", WakeCause.PARKED_TOPIC, True, began, NOW - ago)
    talk = f"{ident[:8]}-4d1c-4a53-9a4e-{ident[8:20]}"
    return replace(
        made,
        state=state,
        why=why,
        ready=True,
        conversation=talk,
        processes=Processes(pids[2], pids[1], pids[0], socket),
        **changes,  # type: ignore[arg-type]
    )


class Crew:
    """All of them, the bodies of their messages, and one message's whole story."""

    def __init__(self) -> None:
        """Make them; the same ones each time."""
        _numbers[0] = count(1)
        self.bodies: dict[str, str] = {}
        self.over: list[Message] = []
        self.states = [*self._people(), *self._working(), *self._idle(), *self._resting(), *self._mailboxes()]
        self.story = self._story()

    def _keep(self, *mails: tuple[Message, str]) -> tuple[Message, ...]:
        self.bodies |= {message.id: text for message, text in mails}
        return tuple(message for message, _ in mails)

    def _people(self) -> Iterator[PeerState]:
        """What needs a person."""
        fixer = replace(
            peer("fixer", "codex", description="mends what the others find"), topics=("login", "cache")
        )
        asks = "a dialog is open: Would you like to run the following command?"
        turn = self._keep(
            mail(
                "fixer",
                "scout",
                "Please make the login test fail first, then mend it.",
                14 * MINUTE,
                topic="login",
                state=MessageState.ACCEPTED,
                accepted_at=NOW - 13 * MINUTE,
                why="in its turn",
            ),
            mail("fixer", "me", "And the password reset, when that is done.", 6 * MINUTE, topic="login"),
        )
        yield PeerState(fixer, session(fixer, SessionState.BLOCKED, asks, 12 * MINUTE), turn)
        for name, runtime, why, ago in (
            (
                "search",
                "claude",
                "a dialog is open: Create file: Do you want to create index.sql?",
                3 * MINUTE,
            ),
            ("reports", "claude", "a dialog is open: Select login method:", 2 * HOUR),
            ("schema", "claude", "another view is open in its terminal: Rewind", 26 * MINUTE),
            ("tests", "codex", "its process 48211 is stopped; kill -CONT 48211 lets it go on", 45.0),
        ):
            one = peer(name, runtime)
            yield PeerState(one, session(one, SessionState.BLOCKED, why, ago))
        absent = replace(
            peer("translate", "codex"),
            hindered=Hindrance(
                "'codex' is not on the PATH that agents are given", NOW - 40 * MINUTE, NOW - MINUTE, 41
            ),
            backoff_until=NOW + 30,
        )
        yield PeerState(absent, None, self._keep(mail("translate", "docs", "Three new pages.", 41 * MINUTE)))
        odd = peer("uploads")
        shows = "no prompt is on its screen; it shows: -- INSERT --"
        yield PeerState(odd, session(odd, SessionState.UNKNOWN, shows, 8 * MINUTE))
        loop = replace(
            peer("video", "codex", 11 * MINUTE),
            quarantine=Quarantine(
                NOW + 19 * MINUTE, "3 sessions failed within 5m; at the last it crashed: exit code 101"
            ),
            last_death=LastDeath(Cause.CRASHED, NOW - 11 * MINUTE, False, "", "exit code 101"),
        )
        yield PeerState(loop, None, self._keep(mail("video", "me", "Try the new encoder.", 12 * MINUTE)))

    def _working(self) -> Iterator[PeerState]:
        for name, runtime, sender, text, topic, ago in (
            ("scout", "claude", "me", "Where is the session timeout set?", "sessions", 95.0),
            (
                "reviewer",
                "claude",
                "fixer",
                "Please review the change to the login form.",
                "login",
                7 * MINUTE,
            ),
            ("web", "codex", "me", "The menu jumps when the page is narrow.", None, 52 * MINUTE),
            ("worker-1", "claude", "planner", "Convert tests/a*.py.", "conversion of the old tests", 200.0),
            ("worker-2", "claude", "planner", "Convert tests/b*.py.", "conversion of the old tests", 30.0),
        ):
            one = peer(name, runtime)
            taken = mail(
                name,
                sender,
                text,
                ago + 4,
                topic=topic,
                state=MessageState.ACCEPTED,
                accepted_at=NOW - ago,
                why="in its turn",
            )
            yield PeerState(one, session(one, SessionState.WORKING, "in a turn", ago), self._keep(taken))
        waits = peer("worker-3")
        handed = mail(
            "worker-3", "planner", "Convert tests/c*.py.", 9.0, state=MessageState.OFFERED, why=HANDED
        )
        starting = session(waits, SessionState.STARTING, "resuming its conversation", 5.0)
        yield PeerState(waits, starting, self._keep(handed))
        leaves = peer("worker-4")
        yield PeerState(leaves, session(leaves, SessionState.STOPPING, "it was put to sleep", 1.0))

    def _idle(self) -> Iterator[PeerState]:
        for name, ago in (("planner", 40.0), ("queue", 31 * MINUTE), ("relay", 4 * MINUTE)):
            one = peer(name)
            yield PeerState(one, session(one, SessionState.IDLE, "at its prompt", ago))
        refused = peer("storage")
        words = "API Error: 400 prompt is too long: 214003 tokens"
        refusal = Refusal("01977", words)
        yield PeerState(refused, session(refused, SessionState.IDLE, "at its prompt", 66.0, refusal=refusal))
        busy = peer("builder")
        kept = session(
            busy, SessionState.IDLE, "at its prompt", 2 * HOUR, background="a command, npm run dev"
        )
        yield PeerState(busy, kept)

    def _resting(self) -> Iterator[PeerState]:
        for number, name in enumerate(SERVICES):
            one = peer(name, "codex" if number % 3 == 1 else "claude", (number * number % 50 + 2) * HOUR)
            death = replace(ENDED[(number % 7) // 2], at=one.since)
            yield PeerState(replace(one, last_death=death) if number % 11 else replace(one, generation=0))
        crashed = replace(
            peer("watcher"),
            last_death=LastDeath(Cause.OOM, NOW - HOUR, False, "", "the kernel killed it at 6.2 GiB"),
        )
        yield PeerState(crashed)
        doubt = mail(
            "webhooks",
            "api",
            "Replay the events of Friday.",
            5 * HOUR,
            state=MessageState.UNKNOWN,
            why="it was entered, and its session ended before its program must have written it down",
        )
        yield PeerState(peer("webhooks", "codex", 5 * HOUR), None, self._keep(doubt))
        parked = self._keep(*(mail("sandbox", "me", f"Experiment {n}", (9 - n) * HOUR) for n in range(3)))
        yield PeerState(replace(peer("sandbox", ago=2 * DAY), stopped=True), None, parked)
        checker = peer("checker", wake=WakePolicy.EPHEMERAL, pool=2)
        yield PeerState(replace(checker, last_death=replace(ENDED[0], cause=Cause.EPHEMERAL_DONE, why="")))

    def _mailboxes(self) -> Iterator[PeerState]:
        mine = self._keep(
            mail("me", "scout", "In settings.py, line 40: SESSION_COOKIE_AGE.", 80.0, topic="sessions"),
            mail("me", "reviewer", "Two remarks, both small.", 50 * MINUTE, topic="login"),
        )
        yield PeerState(peer("me", HUMAN, 80.0), None, mine)
        yield PeerState(replace(peer("ci", HUMAN), since=NOW - 21 * DAY))

    def history(self) -> list[Message]:
        """The latest messages of all peers, the oldest first."""
        unfinished = [message for state in self.states for message in state.messages]
        ended = self._keep(
            mail(
                "scout",
                "me",
                "Which tests touch the cache?",
                3 * HOUR,
                topic="cache",
                state=MessageState.DONE,
                accepted_at=NOW - 3 * HOUR + 6,
                done_at=NOW - 3 * HOUR + 61,
            ),
            mail(
                "me",
                "scout",
                "tests/test_cache.py and tests/test_pages.py.",
                3 * HOUR - 60,
                topic="cache",
                state=MessageState.DONE,
                done_at=NOW - 2 * HOUR,
            ),
            mail(
                "mailer",
                "cron",
                "Send the digest before nine.",
                4 * HOUR,
                state=MessageState.EXPIRED,
                why="not taken within its 10m",
                done_at=NOW - 4 * HOUR + 600,
            ),
            mail(
                "video",
                "me",
                "Shrink the trailer.",
                25 * MINUTE,
                state=MessageState.DEAD_LETTER,
                why="its turn was cut off twice: it crashed: exit code 101",
                done_at=NOW - 11 * MINUTE,
            ),
            mail(
                "me",
                "roost",
                "your message to video ended as dead-letter",
                11 * MINUTE,
                state=MessageState.DONE,
                done_at=NOW - 5 * MINUTE,
                notice=Notice("01977", "dead-letter", ""),
            ),
        )
        return sorted((*unfinished, *ended, self.story.message), key=lambda each: each.created_at)

    def _story(self) -> StoredMessage:
        """A message whose turn was cut off once, and which is done."""
        at = NOW - 35 * MINUTE
        text = "Please look at the login form: the error stands below the button."
        (asked,) = self._keep(
            mail(
                "scout",
                "me",
                text,
                35 * MINUTE,
                topic="login",
                state=MessageState.DONE,
                accepted_at=at + 4.5,
                done_at=at + 131,
            )
        )
        (answer,) = self._keep(
            mail(
                "me",
                "scout",
                "It comes from form.css, line 12.",
                33 * MINUTE,
                reply_to=asked.id,
                topic="login",
            )
        )
        first, second = "5c0ffee1" * 4, "5eedf00d" * 4
        steps = (
            (0.1, "woke", None, "to go on with its conversation, which knows the topic"),
            (3.2, "ready", first, "2.9 s"),
            (3.3, "offered", first, HANDED),
            (4.5, "accepted", first, "its transcript has it"),
            (40.0, "cut", first, "it was killed for lack of memory; it is driven again on resume"),
            (41.0, "woke", None, "to go on with its conversation and a turn that was cut off"),
            (45.0, "offered", second, "driven again after its turn was cut off"),
            (46.1, "accepted", second, "its transcript has it"),
            (131.0, "done", second, "its turn is over"),
        )
        attempts = tuple(
            Attempt(n, at + took, named, outcome, why)
            for n, (took, outcome, named, why) in enumerate(steps, 1)
        )
        return StoredMessage(asked, attempts, (answer,))
