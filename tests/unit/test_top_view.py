"""The view of `roost top` by itself."""

from unittest.mock import patch

from roost.client.daemon import Daemon
from roost.client.registry import Registry
from roost.top.view import View
from tests.support.screens.top import following


async def test_what_was_still_to_be_drawn_when_somebody_leaves_is_let_go() -> None:
    """A timer that fires while the view closes met no screen: `roost top` left with a traceback."""
    view = View(Daemon("/nowhere"), [], None)
    with patch.object(Registry, "follow", following([])):
        async with view.run_test():
            pass
    view._repaint()
    view.draw()
