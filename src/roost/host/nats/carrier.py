"""Frames between hosts over NATS JetStream: each host has a stream of its own on the hub, which keeps them.

JetStream carries and is no ledger: a frame that it loses or brings twice is seen to by what stands above.
"""

# The stubs of nats-py leave out what goes along by name.
# pyright: reportUnknownMemberType=false

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StreamConfig

from roost.host.errors import CarrierGone
from roost.host.interfaces.carrier import Carried

ANSWER = 5.0
"""Seconds for the hub to answer."""
AGAIN = 5.0
"""Seconds after which a frame that was not dealt with comes again."""
FETCH = 32
"""Frames that are fetched together."""
KEPT = 7 * 86400.0
"""Seconds for which the hub keeps a frame of a host that is away; the sender keeps its entries for longer."""
BYTES = 256 * 1024 * 1024
"""Bytes that the hub keeps for one host; more is refused until it has taken some."""
_CONSUMER = "roost"
_log = logging.getLogger("roost.nats")


class NatsCarrier:
    """One host's way to a hub. Connects when it is first asked for something, and again after every loss."""

    def __init__(self, host: str, servers: Sequence[str], **options: Any) -> None:  # noqa: ANN401 -- of nats-py
        """`options` go to `nats.connect`: how this host shows who it is."""
        self._host = host
        self._servers = list(servers)
        self._options = options
        self._client: Client | None = None
        self._opening = asyncio.Lock()
        self._frames: deque[Msg] = deque()
        self._pulls: JetStreamContext.PullSubscription | None = None

    async def open(self) -> None:
        """See Carrier."""
        await self._connected()
        try:
            self._pulls = self._pulls or await self._subscribed()
        except (nats.errors.Error, nats.js.errors.Error, OSError) as error:
            raise CarrierGone(f"the hub gives nothing out: {_words(error)}") from error

    async def send(self, host: str, frame: bytes) -> None:
        """See Carrier."""
        stream = (await self._connected()).jetstream(timeout=ANSWER)
        try:
            await stream.publish(f"roost.to.{host}.from.{self._host}", frame, timeout=ANSWER)
        except nats.js.errors.NoStreamResponseError as error:
            raise CarrierGone(f"the hub knows no host '{host}'") from error
        except (nats.errors.Error, nats.js.errors.Error, OSError) as error:
            raise CarrierGone(f"the hub does not take it: {_words(error)}") from error

    async def receive(self) -> Carried:
        """See Carrier."""
        while not self._frames:
            self._frames.extend(await self._fetch())
        message = self._frames.popleft()

        async def done() -> None:
            with contextlib.suppress(nats.errors.Error, nats.js.errors.Error, OSError):
                await message.ack()  # else it comes again

        return Carried(message.subject.rpartition(".")[2], message.data, done)

    async def close(self) -> None:
        """See Carrier."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
                await client.close()

    async def _fetch(self) -> list[Msg]:
        """What has come, in order; nothing after a while. Raises CarrierGone."""
        await self.open()
        assert self._pulls is not None  # noqa: S101 -- opened just now
        try:
            return await self._pulls.fetch(FETCH, timeout=ANSWER)
        except (nats.errors.TimeoutError, nats.js.errors.FetchTimeoutError):
            return []
        except (nats.errors.Error, nats.js.errors.Error, OSError) as error:
            self._pulls = None  # what is kept of it may be of a hub that lost it
            raise CarrierGone(f"the hub gives nothing out: {_words(error)}") from error

    async def _connected(self) -> Client:
        """The connection. Raises CarrierGone."""
        async with self._opening:
            if self._client is None:
                try:
                    self._client = await nats.connect(
                        self._servers,
                        name=f"roost {self._host}",
                        connect_timeout=int(ANSWER),
                        max_reconnect_attempts=-1,
                        reconnect_time_wait=1,
                        ping_interval=10,
                        max_outstanding_pings=2,
                        error_cb=_told,
                        **self._options,
                    )
                except (nats.errors.Error, OSError, TimeoutError) as error:
                    raise CarrierGone(f"the hub is not reached: {_words(error)}") from error
            if not self._client.is_connected:
                raise CarrierGone("the hub is not reached; tried again and again")
            return self._client

    async def _subscribed(self) -> JetStreamContext.PullSubscription:
        """This host's stream and its consumer, made where they are not there."""
        assert self._client is not None  # noqa: S101 -- connected just now
        stream = self._client.jetstream(timeout=ANSWER)
        name = f"ROOST_{self._host.upper()}"
        await stream.add_stream(
            StreamConfig(
                name=name,
                subjects=[f"roost.to.{self._host}.from.*"],
                retention=RetentionPolicy.WORK_QUEUE,
                discard=DiscardPolicy.NEW,
                max_age=KEPT,
                max_bytes=BYTES,
            )
        )
        await stream.add_consumer(
            name,
            ConsumerConfig(durable_name=_CONSUMER, ack_policy=AckPolicy.EXPLICIT, ack_wait=AGAIN),
        )
        return await stream.pull_subscribe_bind(consumer=_CONSUMER, stream=name)


async def _told(error: Exception) -> None:
    _log.debug("the hub: %s", _words(error))


def _words(error: BaseException) -> str:
    return str(error).removeprefix("nats: ") or type(error).__name__
