"""A daemon that notices shorter pauses than it does otherwise."""

from roost.daemon.__main__ import leave, main
from roost.daemon.state import clock_reading
from roost.host import clock

if __name__ == "__main__":
    clock.BEAT, clock.AWAY, clock_reading.TOLERATED = 0.1, 0.6, 0.3
    leave(main())
