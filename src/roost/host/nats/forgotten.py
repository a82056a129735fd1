"""What a hub has forgotten: how far a stream had come, but not how far its consumer had.

nats-server 2.10.27, `sync_interval: always`: a stream that was empty when the server was killed may begin at
1 again, while its consumer stands where it stood. What comes then is kept and given to nobody, until the
stream has come as far as it was before.

One that was empty when the disk was full begins at 1 again, too. Until the server is started anew, or the
stream is emptied, it cannot read what it keeps there: a consumer that is made anew passes over it as well.
"""

# The stubs of nats-py leave out what goes along by name.
# pyright: reportUnknownMemberType=false

import logging

import nats.js.errors
from nats.js import JetStreamContext

_log = logging.getLogger("roost.nats")


async def forgotten(stream: JetStreamContext, name: str, consumer: str) -> bool:
    """Whether this consumer, the only one of its stream, passes over what the stream has or will have.

    Made anew it passes over nothing; what is then given out twice is known by its number.
    """
    kept = (await stream.stream_info(name)).state
    try:
        found = await stream.consumer_info(name, consumer)
    except nats.js.errors.NotFoundError:
        return False
    given = found.delivered.stream_seq if found.delivered is not None else 0
    waiting = (found.num_pending or 0) + (found.num_ack_pending or 0)
    if given <= kept.last_seq and waiting >= kept.messages:
        return False
    _log.warning("the hub has forgotten how far %s had come: its frames are given out anew", name)
    return True
