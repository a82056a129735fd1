"""What a real program asks by its API is answered there by its id, and a thread is compacted."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest

from roost.daemon.state.tasks import Tasks
from roost.fake_model import FakeModel
from roost.runtimes.call import CallRefusedError
from roost.runtimes.codex_server.server import Wiring
from roost.runtimes.codex_server.servers import Servers
from roost.runtimes.codex_server.thread import ThreadCall
from tests.support.callable_programs import Senses
from tests.support.codex_server import CodexServer, codex_server
from tests.support.home import Home
from tests.support.real import PATIENCE
from tests.support.wait import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]


@pytest.fixture
def server(home: Home) -> Iterator[CodexServer]:
    with FakeModel() as model, codex_server(home, model) as made:
        yield made


async def test_P7_codex_thread_an_approval_is_answered_by_its_id_and_it_is_compacted(
    home: Home, server: CodexServer
) -> None:
    """Codex 0.171.0: the answer is a decision; a request that is answered does not stand any more."""
    made, told, tasks, servers = home.root / "made", list[dict[str, Any]](), Tasks(), Servers()

    def hear(lines: Sequence[bytes]) -> None:
        told.extend(map(msgspec.json.decode, lines))

    async def until(fits: Callable[[dict[str, Any]], bool], why: str) -> dict[str, Any]:
        await eventually(lambda: any(map(fits, told)), timeout=PATIENCE, why=why, describe=lambda: told[-5:])
        return next(filter(fits, told))

    servers.wire(Wiring(Senses(), tasks.start, lambda _ends: None))
    call = ThreadCall(servers.at(server.address), "session", None, 0.0)
    try:
        await call.join(str(home.work), {}, begins=True)
        tasks.start(call.follow(hear), "follow")
        await call.submit("k1", f"@@bash touch {made}@@", joins=False)
        asked = await until(lambda line: "requestApproval" in line["method"], "it asks")
        assert not made.exists()
        name = await answered(call, asked)
        with pytest.raises(CallRefusedError, match="does not ask"):
            await call.answer(name, "accept")
        await until(lambda line: line["method"] == "turn/completed", "the turn ends")
        assert made.exists()
        await call.compact()
        await until(
            lambda line: line["method"] == "item/completed" and "contextCompaction" in str(line),
            "its record tells of the compaction",
        )
    finally:
        await servers.close()
        await tasks.close()


async def answered(call: ThreadCall, asked: dict[str, Any]) -> str:
    """Allow it, by the name of the item that it is about, or else by the number of the request."""
    item, number = str(asked["params"]["itemId"]), str(asked["id"])
    try:
        await call.answer(item, "accept")
    except CallRefusedError:
        await call.answer(number, "accept")
        return number
    return item
