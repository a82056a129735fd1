"""Who may see the page: a token that works once, then a cookie."""

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from roost.errors import DeniedError

TOKEN = 600.0
"""Seconds in which a one-time token works."""
IDLE = 12 * 3600.0
"""Seconds without a request after which a browser has to sign in again."""
BROWSERS = 100
"""Signed-in browsers at a time; the one that was silent for the longest makes way."""
_AGAIN = "`roost web` prints a new address"


@dataclass(slots=True)
class Session:
    """A signed-in browser. `csrf`: what its forms carry; `used`: when it asked last, on our clock.

    `over`: it has to sign in again.
    """

    csrf: str
    read_only: bool
    used: float
    key: str = field(repr=False)
    over: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


class SignIn:
    """Gives out one-time tokens and knows the browsers that came with one. Nothing of it is written down."""

    def __init__(self, *, read_only: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """`read_only`: whoever signs in may look and change nothing."""
        self._read_only = read_only
        self._clock = clock
        self._until: dict[str, float] = {}
        self._spent: set[str] = set()
        self._sessions: dict[str, Session] = {}

    def invite(self) -> str:
        """A new token that signs in one browser."""
        token = secrets.token_urlsafe(32)
        self._until[_digest(token)] = self._clock() + TOKEN
        return token

    def redeem(self, token: str) -> str:
        """The cookie for a token. Raises DeniedError for one that was used, has expired or never was."""
        digest = _digest(token)
        if digest in self._spent:
            raise DeniedError(f"this address has been used already, and works once; {_AGAIN}")
        until = self._until.pop(digest, None)
        if until is None:
            raise DeniedError(f"this address is none that this `roost web` has printed; {_AGAIN}")
        self._spent.add(digest)
        if self._clock() > until:
            raise DeniedError(f"this address has expired: it works for {TOKEN / 60:g} minutes; {_AGAIN}")
        cookie = secrets.token_urlsafe(32)
        key = _digest(cookie)
        while len(self._sessions) >= BROWSERS:
            self.leave(min(self._sessions.values(), key=lambda session: session.used))
        self._sessions[key] = Session(secrets.token_urlsafe(32), self._read_only, self._clock(), key)
        return cookie

    def find(self, cookie: str | None) -> Session | None:
        """The browser that sends this cookie, None where it has to sign in."""
        session = self._sessions.get(_digest(cookie)) if cookie else None
        if session is None:
            return None
        now = self._clock()
        if now - session.used > IDLE:
            self.leave(session)
            return None
        session.used = now
        return session

    async def ended(self, session: Session) -> None:
        """Return once a browser has to sign in again. One that is told what happens is not silent."""
        try:
            while not session.over.is_set():
                session.used = self._clock()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE / 2):
                        await session.over.wait()
        finally:
            session.used = self._clock()

    def leave(self, session: Session) -> None:
        """Sign a browser out."""
        self._sessions.pop(session.key, None)
        session.over.set()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
