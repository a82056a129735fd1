"""The subjects on the hub, and which of them each of its users may use."""

from typing import NamedTuple

BUCKET = "ROOST_FLEET"
CONSUMER = "roost"
"""The name of every host's consumer of its stream."""
_STREAM = f"KV_{BUCKET}"


class Permissions(NamedTuple):
    """What a user of the hub may publish to and subscribe to: nothing else."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def stream_of(host: str) -> str:
    """The stream that keeps what is for a host."""
    return f"ROOST_{host.upper()}"


def join(token: str) -> str:
    """Where the holder of a token asks to be let in."""
    return f"roost.join.{token}"


def leave(host: str) -> str:
    """Where a host says that it leaves."""
    return f"roost.leave.{host}"


def host_inbox(host: str) -> str:
    """What the subjects begin with on which a host is answered."""
    return f"_INBOX.host.{host}"


def token_inbox(token: str) -> str:
    """What the subjects begin with on which the holder of a token is answered."""
    return f"_INBOX.join.{token}"


def of_host(host: str) -> Permissions:
    """A host writes to others as itself and tells of itself; it takes what is for it and reads the bucket.

    Whose a peer is that moves, each host may write down, and which others it knows to be revoked.

    nats-py 2.16 asks JetStream on these subjects to read a bucket and to fetch from a consumer.
    """
    stream = stream_of(host)
    return Permissions(
        publish=(
            f"roost.to.*.from.{host}",
            leave(host),
            f"$KV.{BUCKET}.host.{host}",
            f"$KV.{BUCKET}.peers.{host}",
            f"$KV.{BUCKET}.revoked.{host}",
            f"$KV.{BUCKET}.owner.*",
            f"$JS.API.DIRECT.GET.{_STREAM}.>",
            f"$JS.API.STREAM.MSG.GET.{_STREAM}",
            f"$JS.API.STREAM.INFO.{stream}",
            f"$JS.API.STREAM.PURGE.{stream}",
            f"$JS.API.CONSUMER.INFO.{stream}.{CONSUMER}",
            f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{CONSUMER}",
            f"$JS.API.CONSUMER.DELETE.{stream}.{CONSUMER}",
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{CONSUMER}",
            f"$JS.ACK.{stream}.{CONSUMER}.>",
            f"$JS.API.STREAM.INFO.{_STREAM}",
            f"$JS.API.CONSUMER.CREATE.{_STREAM}",
            f"$JS.API.CONSUMER.CREATE.{_STREAM}.>",
            f"$JS.API.CONSUMER.INFO.{_STREAM}.*",
            f"$JS.FC.{_STREAM}.>",
        ),
        subscribe=(f"{host_inbox(host)}.>",),
    )


def of_token(token: str) -> Permissions:
    """Who holds a token may ask to be let in."""
    return Permissions((join(token),), (f"{token_inbox(token)}.>",))
