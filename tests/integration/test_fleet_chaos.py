"""Fleets on networks of their own, disturbed for a short while; `scripts/soak --fleet` does it for longer."""

import os
from pathlib import Path

import pytest

from tests.support.fleet_leaders import SERVERS, Leaders
from tests.support.fleet_network import fleet_on_network
from tests.support.fleet_partition import Partition
from tests.support.fleet_soak import FleetSoak, fleet_soak

SEED = int(os.environ.get("ROOST_SOAK_SEED", "5"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_N4_killed_daemons_hubs_and_links_lose_double_and_reorder_nothing_between_hosts() -> None:
    """`ROOST_SOAK_SEED` makes it another one."""
    told: list[str] = []
    assert fleet_soak(SEED, 120, 12, told.append) == []
    assert any("120 of 120 done, 12 of 12 hits" in line for line in told), told


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_H5_a_host_that_is_cut_off_works_and_catches_up_and_nobody_is_taken_for_dead(tmp_path: Path) -> None:
    with fleet_on_network(tmp_path, "mars", "venus", "pluto") as fleet:
        assert Partition(fleet, "mars").run(0.0, rounds=3) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_N4_a_hub_of_three_servers_loses_its_leader_and_no_message(tmp_path: Path) -> None:
    told: list[str] = []
    with fleet_on_network(tmp_path, "mars", "venus", servers=SERVERS) as fleet:
        leaders = Leaders(fleet, SEED)
        run = FleetSoak(fleet, SEED, 30, 1, told.append, {"leader killed": leaders.kill})
        assert run.run() == []
        assert leaders.killed == 1
