"""`python -m roost.daemon.restore [--home DIR] FILE`: a backup takes the place of the store.

It holds the daemon's lock meanwhile. Prints one JSON object. Exit code 75: somebody has the lock.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from msgspec.structs import asdict

from roost.daemon.lock import AlreadyRunningError, hold_lock
from roost.daemon.state.lineage import BOOTS
from roost.daemon.state.owner import OWNER
from roost.errors import BUSY, RoostError, in_words
from roost.host.files import ensure_private_directory
from roost.local.paths import find_places
from roost.store.backup import restore
from roost.store.search.index import remove


def main() -> int:
    """Restore; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m roost.daemon.restore", description="Restore a backup.")
    parser.add_argument("--home", help="use this folder instead of ROOST_HOME or the XDG folders")
    parser.add_argument("file")
    asked = parser.parse_args()
    os.umask(0o077)
    places = find_places(os.environ, asked.home)
    try:
        for directory in (places.home, places.state):
            ensure_private_directory(directory)
        hold_lock(places)  # until this process ends
        # Whoever restores it says that it is the right one, here: what another host had of it is over.
        copied = restore(Path(asked.file), places.database, forget=(OWNER, BOOTS))
        remove(places.search_index)  # it is of what was there before
        places.store_note.unlink(missing_ok=True)  # this is the right one from now on
    except AlreadyRunningError:
        return BUSY
    except RoostError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"{in_words(error, places.home)}\n")
        return 1
    sys.stdout.write(json.dumps(asdict(copied)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
