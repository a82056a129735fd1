"""What the native program and the process behind it both know."""

import re

from hatch_build import SOURCE
from roost.cli.catalog import MODULES, PYTHONS
from roost.cli.door.request import MAGIC


def test_both_know_which_commands_are_pythons() -> None:
    """All others are served: the process behind the door loads them."""
    found = re.search(r"never\[\] = \{(.*?), 0\}", SOURCE.read_text(), re.DOTALL)
    assert found is not None
    names = re.findall(r'"([a-z]+)"', found[1])
    assert sorted(names) == sorted(PYTHONS)
    assert MODULES.keys() > PYTHONS


def test_both_speak_of_the_same_version() -> None:
    text = MAGIC.decode().replace("\n", "\\n")
    assert f'#define MAGIC "{text}"' in SOURCE.read_text()
