"""How long a delivery waits for a person, and what it says then; whose text gets the Enter."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from roost.core.decide import decide
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.message import HANDED, Examination, Message, MessageState, Timing
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Session as CoreSession
from roost.core.vocabulary.session import SessionState, WakeCause
from roost.core.vocabulary.view import shown
from roost.daemon.delivery.open_offer import OpenOffer
from roost.daemon.delivery.paste.delivery import Delivery
from roost.daemon.delivery.paste.examination import LiveExamination
from roost.daemon.delivery.paste.prompt import DRAFT_WAIT, Prompt
from roost.daemon.delivery.paste.submission import MIXED_WAIT, Submission
from roost.daemon.session.free_line import FreeLine
from roost.daemon.session.live_sessions import HandOver
from roost.host.interfaces.terminals import Frame, Passed, PasteOutcome, Presence
from roost.runtimes.runtime import Controls
from roost.runtimes.view import Composer, Reading, View

OFFERED = Message(
    "0" * 32,
    "asker",
    "worker",
    0.0,
    1,
    "d",
    state=MessageState.OFFERED,
    session="s1",
    attempts=1,
    why=HANDED,
)
OURS = f"[roost message {OFFERED.id} from asker x y [end of roost message {OFFERED.id}: no answer is needed]"
EMPTY, MIXED, PASTE = (
    View(Composer.EMPTY),
    View(Composer.FILLED, draft="a thought"),
    View(Composer.FILLED, draft="[Pasted text #1]", collapsed=True),
)


class Desk:
    """A terminal with a person at it, a driver that looks, a clock whose sleeps take no time."""

    def __init__(self, view: View, pressed: float | None) -> None:
        session = CoreSession("s1", "worker", 1, "n", WakeCause.FIRST_WAKE, False, 0.0, 0.0)
        session = replace(session, state=SessionState.IDLE, why="at its prompt", ready=True)
        self.state = PeerState(Peer("worker", "5eed", Settings("/w", "demo"), 0.0), session, (OFFERED,))
        self.at = 1000.0
        self.view: View | None = view
        self.pressed = pressed
        self.labels = Passed()
        self.entered: Any = None
        self.handover: HandOver | None = None
        self.typed: list[str] = []
        self.reports: list[str] = []
        self.session, self.peer, self.screen = session, "worker", ""
        self.terminal = self.sensor = self.runtime = self
        self.records, self.submit_delay = True, 0.0
        self.traits, self.controls = Traits(steers=True), Controls(clear=("C-u",))
        self.rejected, self.free, self.pasted = "", FreeLine(), b""
        self.interrupting: frozenset[str] = frozenset()
        self.interrupted: float | None = None
        self.frame: Frame | None = None
        self.context: Any = None
        self.home, self.compacted_at = Path("/nowhere"), 0.0
        self.typing, self.clearing = asyncio.Lock(), False
        self.reading = Reading(SessionState.IDLE, "at its prompt")

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds

    async def look(self, *, screen: bool) -> Reading:
        self.sees(screen=screen)
        return self.reading

    def sees(self, *, screen: bool) -> bool:
        """Whether a look sees the screen: one that need not sees that of a program at rest alone."""
        saw = screen or self.reading.state is SessionState.IDLE
        if saw:
            self.frame = Frame("", "", 160, 50)
        return saw

    @property
    def keyed(self) -> float | None:
        return self.pressed

    async def presence(self) -> Presence:
        return Presence(0.0, self.pressed, self.pressed or 0.0)

    async def passed(self) -> Passed:
        return self.labels

    async def paste(self, text: bytes, _label: str) -> PasteOutcome:
        self.view, self.pasted = PASTE, text
        return PasteOutcome.PASTED

    async def keys(self, *names: str, label: str = "") -> None:
        del label
        self.typed += names
        self.view = EMPTY

    def missing(self) -> str:
        return f"it shows: {self.view.shows if self.view else ''}"

    def find(self, _name: str) -> PeerState:
        return self.state

    async def report(self, _name: str, event: Event) -> bool:
        after, _ = decide(self.state, event, self.at, Policy())
        assert after is not None
        self.state = after
        self.reports.append(after.messages[0].why)
        return True

    def prompt(self) -> Prompt:
        parts: Any = (self, self, self, self)
        return Prompt(*parts)

    def open_offer(self, message: Message = OFFERED) -> OpenOffer:
        parts: Any = (self, self, message)
        return OpenOffer(*parts)

    async def submit(self, message: Message = OFFERED) -> Event | None:
        parts: Any = (self, self, self, self.prompt(), self.open_offer(message))
        return await Submission(*parts).submit()

    async def examine(self, message: Message = OFFERED) -> f.Examined:
        parts: Any = (self, self, self, self, message)
        return await LiveExamination(*parts).run(settle=1.5)

    async def offer(self) -> f.OfferFailed:
        parts: Any = (self, self, self, self)
        event = await Delivery(*parts).offer(c.Offer("s1", "worker", OFFERED, redrive=False), "x")
        assert isinstance(event, f.OfferFailed)
        return event


@pytest.mark.parametrize(("view", "words"), [(MIXED, "a draft stands"), (EMPTY, "a person is typing")])
async def test_a_delivery_waits_for_a_person_for_a_bounded_time_and_tells_once(
    view: View, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(view, 1000.0)
    monkeypatch.setattr(desk, "sleep", typing(desk))
    failed = await desk.offer()
    assert DRAFT_WAIT <= desk.at - 1000.0 < DRAFT_WAIT + 1
    assert (failed.certain, failed.person, desk.typed) == (True, True, [])
    assert desk.reports == [failed.why]
    assert words in failed.why
    waits = shown(desk.state, desk.at)
    assert words in waits.why
    state, commands = decide(desk.state, failed, desk.at, Policy())
    assert state is not None
    assert state.messages[0].state is MessageState.QUEUED
    assert words in shown(state, desk.at).why
    (told,) = [command for command in commands if isinstance(command, c.Notify)]
    assert (told.to, told.notice.outcome) == ("asker", "waits")
    again = replace(state, messages=(OFFERED,))
    _, commands = decide(again, failed, desk.at, Policy())
    assert not any(isinstance(command, c.Notify) for command in commands), "told once"


def typing(desk: Desk) -> Any:  # noqa: ANN401 -- stands in for a method
    """While time passes, the person presses keys."""

    async def sleep(seconds: float) -> None:
        desk.at += seconds
        desk.pressed = desk.at

    return sleep


async def test_a_key_that_seems_to_come_from_the_future_holds_nothing_up() -> None:
    """The clock was set back by an hour since the person's last key."""
    desk = Desk(EMPTY, 4600.0)
    assert await desk.prompt().wait_free(desk.open_offer()) is None
    assert desk.at == 1000.0


