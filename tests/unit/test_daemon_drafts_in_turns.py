"""What is typed into a turn that runs, and the keys that end one."""

from typing import Any

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Timing
from roost.core.vocabulary.session import ControlKind, ControlRequest, SessionState
from roost.daemon.delivery.paste.control import Performer
from roost.host.interfaces.terminals import PasteOutcome
from roost.runtimes.runtime import Controls
from roost.runtimes.view import Composer, Reading, View
from tests.unit.test_daemon_drafts import EMPTY, MIXED, OFFERED, OURS, URGENT, Desk, in_turn


@pytest.mark.parametrize(
    ("view", "steers", "words"),
    [
        (EMPTY, False, "not at its prompt: in a turn"),
        (View(Composer.HIDDEN, "Allow it?"), True, "a dialog is open: Allow it?"),
        (MIXED, True, "a draft stands"),
        (EMPTY, True, None),
    ],
    ids=["not asked for", "a dialog", "a draft", "empty"],
)
async def test_a_turn_is_typed_into_only_if_asked_and_onto_nothing(
    view: View, words: str | None, *, steers: bool
) -> None:
    desk = in_turn(view)
    refusal = await desk.prompt().wait_free(desk.open_offer(URGENT), steers=steers)
    assert refusal is None if words is None else words in (refusal or "")


async def test_what_a_turn_keeps_is_waited_for_until_the_turn_is_over() -> None:
    desk = in_turn(View(Composer.FILLED, draft=OURS))
    rest = desk.sleep

    async def sleep(seconds: float) -> None:
        await rest(seconds)
        if desk.at > 1600.0:
            desk.reading = Reading(SessionState.IDLE, "at its prompt")

    desk.sleep = sleep  # type: ignore[method-assign]
    event = await desk.submit(URGENT)
    assert isinstance(event, f.OfferFailed)
    assert not event.certain
    assert desk.typed == ["Enter"]
    assert 1600.0 < desk.at < 1640.0
    assert "the running turn has not taken it yet" in desk.reports[0]


@pytest.mark.parametrize("timing", Timing)
async def test_an_urgent_text_of_ours_that_was_left_in_the_input_line_is_entered_in_the_turn(
    timing: Timing,
) -> None:
    desk = in_turn(View(Composer.FILLED, draft=OURS), replace(OFFERED, timing=timing))
    rest = desk.sleep

    async def sleep(seconds: float) -> None:
        await rest(seconds)
        if desk.typed or desk.at > 1010.0:
            desk.state = replace(desk.state, messages=())

    desk.sleep = sleep  # type: ignore[method-assign]
    await desk.examine(replace(OFFERED, timing=timing))
    assert desk.typed == (["Enter"] if timing is Timing.NOW else [])


async def test_a_look_between_two_pictures_of_the_screen_does_not_keep_the_enter_from_an_urgent_text() -> (
    None
):
    """Gemini CLI 0.61.0 on a busy machine: its turn ran on, and the text stood in its input line unsaid."""
    desk, stands = in_turn(), View(Composer.FILLED, draft=OURS)
    shown = iter([View(Composer.FILLED, draft=OURS[:60]), View(Composer.HIDDEN), EMPTY])

    async def look(*, screen: bool) -> Reading:
        if desk.sees(screen=screen):
            desk.view = EMPTY if desk.typed else next(shown, stands)
        if desk.typed or desk.at > 1100.0:
            desk.state = replace(desk.state, messages=())
        return desk.reading

    desk.look = look  # type: ignore[method-assign]
    await desk.submit(URGENT)
    assert desk.typed == ["Enter"]


async def test_P7_no_enter_follows_what_was_seen_before_a_turn_went_on() -> None:
    """Our text stood there when it was looked at last; meanwhile a person has typed into it."""
    desk = in_turn()
    desk.view = View(Composer.FILLED, draft=OURS)

    async def look(*, screen: bool) -> Reading:
        if desk.sees(screen=screen):
            desk.view, desk.pressed = MIXED, desk.at
        return desk.reading

    desk.look = look  # type: ignore[method-assign]
    await desk.submit(URGENT)
    assert desk.typed == []


async def test_P7_a_command_of_which_a_look_saw_a_part_is_entered_once_all_of_it_shows() -> None:
    desk, asked = Desk(EMPTY, None), ControlRequest(ControlKind.COMPACT, "operator", 1000.0)
    desk.controls = Controls(clear=("C-u",), compact="/compress")
    desk.state = replace(desk.state, session=replace(desk.session, control=asked), messages=())
    desk.context, desk.compacted_at, drawn = desk, 0.0, iter(["/comp", "/compre"])

    async def paste(_text: bytes) -> PasteOutcome:
        desk.view = View(Composer.FILLED, draft="/comp")
        return PasteOutcome.PASTED

    async def look(*, screen: bool) -> Reading:
        desk.sees(screen=screen)
        if desk.typed:
            desk.compacted_at = desk.at
        elif desk.view is not EMPTY:
            desk.view = View(Composer.FILLED, draft=next(drawn, "/compress"))
        return desk.reading

    desk.paste, desk.look = paste, look  # type: ignore[method-assign]
    parts: Any = (desk, desk, desk, desk, asked)
    performed = await Performer(*parts).compact()
    assert (performed.failed, desk.typed) == (None, ["Enter"])


async def test_the_key_that_ends_a_turn_is_not_pressed_twice_within_two_seconds_by_two_requests() -> None:
    """The second one still sees the turn that the first has just ended; Ctrl-C twice ends Aider."""
    desk, asked = in_turn(), ControlRequest(ControlKind.INTERRUPT, "operator", 1000.0)
    desk.controls = Controls(interrupt=("C-c",), shows=False)
    desk.state = replace(desk.state, session=replace(desk.session, control=asked), messages=())
    pressed: list[float] = []

    async def keys(*_names: str, label: str = "") -> None:
        del label
        pressed.append(desk.at)

    async def look(*, screen: bool) -> Reading:
        desk.sees(screen=screen)
        return Reading(SessionState.IDLE, "") if ends and desk.at >= ends[0] else desk.reading

    desk.keys, desk.look = keys, look  # type: ignore[method-assign]
    for seconds in (0.5, 4.0):
        ends = [desk.at + seconds]
        parts: Any = (desk, desk, desk, desk, asked)
        assert (await Performer(*parts).interrupt()).failed is None
    first, second = pressed
    assert second - first > 2.0
