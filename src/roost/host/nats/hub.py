"""The connection to a hub, opened when it is first needed and opened again after every loss."""

# The stubs of nats-py leave out what goes along by name.
# pyright: reportUnknownMemberType=false

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from roost.host.errors import CarrierGone
from roost.host.tls import NAME, client_context

ANSWER = 5.0
"""Seconds for the hub to answer."""
PROBE = 3
"""Seconds for it to answer where nothing but an answer is asked."""
FAULTS = (nats.errors.Error, nats.js.errors.Error, OSError)
"""What asking a hub raises (a time-out is an OSError)."""
_log = logging.getLogger("roost.nats")


class Hub:
    """One connection, for all that is asked of the hub over it."""

    def __init__(
        self,
        name: str,
        servers: Sequence[str],
        *,
        replicas: int = 1,
        provides: bool = True,
        **options: Any,  # noqa: ANN401 -- of nats-py
    ) -> None:
        """`name`: how the hub's own log calls it. `options` go to `nats.connect`: see `shown_by`.

        `replicas`: how many servers of the hub keep what is made over this connection. `provides`: what the
        hub keeps for a host is made over it; False: there is a registrar, which does so.
        """
        self.provides = provides
        self.replicas = replicas
        self._name = name
        self._servers = list(servers)
        self._options = options
        self._client: Client | None = None
        self._opening = asyncio.Lock()
        self._failures, self._why = 0, ""
        self.losses = 0
        """How often the connection was lost."""

    async def stream(self) -> JetStreamContext:
        """JetStream over the connection. Raises CarrierGone."""
        return (await self.client()).jetstream(timeout=ANSWER)

    async def doubt(self) -> None:
        """Something was not answered in time: a connection on which nothing comes back is given up.

        Nobody tells of a half-open one, and what waits there to be sent may wait for a quarter of an hour.
        """
        client = self._client
        if client is None or not client.is_connected:
            return
        try:
            await client.flush(timeout=PROBE)
        except FAULTS:
            _log.warning("the hub does not answer: it is connected to anew")
            self._gone(client)
            await _leave(client)

    async def close(self) -> None:
        """End the connection."""
        client, self._client = self._client, None
        if client is not None:
            await _leave(client)

    async def client(self) -> Client:
        """The connection itself; another one after each loss. Raises CarrierGone."""
        failures = self._failures
        async with self._opening:
            if self._failures > failures:
                raise CarrierGone(self._why)  # what was just tried is not tried again for each who waited
            if self._client is not None and not self._client.is_connected:
                self._gone(self._client)
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> Client:
        """A connection that ends when it is lost.

        nats-py 2.16 comes back from some losses by itself, and from others never.
        """
        client = Client()

        async def lost() -> None:
            self._gone(client)

        try:
            async with asyncio.timeout(2 * ANSWER):
                await client.connect(
                    self._servers,
                    name=f"roost {self._name}",
                    connect_timeout=int(ANSWER),
                    allow_reconnect=False,
                    max_reconnect_attempts=1,  # 0 would be for ever
                    reconnect_time_wait=0,
                    ping_interval=10,
                    max_outstanding_pings=2,
                    error_cb=_told,
                    disconnected_cb=lost,
                    **self._options,
                )
        except (*FAULTS, ValueError) as error:
            await _leave(client)
            self._failures += 1
            self._why = _why(error)
            raise CarrierGone(self._why) from error
        # nats-py 2.16 leaves to nobody what its reading has ended with.
        reading: asyncio.Task[object] | None = getattr(client, "_reading_task", None)
        if reading is not None:
            reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return client

    def _gone(self, client: Client) -> None:
        if self._client is client:
            self._client = None
            self.losses += 1


def shown_by(seed: str, authority: str, inbox: str) -> dict[str, Any]:
    """The options of a connection: whose seed, which authority (PEM) vouches for the hub, where answers come.

    "" for what a hub without users or without certificates does not ask for.
    """
    options: dict[str, Any] = {"inbox_prefix": inbox}
    if seed:
        options["nkeys_seed_str"] = seed
    if authority:
        options |= {"tls": client_context(authority), "tls_hostname": NAME}
    return options


def _why(error: Exception) -> str:
    """Why there is no connection."""
    if "authorization violation" in str(error).lower():
        return "the hub does not let this host in: it left, was revoked, or its token is over"
    return f"the hub is not reached: {words(error)}"


async def _leave(client: Client) -> None:
    """End a connection. What waits to be sent to nobody may keep it for a while."""
    with contextlib.suppress(*FAULTS):
        async with asyncio.timeout(PROBE):
            await client.close()


async def _told(error: Exception) -> None:
    _log.debug("the hub: %s", words(error))


def words(error: BaseException) -> str:
    """What an error of nats-py says."""
    return str(error).removeprefix("nats: ") or type(error).__name__
