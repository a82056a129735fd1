"""What is held of a session is let go of once, and not under the hands of whoever reads it."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from roost.core.policy import Policy
from roost.daemon.driver import Driver
from roost.daemon.fleet import Fleet
from roost.daemon.live import Live
from roost.daemon.tasks import Tasks
from roost.host.files import Tail
from roost.host.memory.clock import VirtualClock
from roost.store.memory import MemoryStore


async def test_files_are_closed_when_nobody_reads_them_and_are_not_read_again(tmp_path: Path) -> None:
    record = tmp_path / "record"
    record.write_text("one\n")
    nothing = cast("Any", None)
    session = SimpleNamespace(id="s", peer="p")
    sensor = SimpleNamespace(
        find=lambda *_: (), tails=lambda: (record,), status_path=lambda _: None, on_lines=lambda _: ()
    )
    context = cast("Any", SimpleNamespace(session=session))
    live = Live(context, nothing, cast("Any", sensor), nothing, agent_pid=1)
    live.tails[record] = Tail(record)
    assert live.tails[record].read() == [b"one"]
    clock = VirtualClock()
    driver = Driver(live, Fleet(MemoryStore(), clock, Policy(), Tasks()), clock)
    record.write_text("one\ntwo\n")
    async with live.looking:
        forgetting = asyncio.create_task(live.forget())
        late = asyncio.create_task(driver.collect(lambda: "told all the same"))
        await asyncio.sleep(0)
        assert not live.forgotten
        assert live.tails[record].behind()
    await forgetting
    assert live.forgotten
    assert await late == "told all the same"
    assert live.tails[record].offset == len("one\n"), "nothing was read any more"
