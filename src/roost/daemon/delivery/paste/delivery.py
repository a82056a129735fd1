"""The delivery of one message to a session, idle or in a turn: a free prompt, the paste, its submission."""

from roost.core.vocabulary.commands import Offer
from roost.core.vocabulary.events import Event
from roost.daemon.delivery.open_offer import OpenOffer
from roost.daemon.delivery.paste import label
from roost.daemon.delivery.paste.prompt import DRAFT, LEFT, TYPES, Prompt
from roost.daemon.delivery.paste.submission import Submission
from roost.daemon.session.driver import Driver
from roost.daemon.session.live_sessions import HandOver, LiveSession
from roost.daemon.state.fleet import Fleet
from roost.host.errors import PasteRefused, TmuxError
from roost.host.interfaces.clock import Clock
from roost.host.interfaces.terminals import PasteOutcome


class Delivery:
    """One offer, from the look before the paste to the event that ends it."""

    def __init__(self, live: LiveSession, driver: Driver, fleet: Fleet, clock: Clock) -> None:
        """Deliver to this session."""
        self._live = live
        self._driver = driver
        self._fleet = fleet
        self._clock = clock
        self._prompt = Prompt(live, driver, fleet, clock)

    async def offer(self, command: Offer, text: str) -> Event | None:
        """Carry out an offer; returns the event that ends it, None when evidence has ended it already."""
        message = command.message
        offer = OpenOffer(self._live, self._fleet, message)
        submission = Submission(self._live, self._driver, self._clock, self._prompt, offer)
        async with self._live.typing:
            failed = await self._paste(command, text, offer) or await submission.enter()
        return failed if failed is not None else await submission.conclude()

    async def _paste(self, command: Offer, text: str, offer: OpenOffer) -> Event | None:
        """Paste it into a free input line; what ends the offer when that was not possible."""
        message = command.message
        try:
            refusal = await self._prompt.wait_free(offer, steers=command.steers)
        except TmuxError as error:
            return offer.failed(certain=True, why=f"tmux: {error.message}")
        if refusal is not None:
            return offer.failed(certain=True, why=refusal, person=refusal in (TYPES, DRAFT, LEFT))
        await offer.waits(message.why)  # nothing is in its way any more
        try:
            mark = label.pasted_label(message, self._prompt.trace)
            pasted = self._live.runtime.controls.pastes(text).encode()
            outcome = await self._live.terminal.paste(pasted, mark)
        except PasteRefused as error:
            return offer.failed(certain=True, why=error.message)
        except TmuxError as error:
            return offer.failed(certain=False, why=f"the paste was cut short: {error.message}")
        if outcome is PasteOutcome.DEAD:
            return offer.failed(certain=True, why="the agent was gone before the paste")
        self._live.handover = HandOver(
            message.id,
            message.attempts,
            self._clock.monotonic(),
            touched=self._prompt.touched,
            trace=self._prompt.trace,
        )
        return None
