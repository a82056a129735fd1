"""`python -m tests.support.screens`: write the screens of docs/screens.md anew."""

from tests.support.screens.page import PAGE, page

PAGE.write_text(page(PAGE.read_text()))
