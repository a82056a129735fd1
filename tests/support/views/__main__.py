"""`python -m tests.support.views [claude|codex] [VIEW...]`: record the views of the pinned programs anew."""

import argparse

from tests.support.views import claude, codex, table
from tests.support.views.recording import folder_of
from tests.support.views.visit import Visit
from tests.support.views.walk import Walk

_PROGRAMS = {"claude": claude, "codex": codex}


def main() -> None:
    """Walk through both programs, or one; through all views, or those whose names begin as given."""
    parser = argparse.ArgumentParser(prog="scripts/views", description=__doc__)
    _ = parser.add_argument("program", nargs="?", choices=[*_PROGRAMS, "table"])
    _ = parser.add_argument("views", nargs="*", help="beginnings of names; without any, all views")
    asked = parser.parse_args()
    if asked.program == "table":
        table.update()
        return
    names = tuple(asked.views)
    for program in [asked.program] if asked.program else list(_PROGRAMS):
        walk = Walk(program, folder_of(program))
        walk.starts(_wanted(_PROGRAMS[program].STARTS, names))
        walk.visits(_wanted(_PROGRAMS[program].VISITS, names))
        if not names or any(name.startswith("slash-") for name in names):
            did = walk.commands(lambda view: not names or view.startswith(names))
            table.keep_commands(program, {**(table.commands(program) if names else {}), **did})


def _wanted(visits: tuple[Visit, ...], names: tuple[str, ...]) -> list[Visit]:
    return [visit for visit in visits if not names or visit.view.startswith(names)]


if __name__ == "__main__":
    main()
