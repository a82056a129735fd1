"""What all hosts see alike, in a key-value bucket of the hub.

A watcher may go silent after the hub was away: it is begun anew with each loss of the connection, and where
the bucket has come further than it has.
"""

# The stubs of nats-py leave out what goes along by name.
# pyright: reportUnknownMemberType=false

import contextlib
import time
from collections.abc import AsyncGenerator, Mapping

import nats.errors
import nats.js.errors
from nats.js.kv import KeyValue

from roost.host.errors import CarrierGone
from roost.host.nats.hub import FAULTS, Hub, words
from roost.host.nats.streams import make_bucket
from roost.host.nats.subjects import BUCKET

SYNC = 15.0
"""Seconds between two looks whether the watcher has missed something."""
_LOOK = 1.0
"""Seconds to wait for a change until the connection is looked at."""


class NatsDirectory:
    """One host's way to the bucket."""

    def __init__(self, hub: Hub) -> None:
        """Use this connection."""
        self._hub = hub
        self._bucket: KeyValue | None = None
        self._losses = 0

    async def put(self, key: str, value: bytes) -> None:
        """See Directory."""
        bucket = await self._opened()
        try:
            await bucket.put(key, value)
        except TimeoutError as error:
            await self._hub.doubt()
            raise CarrierGone("the hub does not answer") from error
        except FAULTS as error:
            self._bucket = None
            raise CarrierGone(f"the hub does not take it: {words(error)}") from error

    async def follow(self) -> AsyncGenerator[Mapping[str, bytes], None]:
        """See Directory."""
        while True:
            bucket = await self._opened()
            losses = self._hub.losses
            try:
                async for changed in self._watch(bucket, losses):
                    yield changed
            except FAULTS as error:
                self._bucket = None
                raise CarrierGone(f"the hub tells nothing: {words(error)}") from error

    async def _watch(self, bucket: KeyValue, losses: int) -> AsyncGenerator[Mapping[str, bytes], None]:
        """All values, then the changes, until the watcher may have missed one."""
        watcher = await bucket.watchall()
        try:
            found: dict[str, bytes] = {}
            last, there, looked, begun = 0, 0, time.monotonic(), False
            while self._hub.losses == losses:
                try:
                    entry = await watcher.updates(timeout=_LOOK)
                    begun = begun or entry is None
                except nats.errors.TimeoutError:
                    entry = None
                    if begun and last < there:
                        return
                if isinstance(entry, KeyValue.Entry):
                    last = max(last, entry.revision or 0)
                    if entry.value is not None and entry.operation is None:
                        found[entry.key] = entry.value
                if begun and (entry is None or found):
                    yield found
                    found = {}
                if time.monotonic() - looked > SYNC:
                    looked = time.monotonic()
                    if not begun:
                        return
                    # What is on its way may not have come yet: it has until the next second of silence.
                    there = (await bucket.status()).stream_info.state.last_seq
        finally:
            with contextlib.suppress(*FAULTS):  # of a connection that is gone
                await watcher.stop()

    async def _opened(self) -> KeyValue:
        stream = await self._hub.stream()
        if self._bucket is None or self._losses != self._hub.losses:
            self._losses = self._hub.losses
            try:
                if self._hub.provides:
                    self._bucket = await make_bucket(stream, self._hub.replicas)
                else:
                    self._bucket = await stream.key_value(BUCKET)
            except nats.js.errors.NotFoundError as error:
                raise CarrierGone("the hub has no directory yet: the daemon of its host makes it") from error
            except FAULTS as error:
                raise CarrierGone(f"the hub tells nothing: {words(error)}") from error
        return self._bucket
