"""Claude Code moves to another host: there it goes on in its conversation."""

from collections.abc import Iterator

import pytest

from tests.integration.test_fleet_move import GRANT, known
from tests.support.fleet import Hosts
from tests.support.home import make_home
from tests.support.nats import hub_in
from tests.support.processes import kept
from tests.support.real import Agents, agents_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(800)]


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Agents]]:
    """Two hosts of people who use Claude Code, each with a model of its own."""
    with (
        hub_in(tmp_path_factory.mktemp("hub")) as hub,
        make_home() as one,
        make_home() as other,
        kept(one.mark),
        kept(other.mark),
        agents_in(one, "claude", started=False) as mars,
        agents_in(other, "claude", started=False) as venus,
    ):
        hosts = Hosts([hub.url])
        hosts.roosts.update(mars=mars.roost, venus=venus.roost)
        for name, roost in hosts.roosts.items():
            hosts.enter(name, roost.places.state)
            roost.home.roost.mkdir(exist_ok=True)
            (roost.home.roost / "config.toml").write_text(GRANT)
            roost.start()
        known(hosts, "mars", "venus")
        yield {"mars": mars, "venus": venus}


def test_claude_goes_on_in_its_conversation_on_another_host(agents: dict[str, Agents]) -> None:
    """Claude Code 2.1.332: another home, another folder, the same record."""
    mars, venus = agents["mars"].roost, agents["venus"].roost
    agents["mars"].add("a", "claude", resume="always")
    mars.ask("a", "the word is swordfish")
    there = venus.home.work / "b"
    there.mkdir()
    mars.call("set", name="a", pairs=list(agents["venus"].settings["claude"].items()))
    moved = mars.call("move", name="a", host="venus", dir=str(there), force=True)
    assert moved["left"] == []
    message = str(venus.send("a", "which word was it")["id"])
    turn = agents["venus"].arrived(message)
    assert any("the word is swordfish" in text for text in turn.user_texts), turn.user_texts
    venus.until_message(message, "done")
    assert [row["name"] for row in mars.call("list")] == []
