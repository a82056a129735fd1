"""The channel of each live session, as its runtime has chosen."""

from roost.daemon.delivery.call.channel import CallChannel
from roost.daemon.delivery.channel import Channel
from roost.daemon.delivery.hook.channel import HookChannel
from roost.daemon.delivery.paste.channel import PasteChannel
from roost.daemon.session.driver import Driver
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock


def channel_into(live: LiveSession, driver: Driver, fleet: Fleet, clock: Clock) -> Channel:
    """The way into this session: by call where its program has an API, else by its terminal.

    A person's own terminal is left to them: there its program asks by its hooks.
    """
    if live.call is not None:
        return CallChannel(live, live.call, driver, fleet, clock)
    if live.session.own_terminal:
        return HookChannel(live, driver, fleet, clock)
    return PasteChannel(live, driver, fleet, clock)