@pytest.mark.parametrize(
    ("before", "after", "entered"),
    [(None, None, True), (900.0, 900.0, True), (900.0, None, True), (900.0, 1001.0, False)],
    ids=["nobody", "somebody who only looks", "somebody who left", "somebody who typed"],
)
async def test_a_placeholder_gets_an_enter_unless_somebody_may_have_made_it(
    before: float | None, after: float | None, *, entered: bool
) -> None:
    desk = Desk(PASTE, after)
    desk.handover = HandOver(OFFERED.id, 1, 999.0, touched=before)
    await desk.submit()
    assert bool(desk.typed) is entered


async def test_a_draft_is_in_doubt_only_after_a_bound_and_never_entered() -> None:
    desk = Desk(MIXED, None)
    found = await desk.examine()
    assert found.verdict is Examination.UNCLEAR
    assert desk.at - 1000.0 >= MIXED_WAIT
    assert "send or clear it" in desk.reports[0]
    assert desk.typed == []


async def test_our_own_text_is_entered_whoever_is_there() -> None:
    desk = Desk(View(Composer.FILLED, draft=OURS), 1000.0)
    await desk.submit()
    assert desk.typed == ["Enter"]


async def test_C10_what_an_offer_waits_for_is_what_is_in_its_way_now() -> None:
    """The person who typed has gone, and the paste leaves no trace."""
    desk = Desk(EMPTY, 999.0)
    failed = await desk.offer()
    assert [desk.reports[0], desk.reports[1]] == ["a person is typing in its terminal", HANDED]
    assert "nothing tells yet" in desk.reports[2]
    assert not failed.certain


async def test_C10_a_text_of_an_earlier_offer_of_the_same_message_is_taken_back() -> None:
    """It was not entered: that it was taken became known while it was being pasted."""
    desk = Desk(View(Composer.FILLED, draft=OURS), None)
    desk.handover = HandOver(OFFERED.id, OFFERED.attempts - 1, 900.0)
    await desk.offer()
    assert desk.typed == ["C-u", "Enter"]


async def test_N4_a_paste_that_its_program_has_not_read_yet_is_waited_for_and_entered() -> None:
    """Nothing stands at the prompt, and no record names it: that does not prove that it was not pasted."""
    desk = Desk(View(Composer.HIDDEN, shows="Pasting…"), None)
    desk.handover = HandOver(OFFERED.id, OFFERED.attempts, 990.0)

    async def look(*, screen: bool) -> Reading | None:
        desk.sees(screen=screen)
        if desk.typed:
            desk.state = replace(desk.state, messages=())
        elif desk.at > 1060.0:
            desk.view = View(Composer.FILLED, draft=OURS)
        return None if desk.at <= 1060.0 else desk.reading

    desk.look = look  # type: ignore[method-assign]
    await desk.examine()
    assert desk.typed == ["Enter"]
    assert desk.reports[0] == "it shows: Pasting…"


