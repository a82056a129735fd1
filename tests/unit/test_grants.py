"""`[fleet]` of the config file: what other hosts may do here."""

from pathlib import Path

import pytest

from roost.errors import ConfigError
from roost.local.config import load_config
from roost.local.grants import Grants


def loaded(folder: Path, text: str) -> Grants:
    path = folder / "config.toml"
    path.write_text(text)
    return load_config(path).fleet


def test_without_it_all_may_deliver_and_see_and_nobody_may_operate(tmp_path: Path) -> None:
    grants = loaded(tmp_path, "")
    assert (grants.delivers("mars", "bob"), grants.operates("mars", "bob"), grants.shows("bob")) == (
        True,
        False,
        True,
    )


def test_a_table_of_its_own_counts_before_that_of_all_others_key_by_key(tmp_path: Path) -> None:
    grants = loaded(
        tmp_path,
        '[fleet]\nshown = ["bob"]\n[fleet.grants."*"]\ndeliver = ["bob"]\noperate = ["dave"]\n'
        '[fleet.grants.mars]\noperate = ["*"]\n[fleet.grants.pluto]\ndeliver = []\n',
    )
    assert [grants.shows(peer) for peer in ("bob", "dave")] == [True, False]
    assert [grants.delivers(host, "bob") for host in ("mars", "venus", "pluto")] == [True, True, False]
    assert [grants.delivers(host, "dave") for host in ("mars", "venus")] == [False, False]
    assert [grants.operates(host, "bob") for host in ("mars", "venus", "pluto")] == [True, False, False]
    assert grants.operates("pluto", "dave")


def test_what_shows_nobody_shows_nobody(tmp_path: Path) -> None:
    assert not loaded(tmp_path, "[fleet]\nshown = []\n").shows("bob")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fleet = 1", "'fleet' must be a table"),
        ("[fleet]\nhost = 'x'", "unknown key 'host' in [fleet]; known are grants, shown"),
        ("[fleet]\ngrants = 1", "must be a table for each host"),
        ("[fleet]\nshown = 'bob'", "'shown' in [fleet] must be a list of names of peers"),
        ("[fleet.grants.Mars]\noperate = []", "'Mars' in [fleet.grants] is no name of a host"),
        ("[fleet.grants]\nmars = []", "[fleet.grants.mars] must be a table"),
        (
            "[fleet.grants.mars]\nsee = []",
            "unknown key 'see' in [fleet.grants.mars]; known are deliver, move, operate",
        ),
        ("[fleet.grants.mars]\noperate = ['a b']", "'operate' in [fleet.grants.mars] must be a list"),
        ("[fleet.grants.mars]\ndeliver = [3]", "'deliver' in [fleet.grants.mars] must be a list"),
    ],
)
def test_what_is_no_grant_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"{text}\n")
    assert said in caught.value.message
