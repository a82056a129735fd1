"""What the hub keeps for a fleet: a stream and a consumer for each host, and the bucket.

Each host makes its consumer. The registrar makes the rest; where a hub has none, and lets everybody do
everything, each host does.
"""

# The stubs of nats-py leave out what goes along by name.
# pyright: reportUnknownMemberType=false

import contextlib
import logging

import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    KeyValueConfig,
    RetentionPolicy,
    StreamConfig,
)
from nats.js.kv import KeyValue

from roost.host.nats.forgotten import forgotten
from roost.host.nats.subjects import BUCKET, CONSUMER, stream_of

AGAIN = 5.0
"""Seconds after which a frame that was not dealt with comes again."""
KEPT = 7 * 86400.0
"""Seconds for which the hub keeps a frame of a host that is away; the sender keeps its entries for longer."""
BYTES = 16 * 1024 * 1024
"""Bytes that the hub keeps for one host; more is refused until it has taken some, and stays with its senders.

nats-server 2.10.27 sets them aside for each stream as it is made: hosts times this must be on its disk, of
which it takes 3/4 of what is free.
"""
_log = logging.getLogger("roost.nats")


async def make_stream(stream: JetStreamContext, host: str, replicas: int = 1) -> None:
    """A host's stream, as it is to be. Raises errors of nats-py."""
    name = stream_of(host)
    config = StreamConfig(
        name=name,
        subjects=[f"roost.to.{host}.from.*"],
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        max_age=KEPT,
        max_bytes=BYTES,
        num_replicas=replicas,
    )
    try:
        await stream.add_stream(config)
    except nats.js.errors.BadRequestError:  # it is there, as an earlier version made it
        await stream.update_stream(config)


async def make_consumer(stream: JetStreamContext, host: str, *, anew: bool = False) -> bool:
    """What gives a host's stream out to it, as it is to be. Raises errors of nats-py.

    Returns whether it was made anew: the one before passed over what is there. `anew`: that one had been made
    anew itself and has given nothing out, so the hub cannot read what it keeps there: that is thrown away.
    Its senders have it, and send it again.
    """
    name = stream_of(host)
    lost = await forgotten(stream, name, CONSUMER)
    if lost and anew:
        _log.warning("the hub cannot give out what it keeps in %s: it is emptied", name)
        with contextlib.suppress(TimeoutError):  # a hub of an earlier version does not let the host do it
            await stream.purge_stream(name)
    if lost:
        await stream.delete_consumer(name, CONSUMER)
    await stream.add_consumer(
        name, ConsumerConfig(durable_name=CONSUMER, ack_policy=AckPolicy.EXPLICIT, ack_wait=AGAIN)
    )
    return lost


async def drop_host(stream: JetStreamContext, host: str) -> None:
    """End what is kept for a host, and what it told of itself. Raises errors of nats-py."""
    with contextlib.suppress(nats.js.errors.NotFoundError):
        await stream.delete_stream(stream_of(host))
    bucket = await make_bucket(stream)
    for key in (f"host.{host}", f"peers.{host}", f"revoked.{host}"):
        await bucket.purge(key)


async def make_bucket(stream: JetStreamContext, replicas: int = 1) -> KeyValue:
    """The bucket; made where there is none. Raises errors of nats-py."""
    try:
        return await stream.key_value(BUCKET)
    except nats.js.errors.NotFoundError:
        return await stream.create_key_value(KeyValueConfig(bucket=BUCKET, history=1, replicas=replicas))
