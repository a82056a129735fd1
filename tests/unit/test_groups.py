"""`[groups]` of the config file, and whom a message to several is for."""

import asyncio
from pathlib import Path

import pytest

from roost.core.vocabulary.limits import RECIPIENTS
from roost.daemon.serve.sending.recipients import Recipients
from roost.errors import ConfigError, NotFoundError, RefusedError, RoostError, UsageError
from roost.local.config import Config, load_config

PEERS = frozenset({"a", "b", "c", "me", *(f"p{n}" for n in range(RECIPIENTS + 1))})
GROUPS = {
    "team": ("a", "b", "me"),
    "old": ("a", "gone"),
    "crowd": tuple(f"p{n}" for n in range(RECIPIENTS + 1)),
}


def loaded(folder: Path, text: str) -> Config:
    path = folder / "config.toml"
    path.write_text(text)
    return load_config(path)


def test_a_group_is_a_list_of_peers_each_once(tmp_path: Path) -> None:
    text = '[groups]\nteam = ["a", "b-2", "a"]\nall = ["operator"]\n'
    assert loaded(tmp_path, text).groups == {"team": ("a", "b-2"), "all": ("operator",)}
    assert loaded(tmp_path, "").groups == {}


@pytest.mark.parametrize(
    ("line", "said", "column"),
    [
        ("team = []", "the group 'team' is empty", 1),
        ("team = 'a'", "must be a list", 1),
        ("team = ['a', 3]", "must be a list", 1),
        ("team = ['a', 'B c']", "'B c' in the group 'team' is no name of a peer", 15),
        (
            "team = ['@other']",
            "'@other' in the group 'team' is no name of a peer; a group holds peers only",
            10,
        ),
        ("team = ['a,b']", "'a,b' in the group", 10),
        ("team = ['roost']", "'roost' in the group", 10),
        ("operator = ['a']", "cannot be the name of a group", 1),
        ("roost = ['a']", "cannot be the name of a group", 1),
        ("Team = ['a']", "cannot be the name of a group", 1),
    ],
)
def test_what_is_no_group_is_named_with_its_place(tmp_path: Path, line: str, said: str, column: int) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"# of peers\n[groups]\n{line}\n")
    assert said in caught.value.message
    assert caught.value.message.endswith(f"(at line 3, column {column})")


def test_groups_are_a_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config.toml: .*; mend the file"):
        loaded(tmp_path, f"a = {'[' * 2000}{']' * 2000}")
    with pytest.raises(ConfigError, match="'groups' must be a table"):
        loaded(tmp_path, "groups = ['a']\n")


def recipients(*asked: str, many: bool = False) -> tuple[str, ...]:
    async def find(name: str) -> str:
        if name not in PEERS:
            raise NotFoundError(f"there is no peer '{name}'; see `roost list`")
        return name

    return asyncio.run(Recipients(find, GROUPS).of(asked, "me", many=many))


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        (["c", "a"], ("c", "a")),
        (["@team"], ("a", "b")),
        (["b", "@team", "b", "c"], ("b", "a", "c")),
        (["me", "a"], ("a",)),
    ],
)
def test_each_is_meant_once_and_never_the_sender(asked: list[str], meant: tuple[str, ...]) -> None:
    assert recipients(*asked) == meant


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        (["a", "gone"], NotFoundError, "there is no peer 'gone'; see"),
        (["@old"], NotFoundError, "in the group 'old': there is no peer 'gone'; see"),
        (["@all"], NotFoundError, "there is no group 'all'; there are @crowd, @old, @team;"),
        (["@"], NotFoundError, "there is no group ''"),
        (["a", ""], UsageError, "a recipient is missing"),
        ([], UsageError, "a recipient is missing"),
        (["me"], RefusedError, "nobody is left to send to"),
        (["@crowd"], RefusedError, "21 peers would get the message, more than 20"),
    ],
)
def test_what_is_refused_is_named(asked: list[str], error: type[RoostError], said: str) -> None:
    with pytest.raises(error) as caught:
        recipients(*asked)
    assert said in caught.value.message


def test_the_bound_is_for_what_is_not_meant() -> None:
    assert len(recipients("@crowd", many=True)) == RECIPIENTS + 1
    assert len(recipients(*(f"p{n}" for n in range(RECIPIENTS)))) == RECIPIENTS
