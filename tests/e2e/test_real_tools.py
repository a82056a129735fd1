"""Real CLIs whose daemon dies as they ask for its tools: they answer all the same (N8, P13)."""

import sys

import pytest

from tests.support import dying_daemon
from tests.support.home import Home
from tests.support.real import PATIENCE, agents_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
SOON = {"claude": {"env.MCP_TIMEOUT": "2000"}, "gemini": {}, "opencode": {}}
"""Claude Code 2.1.332 waits half a minute for tools whose server has gone, and ends the wait as this says."""


@pytest.mark.parametrize("runtime", SOON)
def test_N8_P13_an_agent_whose_daemon_died_as_it_asked_for_its_tools_has_them_again(
    home: Home, runtime: str
) -> None:
    order = home.root / "dies"
    order.touch()
    with agents_in(home, runtime, peers=("a",), started=False) as agents:
        roost = agents.roost
        roost.start(sys.executable, dying_daemon.__file__, environ={"ROOST_DIES": str(order)})
        agents.add("a", runtime, **SOON[runtime])
        sent = roost.send("a", "@@reply here@@")
        roost.daemon.wait(PATIENCE)
        roost.start()
        assert len(roost.until_message(sent["id"], "done")["replies"]) == 1
        # Claude Code may ask once more, where the next daemon is there soon enough: then nothing has to end.
        known = [death["cause"] for death in roost.deaths("a")]
        assert known == ["tools-missing"] or (runtime == "claude" and not known)
        assert roost.call("show", name="a")["session"]["tools"] == "given"
        assert roost.ask("a", "and again") == "echo: and again"
