"""How long a starting daemon takes to close 10,000 sessions that a reboot has ended."""

import asyncio
import time
from contextlib import closing
from statistics import median

import apsw

from benchmarks.home import Home, folder
from benchmarks.result import Result
from roost.core.sessions.launch import session_id
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.session import Processes, Session, SessionState, WakeCause
from roost.host.files import ensure_private_directory
from roost.stage.leftovers import Leftovers
from roost.store.interfaces import Batch
from roost.store.sqlite import SqliteStore

ROWS = 10_000
AT_ONCE = 500
STARTS = 3
TARGET = 0.6
LOOK = 0.02
"""Seconds between two looks whether all is done; the figure is that much too high at most."""
_LIVE = "SELECT count(*) FROM sessions WHERE ended_at IS NULL"
EARLIER_BOOT = "00000000-0000-4000-8000-000000000000"


def run() -> Result:
    """A store full of live rows of an earlier boot, and the daemon that meets them."""
    empty, full = (median(_start(rows) for _ in range(STARTS)) for rows in (0, ROWS))
    return Result(
        name="reconcile",
        what=f"daemon start with {ROWS} live rows of an earlier boot, until the last is closed and committed,"
        f" median of {STARTS}",
        unit="s",
        measured=full,
        floor=empty,
        floor_is="the same start with an empty store, until it answers",
        judged_as="over floor, to the floor",
        judged=(full - empty) / empty,
        target=TARGET,
    )


def _start(rows: int) -> float:
    """Seconds from `roost up` until it answers and none of the rows is live any more."""
    with folder() as root:
        home = Home(root)
        left = Leftovers(home.places.home)
        for place in (home.places.home, home.places.state):
            ensure_private_directory(place)
        asyncio.run(_fill(home, rows))
        try:
            begun = time.monotonic()
            home.roost("up")
            with closing(apsw.Connection(str(home.places.database), apsw.SQLITE_OPEN_READONLY)) as store:
                while store.execute(
                    _LIVE
                ).get:  # not asked of the daemon, whom it would cost what is measured
                    time.sleep(LOOK)
            took = time.monotonic() - begun
            closed = sum(
                1 for event in home.events() if event["kind"] == "stopped" and event["cause"] == "reboot"
            )
            if closed != rows:
                raise RuntimeError(f"{closed} of {rows} sessions have a stopped event")
            home.roost("down")
        finally:
            left.end(wait=False)
        return took


async def _fill(home: Home, rows: int) -> None:
    store = await SqliteStore.open(home.places.database)
    try:
        for begin in range(0, rows, AT_ONCE):
            changes = [change for number in range(begin, begin + AT_ONCE) for change in _peer(home, number)]
            await store.commit(Batch(at=time.time(), changes=tuple(changes)))
    finally:
        await store.close()


def _peer(home: Home, number: int) -> tuple[c.Change, ...]:
    """A peer in the middle of its first session, in a boot that is over."""
    now, name, seed = time.time(), f"p{number}", f"{number:032x}"
    gone = ProcessId(EARLIER_BOOT, 4_000_000 + number, 1)
    peer = Peer(
        name, seed, Settings(str(home.work), "demo"), created_at=now, generation=1, conversation=f"c{number}"
    )
    session = Session(
        id=session_id(seed, 1),
        peer=name,
        generation=1,
        nonce=f"{number:032x}",
        wake=WakeCause.FIRST_WAKE,
        resumed=False,
        started_at=now,
        since=now,
        state=SessionState.IDLE,
        conversation=peer.conversation,
        processes=Processes(gone, gone, gone, str(home.places.terminal(name))),
        ready=True,
    )
    return c.SavePeer(peer), c.SaveSession(session)
