"""SIGKILL for agent, shim, tmux server and daemon, in every combination, in every phase of a session's life.

Afterwards the registry is true, the cause recorded, the whole tree gone, each session stopped once, and every
message was answered (L1, L2, P9, N2, N4, N5, N7, N8).
"""

import os
import signal
from collections.abc import Iterator
from itertools import chain, combinations
from typing import Any

import pytest

from tests.support.daemon import Roost, alive, cleared, shared_roost
from tests.support.truth import carriers
from tests.support.wait import wait_until

PATIENCE = 40.0
PARTS = ("agent", "shim", "server", "daemon")
VICTIMS = list(chain.from_iterable(combinations(PARTS, count) for count in range(1, len(PARTS) + 1)))
CAUSES = {
    ("agent",): {"crashed"},
    ("shim",): {"shim-lost"},
    ("server",): {"server-exit"},
    ("agent", "shim"): {"crashed", "shim-lost"},
    ("agent", "server"): {"crashed", "server-exit"},
    ("shim", "server"): {"shim-lost", "server-exit"},
    ("agent", "shim", "server"): {"crashed", "shim-lost", "server-exit"},
}
"""What may be recorded; where two are named, it depends on which death the shim still saw and recorded."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def strike(roost: Roost, sessions: list[dict[str, Any]], victims: tuple[str, ...]) -> None:
    """SIGKILL all victims at once: handles first, so that each is still the one that was meant."""
    parts = [part for part in victims if part != "daemon"]
    handles = [os.pidfd_open(session[f"{part}_pid"]) for session in sessions for part in parts]
    if "daemon" in victims:
        roost.daemon.send_signal(signal.SIGKILL)
    for handle in handles:
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it went with another victim
        finally:
            os.close(handle)
    if "daemon" in victims:
        roost.daemon.wait(PATIENCE)
        roost.start()


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("victims", VICTIMS, ids="-".join)
def test_P9_N7_N8_every_combination_of_sudden_deaths(roost: Roost, victims: tuple[str, ...]) -> None:
    idle, busy, starting = (roost.add(name) for name in ("idle", "busy", "starting"))
    for name in (idle, busy):
        roost.send(name, "@@silent@@\n@@fork 2@@", wait="done", timeout=PATIENCE)
    first = roost.send(starting, "first")["id"]
    wait_until(lambda: roost.session(starting), timeout=PATIENCE, why="a session that starts")
    wait_until(lambda: roost.session(starting)["agent_pid"], timeout=PATIENCE, why="its processes")
    cut = roost.send(busy, "@@delay 3@@\n@@reply late@@", wait="accepted", timeout=PATIENCE)["id"]
    before = {name: roost.session(name) for name in (idle, busy, starting)}
    assert len(carriers(before[idle]["id"])) >= 5

    strike(roost, list(before.values()), victims)

    ends = tuple(part for part in victims if part != "daemon")
    for name, session in before.items():
        if not ends:
            wait_until(lambda name=name: roost.events(name, "adopted"), timeout=PATIENCE, why="it is adopted")
            continue
        death = roost.until_death(name)
        allowed = CAUSES[ends] | ({"boot-failed", "not-started"} if name == starting else set[str]())
        assert death["cause"] in allowed, death
        assert death["session"] == session["id"]
        assert death["counted"]
        assert death["evidence"]
        wait_until(
            lambda session=session: carriers(session["id"]) == [],
            timeout=PATIENCE,
            why="the tree is empty",
            describe=lambda session=session: carriers(session["id"]),
        )
    for message_id in (cut, first):
        story = roost.until_message(message_id, "done", "dead-letter", "unknown")
        assert story["state"] == "done", story
        prompts = roost.prompts(message_id)
        assert 1 <= len(prompts) <= 2
        shown = [one["session"] for one in prompts if "go on with message" not in one["text"]]
        assert len(shown) == len(set(shown)), "one body twice in one session"
    for name in (idle, starting):
        # One that had answered before the strike sleeps afterwards, too.
        assert roost.ask(name, "and now") == "echo: and now"
    for name, session in before.items():
        stopped = [event["session"] for event in roost.events(name, "stopped")]
        assert stopped == ([session["id"]] if ends else [])
        now = roost.until_state(name, "idle")["session"]
        assert (now["id"] == session["id"]) == (not ends)
        assert all(alive(now[f"{part}_pid"]) for part in PARTS[:3])
    if ends:
        assert roost.events(busy, "starting")[-1]["cause"] == "redrive"
        assert not list(roost.places.spool.glob("*.json"))
    exits = roost.places.exits_log.read_text() if roost.places.exits_log.exists() else ""
    for name, session in before.items():
        assert exits.count(f"ev=exit peer={name} session={session['id']} ") == len(ends[:1])
