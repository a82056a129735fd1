"""`python -m roost.cli.door RUN`: serve callers in the folder RUN. Its input: a pipe of the daemon."""

import sys

from roost.cli.door.request import OddError
from roost.cli.door.server import Door
from roost.cli.door.stand_in import end_with


def main() -> None:
    """Serve until the daemon ends, or callers do not find us."""
    try:
        end_with(0)
    except OddError:  # it has ended already
        return
    try:
        door = Door(sys.argv[1])
    except OSError as error:
        sys.exit(f"roost: the native door cannot be opened: {error}")
    door.run()


if __name__ == "__main__":
    main()
