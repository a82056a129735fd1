"""Frames between hosts over NATS JetStream: each host has a stream of its own on the hub, which keeps them.

JetStream carries and is no ledger: a frame that it loses or brings twice is seen to by what stands above.
"""

# The stubs of nats-py leave out what goes along by name.
# pyright: reportUnknownMemberType=false

import contextlib
import time
from collections import deque

import nats.js.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from roost.host.errors import CarrierGone, CarrierRefused
from roost.host.interfaces.carrier import Carried
from roost.host.nats.hub import ANSWER, FAULTS, Hub, words
from roost.host.nats.streams import make_consumer, make_stream
from roost.host.nats.subjects import CONSUMER, stream_of

LOOK = 30.0
"""Seconds between two looks whether what is kept is given out, while nothing comes."""
FETCH = 32
"""Frames that are fetched together."""


class NatsCarrier:
    """One host's way to a hub."""

    def __init__(self, host: str, hub: Hub) -> None:
        """Send and receive as this host."""
        self._host = host
        self._hub = hub
        self._frames: deque[Msg] = deque()
        self._pulls: JetStreamContext.PullSubscription | None = None
        self._losses, self._looked = 0, 0.0
        self._anew = False  # what gives it out was made anew, and has given nothing out yet

    async def open(self) -> None:
        """See Carrier."""
        stream = await self._hub.stream()
        if self._pulls is not None and self._losses == self._hub.losses:
            return
        await self._let_go()
        losses = self._hub.losses
        try:
            self._pulls = await self._subscribed(stream)
        except FAULTS as error:
            raise CarrierGone(f"the hub gives nothing out: {words(error)}") from error
        self._losses, self._looked = losses, time.monotonic()

    async def send(self, host: str, frame: bytes) -> None:
        """See Carrier."""
        stream = await self._hub.stream()
        try:
            await stream.publish(f"roost.to.{host}.from.{self._host}", frame, timeout=ANSWER)
        except nats.js.errors.NoStreamResponseError as error:
            raise CarrierRefused(f"the hub knows no host '{host}'") from error
        except nats.js.errors.APIError as error:
            raise CarrierRefused(f"the hub does not take it: {words(error)}") from error
        except TimeoutError as error:
            await self._hub.doubt()
            raise CarrierGone("the hub does not answer") from error
        except FAULTS as error:
            raise CarrierGone(f"the hub does not take it: {words(error)}") from error

    async def receive(self) -> Carried:
        """See Carrier."""
        while not self._frames:
            self._frames.extend(await self._fetch())
        message = self._frames.popleft()

        async def done() -> None:
            with contextlib.suppress(*FAULTS):
                await message.ack()  # else it comes again

        return Carried(message.subject.rpartition(".")[2], message.data, done)

    async def close(self) -> None:
        """See Carrier."""
        await self._hub.close()

    async def _fetch(self) -> list[Msg]:
        """What has come, in order; nothing after a while. Raises CarrierGone."""
        await self.open()
        assert self._pulls is not None  # noqa: S101 -- opened just now
        try:
            found = await self._pulls.fetch(FETCH, timeout=ANSWER)
        except (TimeoutError, nats.js.errors.FetchTimeoutError):  # nats-py 2.16 raises asyncio's, too
            if self._anew or time.monotonic() - self._looked > LOOK:
                await self._let_go()  # nothing came for a while: is it given out at all?
            return []
        except FAULTS as error:
            await self._let_go()  # what is kept of it may be of a hub that lost it
            raise CarrierGone(f"the hub gives nothing out: {words(error)}") from error
        self._anew = False
        return found

    async def _let_go(self) -> None:
        pulls, self._pulls = self._pulls, None
        if pulls is not None:
            with contextlib.suppress(*FAULTS):
                await pulls.unsubscribe()

    async def _subscribed(self, stream: JetStreamContext) -> JetStreamContext.PullSubscription:
        """What this host's stream gives out."""
        if self._hub.provides:
            await make_stream(stream, self._host, self._hub.replicas)
        self._anew = await make_consumer(stream, self._host, anew=self._anew)
        return await stream.pull_subscribe_bind(consumer=CONSUMER, stream=stream_of(self._host))
