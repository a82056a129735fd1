"""Does what was asked of a running session: ends its turn, compacts its conversation.

Keys are pressed only on a screen that was seen to want them, and a text is removed from the input line only
when it is our own: the prompt that an interrupted program put back, or the command that was not entered.
"""

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.session import ControlRequest, SessionState
from roost.daemon.delivery.open_control import COMPACT, INTERRUPT, LOOK, OpenControl
from roost.daemon.delivery.paste.prompt import Prompt
from roost.daemon.delivery.paste.submission import ENTERS
from roost.daemon.session.driver import Driver
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.session.window import view_of
from roost.daemon.state.fleet import Fleet
from roost.host.errors import PasteRefused
from roost.host.interfaces.clock import Clock
from roost.host.interfaces.terminals import PasteOutcome
from roost.runtimes.view import Composer, Reading, View

KEY_AGAIN = 2.5
"""Seconds until the key that ends a turn is pressed again, also for another request: a second Escape at a
prompt opens a menu, a second Ctrl-C within two seconds ends Aider."""
SILENT = 15.0
"""Seconds at the prompt, after the command was entered, without a record of a compaction."""
SETTLED = 2.0
"""Seconds at the prompt after which a program that keeps no such record counts as done."""


class Performer:
    """One control request of one live session."""

    def __init__(
        self, live: LiveSession, driver: Driver, fleet: Fleet, clock: Clock, control: ControlRequest
    ) -> None:
        """Do what this request asks of this session."""
        self._live = live
        self._driver = driver
        self._fleet = fleet
        self._clock = clock
        self._open = OpenControl(live, fleet, control)

    async def interrupt(self) -> f.Performed:
        """Press the interrupt key until the turn has ended, and take back what then stands in the input line.

        Raises TmuxError.
        """
        live, controls = self._live, self._live.runtime.controls
        deadline = self._clock.monotonic() + INTERRUPT
        meant = self._open.turn()
        while self._open.stands():
            reading = await self._driver.look(screen=True)
            view, flight, turn = view_of(self._live), self._open.flight(), self._open.turn()
            meant = meant or turn
            # What was typed into the turn and not taken yet begins the next one, which nobody asked to end.
            over = bool(meant and flight) and meant.isdisjoint(turn)
            if _busy(reading, view) and not over:
                live.interrupting = turn or live.interrupting
                mark = await self._prompt().mark_interrupt() if turn else ""
                await self._press(mark)
            elif meant and controls.clear and await self._put_back(view, meant):
                await self._take_back(meant)
            elif reading is not None and (over or not flight):
                return self._open.done()
            if self._clock.monotonic() >= deadline:
                why = f"the turn did not end within {rough_duration(INTERRUPT)}"
                return self._open.done(f"{why}; `roost attach {live.peer}` joins its terminal")
            await self._clock.sleep(LOOK)
        return self._open.done()

    async def _put_back(self, view: View, meant: frozenset[str]) -> bool:
        """Whether the prompt of one of these messages stands in the input line, as text or placeholder."""
        return any(_holds(view, each) for each in meant) or await self._prompt().put_back() is not None

    async def _take_back(self, meant: frozenset[str]) -> None:
        """Remove it; whoever types in the terminal now does that before."""
        if self._live.typing.locked():
            return
        async with self._live.typing:
            await self._driver.look(screen=True)
            if await self._put_back(view_of(self._live), meant):
                await self._prompt().clear()

    async def _press(self, label: str) -> None:
        """Press the key that ends a turn, and again only after a while without any effect."""
        live, now = self._live, self._clock.monotonic()
        if live.interrupted is None or now - live.interrupted >= KEY_AGAIN:
            live.interrupted = now
            await live.terminal.keys(*live.runtime.controls.interrupt, label=label)

    async def compact(self) -> f.Performed:
        """Enter the program's own command as a message is entered, then wait for the record of its end.

        Raises TmuxError.
        """
        command = self._live.runtime.controls.compact or ""
        await self._driver.look(screen=True)
        if not self._open.recorded():
            shows = self._live.runtime.controls.shows
            failed = await (self._entered(command) if shows else self._entered_once(command))
            if failed is not None:
                return self._open.done(failed)
        return await self._compacted()

    async def _pasted(self, command: str, prompt: Prompt) -> str | None:
        """Paste the command into an empty input line; the reason when that was not possible."""
        refusal = await prompt.wait_free()
        if refusal is not None:
            return f"nothing was entered: {refusal}"
        try:
            outcome = await self._live.terminal.paste(command.encode())
        except PasteRefused as error:
            return error.message
        if outcome is PasteOutcome.DEAD:
            return "the agent was gone before the command could be entered"
        await prompt.wait_rendered(
            lambda: _is(view_of(self._live), command), lambda screen: screen.rstrip().endswith(command)
        )
        return None

    async def _entered_once(self, command: str) -> str | None:
        """Paste and enter it where it need not show; nothing is entered after a key of somebody else."""
        prompt = self._prompt()
        failed = await self._pasted(command, prompt)
        if failed is not None:
            return failed
        await self._driver.look(screen=True)
        view = view_of(self._live)
        if view.dialog is not None or not await prompt.alone(prompt.trace):
            shows = view.dialog or "keys were pressed in its terminal meanwhile"
            return f"the command {command} could not be entered; it shows: {shows[:160]}"
        await self._live.terminal.keys("Enter")
        now = self._clock.now()
        self._live.free.entered(now, prompt.trace, now)
        return None

    async def _entered(self, command: str) -> str | None:
        """Paste it unless it stands there, and enter it while it, and nothing else, does."""
        failed = None if _is(view_of(self._live), command) else await self._pasted(command, self._prompt())
        if failed is not None:
            return failed
        if self._open.recorded():
            return None
        for wait in ENTERS:
            view = await self._prompt().drawn(lambda view: _is(view, command), self._open.recorded)
            if view.dialog is not None or not _is(view, command):
                break
            await self._live.terminal.keys("Enter")
            deadline = self._clock.monotonic() + wait
            while self._clock.monotonic() < deadline and self._open.stands():
                await self._driver.look(screen=True)
                if self._open.recorded() or not _is(view_of(self._live), command):
                    return None
                await self._clock.sleep(LOOK)
        view = view_of(self._live)
        if _is(view, command) and view.dialog is None:
            async with self._live.typing:
                await self._driver.look(screen=True)
                if _is(view_of(self._live), command):
                    await self._prompt().clear()
        shows = view.dialog or view.shows or view.draft or "its input line is empty"
        return f"the command {command} could not be entered; it shows: {shows[:160]}"

    def _prompt(self) -> Prompt:
        return Prompt(self._live, self._driver, self._fleet, self._clock)

    async def _compacted(self) -> f.Performed:
        """Wait for the record, not for the prompt: an agent that is busy again has compacted all the same."""
        tells = self._live.runtime.controls.tells
        deadline = self._clock.monotonic() + COMPACT
        quiet: float | None = None
        while self._open.stands():
            reading = await self._driver.look(screen=True)
            now = self._clock.monotonic()
            if self._open.recorded():
                return self._open.done()
            idle = not _busy(reading, view_of(self._live)) and view_of(self._live).composer is Composer.EMPTY
            quiet = (quiet or now) if idle else None
            if quiet is not None and now - quiet >= (SILENT if tells else SETTLED):
                shown = [line.strip() for line in self._live.screen.splitlines() if line.strip()]
                if not tells:
                    note = "the command was entered and it is at its prompt again; no record tells more"
                    return self._open.done(note=note)
                why = "the command was entered and no record of a compaction came"
                return self._open.done(f"{why}; `roost screen {self._live.peer}` shows {len(shown)} lines")
            if now >= deadline:
                return self._open.done(f"no record of its end within {rough_duration(COMPACT)}")
            await self._clock.sleep(LOOK)
        return self._open.done()


def _busy(reading: Reading | None, view: View) -> bool:
    """Whether a turn runs, or a dialog asks something in it."""
    return (
        view.busy
        or view.dialog is not None
        or (reading is not None and reading.state is SessionState.WORKING)
    )


def _holds(view: View, message_id: str) -> bool:
    """Whether the text in the input line is that message: wrapped lines break its id anywhere."""
    return view.composer is Composer.FILLED and message_id in "".join(view.draft.split())


def _is(view: View, command: str) -> bool:
    return view.composer is Composer.FILLED and view.draft in (command, "")
