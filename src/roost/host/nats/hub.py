"""The connection to a hub, opened when it is first needed and opened again after every loss."""

# The stubs of nats-py leave out what goes along by name.
# pyright: reportUnknownMemberType=false

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from roost.host.errors import CarrierGone

ANSWER = 5.0
"""Seconds for the hub to answer."""
FAULTS = (nats.errors.Error, nats.js.errors.Error, OSError)
"""What asking a hub raises (a time-out is an OSError)."""
_log = logging.getLogger("roost.nats")


class Hub:
    """One host's connection, for all that it asks of the hub."""

    def __init__(
        self,
        host: str,
        servers: Sequence[str],
        *,
        replicas: int = 1,
        **options: Any,  # noqa: ANN401 -- of nats-py
    ) -> None:
        """`options` go to `nats.connect`: how this host shows who it is.

        `replicas`: how many servers of the hub keep what is made over this connection.
        """
        self.replicas = replicas
        self._host = host
        self._servers = list(servers)
        self._options = options
        self._client: Client | None = None
        self._opening = asyncio.Lock()
        self.losses = 0
        """How often the connection was lost."""

    async def stream(self) -> JetStreamContext:
        """JetStream over the connection. Raises CarrierGone."""
        return (await self._connected()).jetstream(timeout=ANSWER)

    async def close(self) -> None:
        """End the connection."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(*FAULTS):
                await client.close()

    async def _connected(self) -> Client:
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
                        disconnected_cb=self._lost,
                        **self._options,
                    )
                except FAULTS as error:
                    raise CarrierGone(f"the hub is not reached: {words(error)}") from error
            if not self._client.is_connected:
                raise CarrierGone("the hub is not reached; it is tried again and again")
            return self._client

    async def _lost(self) -> None:
        self.losses += 1


async def _told(error: Exception) -> None:
    _log.debug("the hub: %s", words(error))


def words(error: BaseException) -> str:
    """What an error of nats-py says."""
    return str(error).removeprefix("nats: ") or type(error).__name__
