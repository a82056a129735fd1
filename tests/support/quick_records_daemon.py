"""A daemon that gives a look at a record up a little sooner."""

from roost.daemon.__main__ import leave, main
from roost.daemon.state import threads

if __name__ == "__main__":
    threads.RECORD = threads.LAUNCH = 1.0
    leave(main())
