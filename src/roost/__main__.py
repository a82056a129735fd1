"""`python -m roost` is the same as `roost`."""

import sys

from roost.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
