"""Hosts of a fleet: real daemons, a real nats-server, demo agents."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.client.connection import RemoteError
from roost.present.finding import Code
from tests.support.cures import Case, Doctor, Printed, cured
from tests.support.fleet import Hosts, fleet_of
from tests.support.small_disk import fill, small_disk
from tests.support.wait import wait_until

PATIENCE = 60.0


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Two hosts, mars and venus; reviewer lives on venus."""
    with fleet_of(tmp_path_factory.mktemp("hub"), "mars", "venus") as hosts:
        hosts["venus"].add("reviewer")
        yield hosts


def sent(hosts: Hosts, here: str, to: str, body: str, **fields: object) -> str:
    """Send once the host knows whom it is for; the id."""
    found: list[str] = []

    def stored() -> bool:
        try:
            found.append(str(hosts[here].send(to, body, **fields)["id"]))
        except RemoteError as error:
            if error.remote_code != "not-found":
                raise
        return bool(found)

    wait_until(stored, timeout=PATIENCE, why=f"{here} knows {to}")
    return found[0]


def test_an_agent_of_another_host_is_woken_by_its_address_and_its_answer_comes_back(fleet: Hosts) -> None:
    message = sent(fleet, "mars", "reviewer@venus", "look at PR 12")
    fleet.ends("mars", message, "done")
    story = fleet["mars"].call("message", id=message)
    outcomes = [step["outcome"] for step in story["attempts"]]
    assert outcomes[0] == "arrived"
    assert "accepted" in outcomes
    (reply,) = wait_until(
        lambda: fleet["mars"].call("inbox", name="operator"),
        timeout=PATIENCE,
        why="the answer is in the mail",
    )
    assert reply["from"] == "reviewer@venus"
    assert fleet["venus"].call("message", id=message)["from"] == "operator@mars"


def test_a_bare_name_is_the_one_peer_of_the_fleet_that_has_it(fleet: Hosts) -> None:
    message = sent(fleet, "mars", "reviewer", "by its name alone")
    assert fleet["mars"].call("message", id=message)["to"] == "reviewer@venus"
    fleet.ends("mars", message, "done")


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("reviewer@pluto", "there is no host 'pluto' in this fleet"),
        ("reviewer@venuz", "did you mean 'venus'"),
        ("re viewer@venus", "is no address"),
        ("@venus", "is no address"),
        ("reviewer@", "is no address"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_before_anything_is_stored(
    fleet: Hosts, to: str, why: str
) -> None:
    with pytest.raises(RemoteError, match=why):
        fleet["mars"].send(to, "hello")


def test_a_peer_that_is_not_there_is_told_by_its_host(fleet: Hosts) -> None:
    message = sent(fleet, "mars", "nobody@venus", "hello")
    fleet.ends("mars", message, "refused")
    assert "there is no peer 'nobody'" in fleet["mars"].call("message", id=message)["why"]


def test_peers_of_other_hosts_are_in_no_list_of_this_one(fleet: Hosts) -> None:
    sent(fleet, "mars", "reviewer@venus", "hello")
    assert [row["name"] for row in fleet["mars"].call("list")] == []


def test_a_hub_whose_disk_is_full_is_told_and_goes_on_by_itself_once_there_is_room(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "120m"), fleet_of(disk, "mars", "venus") as hosts:
        mars = hosts["mars"]
        hosts["venus"].add("v")
        hosts.ends("mars", sent(hosts, "mars", "v@venus", "before"), "done")
        fill(disk / "full")
        message = sent(hosts, "mars", "v@venus", "x" * 60_000)
        wait_until(
            lambda: "the hub does not take it" in mars.call("message", id=message)["why"],
            timeout=PATIENCE,
            why="it is told that the hub refuses",
            describe=lambda: mars.call("message", id=message)["why"],
        )
        assert "on its way to venus: the hub" in mars.cli("messages", "v@venus").stdout
        status = " ".join(mars.cli("fleet", "status").stderr.split())
        assert "what is for 'venus' does not arrive: the hub does not take it" in status
        assert "what is for 'venus' does not arrive" in mars.call("status")["alarm"]

        def goes_on(_doctor: Doctor, _printed: Printed) -> None:
            (disk / "full").unlink()
            wait_until(
                lambda: hosts.told("mars", message) == "done",
                timeout=3 * PATIENCE,
                why="it is there by itself",
                describe=lambda: mars.call("message", id=message),
            )

        cured(Doctor(mars), Case(Code.LINK_FAILS, act=goes_on))
        there = [each["id"] for each in hosts["venus"].call("messages", name="v")]
        assert there.count(message) == 1
        assert mars.call("status")["alarm"] is None
