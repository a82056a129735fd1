"""`python -m roost.acp`."""

import sys

from roost.acp.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
