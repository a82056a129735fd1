"""`python -m tests.support.screens`: write the screens of docs/screens.md and docs/top.md anew."""

from tests.support.screens.page import PAGE, page
from tests.support.screens.top import TOP, with_top

PAGE.write_text(page(PAGE.read_text()))
TOP.write_text(with_top(TOP.read_text()))
