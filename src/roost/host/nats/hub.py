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
CLOSING = 1.0
"""Seconds for a connection to end."""
FAULTS = (nats.errors.Error, nats.js.errors.Error, OSError)
"""What asking a hub raises (a time-out is an OSError)."""
_log = logging.getLogger("roost.nats")


class Hub:
    """One connection, for all that is asked of the hub over it."""

    def __init__(self, name: str, servers: Sequence[str], **options: Any) -> None:  # noqa: ANN401 -- of nats-py
        """`name`: how the hub's own log calls it; `options` go to `nats.connect`: see `shown_by`."""
        self._name = name
        self._servers = list(servers)
        self._options = options
        self._client: Client | None = None
        self._opening = asyncio.Lock()
        self.losses = 0
        """How often the connection was lost."""

    async def stream(self) -> JetStreamContext:
        """JetStream over the connection. Raises CarrierGone."""
        return (await self.client()).jetstream(timeout=ANSWER)

    async def close(self) -> None:
        """End the connection."""
        client, self._client = self._client, None
        if client is not None:
            await _closed(client)

    async def client(self) -> Client:
        """The connection itself; another one after it was closed for good. Raises CarrierGone."""
        async with self._opening:
            if self._client is None or self._client.is_closed:
                self._client = await self._connected()
            if not self._client.is_connected:
                raise CarrierGone(_why(self._client.last_error))
            return self._client

    async def _connected(self) -> Client:
        client = Client()
        try:
            async with asyncio.timeout(ANSWER):  # nats-py tries for ever, and tells nobody
                await client.connect(
                    self._servers,
                    name=f"roost {self._name}",
                    connect_timeout=int(ANSWER),
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    ping_interval=10,
                    max_outstanding_pings=2,
                    error_cb=_told,
                    disconnected_cb=self._lost,
                    **self._options,
                )
        except (*FAULTS, ValueError) as error:
            await _closed(client)
            why = (client.last_error or error) if isinstance(error, TimeoutError) else error
            raise CarrierGone(_why(why)) from error
        return client

    async def _lost(self) -> None:
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


def _why(error: Exception | None) -> str:
    """Why there is no connection, as the last try tells."""
    if error is None:
        return "the hub is not reached; it is tried again and again"
    if "authorization violation" in str(error).lower():
        return (
            "the hub does not let this host in: it has left or was revoked, or its token is used up or over"
        )
    return f"the hub is not reached: {words(error)}"


async def _closed(client: Client) -> None:
    """End a connection. nats-py 2.16 waits for ever where TLS did not come about."""
    with contextlib.suppress(*FAULTS):
        async with asyncio.timeout(CLOSING):
            await client.close()


async def _told(error: Exception) -> None:
    _log.debug("the hub: %s", words(error))


def words(error: BaseException) -> str:
    """What an error of nats-py says."""
    return str(error).removeprefix("nats: ") or type(error).__name__
