"""`python -m roost.demo_agent`."""

import sys

from roost.demo_agent.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
