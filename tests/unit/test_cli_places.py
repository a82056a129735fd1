"""The light twin of `roost.local.paths` and the real one name the same places."""

import os

from hypothesis import given
from hypothesis import strategies as st

from roost.cli.places import chosen_home, socket_path
from roost.local.paths import find_places

_PATHS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=120)
_ABSOLUTE = _PATHS.map("/".__add__)


@given(home=st.none() | _PATHS, variable=st.none() | _PATHS, user=_ABSOLUTE, state=st.none() | _ABSOLUTE)
def test_socket_is_where_paths_says(
    home: str | None, variable: str | None, user: str, state: str | None
) -> None:
    given_variables = {"ROOST_HOME": variable, "HOME": user, "XDG_STATE_HOME": state}
    environ = {name: value for name, value in given_variables.items() if value is not None}
    found = socket_path(environ, home)
    assert _plain(found) == _plain(str(find_places(environ, home).socket))
    assert len(os.fsencode(found)) <= 107


def _plain(path: str) -> str:
    """POSIX leaves two leading slashes as they are; no file system here tells them from one."""
    return os.path.normpath("/" + path.lstrip("/"))


def test_chosen_home_is_absolute_and_the_option_wins() -> None:
    assert chosen_home({"ROOST_HOME": "/a"}, "/b") == os.path.realpath("/b")
    assert chosen_home({"ROOST_HOME": "x"}, None) == os.path.realpath("x")
    assert chosen_home({}, None) is None
