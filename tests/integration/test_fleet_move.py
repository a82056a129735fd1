"""A peer that moves to another host: real daemons, a real nats-server, demo agents."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from threading import Thread

import pytest

from roost.client.connection import RemoteError
from roost.errors import RoostError
from tests.support.daemon import Roost
from tests.support.fleet import Hosts, fleet_of
from tests.support.wait import wait_until

PATIENCE = 60.0
GRANT = '[fleet.grants."*"]\nmove = ["*"]\n'


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Three hosts; pluto grants nothing."""
    grants = {"mars": GRANT, "venus": GRANT}
    with fleet_of(tmp_path_factory.mktemp("hub"), "mars", "venus", "pluto", config=grants) as hosts:
        for here in hosts.roosts:
            for there in hosts.roosts:
                known(hosts, here, there)
        yield hosts


def known(hosts: Hosts, here: str, there: str) -> None:
    """Wait until one host has heard of another."""

    def heard() -> bool:
        try:
            hosts[here].call("move", name="nobody", host=there)
        except RemoteError as error:
            return "there is no peer 'nobody'" in str(error)
        return False

    if here != there:
        wait_until(heard, timeout=PATIENCE, why=f"{here} has heard of {there}")


def said(hosts: Hosts, host: str, name: str) -> str:
    """All that was said in a peer's conversation."""
    return str(hosts[host].transcript(name, first=1))


def test_a_peer_moves_with_its_conversation_and_its_mail_and_back_again(fleet: Hosts) -> None:
    mars, venus = fleet["mars"], fleet["venus"]
    mars.add("reviewer", resume="always")
    fleet.ends("mars", str(mars.send("reviewer", "the word is swordfish")["id"]), "done")
    mars.add("desk", "human")
    mars.ask("reviewer", "@@send desk which word?@@")
    (asked,) = [each["id"] for each in mars.call("inbox", name="desk")]
    mars.call("stop", name="reviewer")
    mars.until_death("reviewer")
    waiting = str(mars.send("reviewer", "what waited")["id"])
    moved = mars.call("move", name="reviewer", host="venus", dir=str(venus.home.work))
    assert moved == {"name": "reviewer@venus", "host": "venus", "left": []}
    assert [row["name"] for row in mars.call("list")] == ["desk"]
    assert venus.call("show", name="reviewer")["stopped"], "as it was"
    venus.call("start", name="reviewer")
    fleet.ends("mars", waiting, "done")
    assert "swordfish" in said(fleet, "venus", "reviewer")
    assert "what waited" in said(fleet, "venus", "reviewer")
    after = str(mars.send("reviewer", "by the name that it had")["id"])
    assert mars.call("message", id=after)["to"] == "reviewer@venus"
    fleet.ends("mars", after, "done")
    with pytest.raises(RemoteError, match="is live; stop it first or use"):
        venus.call("move", name="reviewer", host="mars", dir=str(mars.home.work))
    venus.call("move", name="reviewer", host="mars", dir=str(mars.home.work), force=True)
    fleet.ends("venus", str(venus.send("reviewer@mars", "home again")["id"]), "done")
    assert "by the name that it had" in said(fleet, "mars", "reviewer")
    assert "home again" in said(fleet, "mars", "reviewer")
    answer = mars.send("reviewer", "that one", reply_to=asked, **{"from": "desk"})
    fleet.ends("mars", str(answer["id"]), "done")
    assert [row["name"] for row in venus.call("list")] == []


def test_a_peer_moves_to_and_fro_as_often_as_it_is_asked_to(fleet: Hosts) -> None:
    """Also to a host to which somebody wrote under its name before, and what waits there is not lost."""
    mars, venus = fleet["mars"], fleet["venus"]
    early = str(mars.send("commuter@venus", "before there was one")["id"])
    fleet.ends("mars", early, "refused")
    mars.add("commuter")
    for here, there in (("mars", "venus"), ("venus", "mars"), ("mars", "venus"), ("venus", "mars")):
        wait_until(
            partial(settled, fleet[here], "commuter"), timeout=PATIENCE, why=f"it is settled on {here}"
        )
        folder = str(fleet[there].home.work)
        moved = fleet[here].call("move", name="commuter", host=there, dir=folder)
        assert moved["name"] == f"commuter@{there}"
    message = str(venus.send("commuter", "by the name that it had")["id"])
    fleet.ends("venus", message, "done")


