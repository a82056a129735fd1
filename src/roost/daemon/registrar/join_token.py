"""A join token: all that a host needs to find the hub, to know it, and to be let in. It is a secret.

And what is answered to who shows one.
"""

import base64

import msgspec

from roost.daemon.registrar.roster import Roster
from roost.errors import UsageError
from roost.host.tls import as_der

MARK = "roost1."
"""Begins a token of this form."""


class JoinToken(msgspec.Struct, frozen=True, array_like=True):
    """`seed`: of the hub's user that may ask. `authority`: the public key that says whose key is whose.

    `ca`: the certificate (DER) that vouches for the hub. `expires_at`: Unix seconds, by the hub's clock.
    """

    id: str
    seed: str
    authority: bytes
    ca: bytes
    servers: tuple[str, ...]
    expires_at: float


class Reply(msgspec.Struct, frozen=True):
    """What a host is answered: its certificate, or why not (`code`: that of the error)."""

    certificate: bytes = b""
    code: str = ""
    why: str = ""


def written(token: JoinToken) -> str:
    """The token as people hand it on."""
    packed = base64.urlsafe_b64encode(msgspec.msgpack.encode(token)).decode().rstrip("=")
    return f"{MARK}{packed}"


def read(text: str) -> JoinToken:
    """The token that somebody was handed. Raises UsageError."""
    _, mark, packed = "".join(text.split()).rpartition(MARK)
    try:
        data = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(data if mark else b"", type=JoinToken)
    except (ValueError, msgspec.MsgspecError) as error:
        raise UsageError(
            "that is no join token, or not all of one; `roost fleet token` on the hub's host prints one"
        ) from error


def token_text(roster: Roster, ident: str, seed: str) -> str:
    """A token of the roster as it is handed on."""
    servers = (f"tls://{roster.advertise}",)
    expires_at = roster.tokens[ident].expires_at
    return written(
        JoinToken(ident, seed, bytes.fromhex(roster.public), as_der(roster.ca), servers, expires_at)
    )
