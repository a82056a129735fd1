"""`python -m roost.daemon.check [--home DIR] [--foreground]`: whether a daemon could start here.

It is asked while another one runs, which is ended for it only then: all that can be known before is looked
at as a start does, and nothing is changed. Exit code 0: it could; else the reason is on standard error.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from roost.daemon.startup import foresee
from roost.daemon.traces.export import check_installed
from roost.errors import RoostError, in_words
from roost.host.process import SystemProcesses
from roost.host.tmux.server import TmuxTerminals, check_version
from roost.local.config import load_config
from roost.local.membership import load_membership
from roost.local.paths import Places, find_places
from roost.runtimes.registry import Runtimes
from roost.store.database import check_known


def main() -> int:
    """Look; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m roost.daemon.check", description="May a daemon start?")
    parser.add_argument("--home", help="use this folder instead of ROOST_HOME or the XDG folders")
    parser.add_argument("--foreground", action="store_true", help="one that stays in this terminal")
    asked = parser.parse_args()
    places = find_places(os.environ, asked.home)
    try:
        check(places, foreground=asked.foreground)
    except RoostError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{in_words(error, places.home)}\n")
        return 1
    return 0


def check(places: Places, *, foreground: bool) -> None:
    """Raise what a start would raise: RoostError, OSError."""
    inherited = foresee(places, foreground=foreground)
    config = load_config(Path(inherited.config or places.config))
    check_installed(config)
    Runtimes(config.runtimes)
    load_membership(places.membership)
    os.environ["PATH"] = inherited.environ.get("PATH", os.defpath)  # a daemon looks for tmux with its own
    asyncio.run(check_version(TmuxTerminals(places.run / "tmux.conf", SystemProcesses())))
    check_known(places.database)


if __name__ == "__main__":
    sys.exit(main())