async def test_P1_a_text_is_pasted_as_its_program_takes_all_of_it() -> None:
    desk = Desk(EMPTY, None)
    desk.controls = Controls(pastes=lambda text: f"({text})")
    await desk.offer()
    assert desk.pasted == b"(x)"


class SlowDesk(Desk):
    """Its program draws what a key has done after 0.3 seconds; each key takes one line of our text."""

    def __init__(self, lines: int, *, typing: bool = False) -> None:
        super().__init__(View(Composer.FILLED, draft=OURS), None)
        self.lines, self.drawn, self.comes = lines, 0.0, typing
        self.handover = HandOver(OFFERED.id, OFFERED.attempts - 1, 900.0)

    async def keys(self, *names: str, label: str = "") -> None:
        del label
        self.typed += names
        self.drawn = self.at + 0.3
        if self.comes:
            self.pressed = 999.0

    async def look(self, *, screen: bool) -> Reading:
        if self.drawn and self.at >= self.drawn:
            self.drawn, self.lines = 0.0, self.lines - 1
            self.screen = f"{self.lines} lines"
            self.view = View(Composer.FILLED, draft=OURS[:40]) if self.lines else EMPTY
        return await super().look(screen=screen)


@pytest.mark.parametrize("lines", [1, 3])
async def test_C10_the_keys_that_remove_a_text_are_pressed_again_only_where_a_newer_picture_shows_some_left(
    lines: int,
) -> None:
    desk = SlowDesk(lines)
    assert await desk.prompt().wait_free() is None
    assert desk.typed == ["C-u"] * lines


async def test_C10_no_text_is_removed_any_more_once_somebody_presses_a_key() -> None:
    desk = SlowDesk(3, typing=True)
    assert await desk.prompt().wait_free() == "a draft stands in its input line"
    assert desk.typed == ["C-u"]


async def test_C10_a_refused_text_is_left_to_whoever_types_in_the_terminal_now() -> None:
    """Both saw the same picture of it, and each pressed keys."""
    desk = SlowDesk(1)
    async with desk.typing:
        await desk.prompt().take_back_late(1.0)
    assert desk.typed == []
    await desk.prompt().take_back_late(1.0)
    assert desk.typed == ["C-u"]


async def test_a_key_that_seems_to_come_from_the_future_keeps_no_text_of_ours_in_the_input_line() -> None:
    desk = Desk(View(Composer.FILLED, draft=OURS), 5000.0)
    desk.handover = HandOver(OFFERED.id, OFFERED.attempts - 1, 900.0)
    await desk.offer()
    assert desk.typed[0] == "C-u"


EARLIER, LATER = f"{'1' * 32}:1:", f"{'2' * 32}:1:"
BACK = f"interrupt:0/900:{EARLIER}"


@pytest.mark.parametrize(
    ("labels", "pressed", "ours"),
    [
        (Passed(EARLIER, BACK), 900.0, True),
        (Passed(EARLIER, BACK), 901.0, False),
        (Passed(LATER, BACK), 900.0, False),
        (Passed(EARLIER), 900.0, False),
        (Passed(), None, False),
    ],
    ids=["put back", "a key since", "pasted since", "not interrupted", "nothing is known"],
)
async def test_P7_a_placeholder_is_taken_back_only_by_what_the_terminal_keeps_of_an_interrupt(
    labels: Passed, pressed: float | None, ours: bool
) -> None:
    """Also by a daemon that began later and remembers nothing of it."""
    desk = Desk(PASTE, pressed)
    desk.labels = labels
    await desk.prompt().wait_free()
    assert desk.typed == (["C-u"] if ours else [])


@pytest.mark.parametrize(
    ("view", "pressed", "marked"),
    [(EMPTY, 900.0, True), (EMPTY, 999.0, False), (MIXED, 900.0, False)],
    ids=["empty", "somebody types", "a draft"],
)
async def test_P7_an_interrupt_is_a_proof_only_over_an_empty_line_that_nobody_types_into(
    view: View, pressed: float, marked: bool
) -> None:
    desk = Desk(view, pressed)
    desk.labels = Passed(EARLIER)
    assert await desk.prompt().mark_interrupt() == (BACK if marked else "")


IN_TURN = Reading(SessionState.WORKING, "in a turn")
URGENT = replace(OFFERED, timing=Timing.NOW)


def in_turn(view: View = EMPTY, message: Message = URGENT) -> Desk:
    desk = Desk(view, None)
    desk.reading = IN_TURN
    desk.state = replace(desk.state, messages=(message,))
    return desk