@pytest.mark.parametrize(
    ("host", "folder", "why"),
    [
        ("pluto", "", "pluto: it takes no 'stays-pluto' from here; `move` in its [fleet.grants.mars]"),
        ("venus", "/nowhere", "venus: there is no directory /nowhere"),
    ],
)
def test_a_host_that_does_not_take_it_leaves_it_as_it_was(
    fleet: Hosts, host: str, folder: str, why: str
) -> None:
    name = f"stays-{host}"
    fleet["mars"].add(name)
    with pytest.raises(RemoteError, match=f"stays here: {why}".replace("[", r"\[")):
        fleet["mars"].call("move", name=name, host=host, dir=folder)
    fleet.ends("mars", str(fleet["mars"].send(name, "still here")["id"]), "done")


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("mars", "is not the name of another host"),
        ("moon", "there is no host 'moon'"),
        ("a b", "is not the name"),
    ],
)
def test_a_move_to_nowhere_is_refused(fleet: Hosts, host: str, why: str) -> None:
    with pytest.raises(RemoteError, match=why):
        fleet["mars"].call("move", name="nobody", host=host)


def test_killed_on_either_side_it_lives_on_one_host_in_the_end(fleet: Hosts) -> None:
    """Each daemon is killed as the move goes on: the next ones bring it to its end."""
    for number, victim in enumerate(("mars", "venus", "mars")):
        name = f"traveller-{number}"
        mars, venus = fleet["mars"], fleet["venus"]
        mars.add(name, dir=str(venus.home.work), resume="always")
        fleet.ends("mars", str(mars.send(name, "remember me")["id"]), "done")
        asked = Thread(target=begin, args=(mars, name), daemon=True)
        asked.start()
        wait_until(partial(begun, mars, name), timeout=PATIENCE, why="the move has begun")
        fleet[victim].kill()
        fleet[victim].start()
        asked.join(PATIENCE)
        message = str(fleet["mars"].send(name, "where are you")["id"])
        fleet.ends("mars", message, "done")
        here = [host for host in ("mars", "venus") if lives(fleet, host, name)]
        assert here == ["venus"]
        assert "remember me" in said(fleet, "venus", name)


def test_a_host_that_runs_from_an_older_copy_does_not_wake_who_has_left(fleet: Hosts) -> None:
    mars, venus = fleet["mars"], fleet["venus"]
    mars.add("double", dir=str(venus.home.work))
    fleet.ends("mars", str(mars.send("double", "before the copy")["id"]), "done")
    mars.call("sleep", name="double")
    mars.until_death("double")
    mars.down(agents=False)
    copy = mars.home.root / "copy"
    copy.mkdir()
    files = list(mars.places.database.parent.glob(f"{mars.places.database.name}*"))
    for path in files:
        shutil.copy(path, copy)
    mars.start()
    known(fleet, "mars", "venus")
    mars.call("move", name="double", host="venus")
    mars.down(agents=False)
    for path in files:
        shutil.copy(copy / path.name, path)
    mars.start()
    wait_until(
        lambda: mars.row("double")["state"] == "stopped", timeout=PATIENCE, why="the copy is found out"
    )
    (told,) = mars.events("double", "disowned")
    assert told["data"] == {"host": "venus"}
    assert venus.row("double")["state"] != "stopped"


def settled(roost: Roost, name: str) -> bool:
    """Whether the daemon has it from the other host that the peer lives here now."""
    return "moves" not in roost.row(name)["why"]


def begin(roost: Roost, name: str) -> None:
    """Ask for the move; the daemon that is asked may be killed meanwhile."""
    with suppress(RoostError):
        roost.call("move", name=name, host="venus", force=True)


def begun(roost: Roost, name: str) -> bool:
    return name in str(roost.events(None, "move-begun"))


def lives(hosts: Hosts, host: str, name: str) -> bool:
    return any(row["name"] == name for row in hosts[host].call("list"))
