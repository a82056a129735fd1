"""A daemon that waits for less long where no evidence of a submission comes."""

from roost.daemon.__main__ import leave, main
from roost.daemon.delivery.paste import submission

if __name__ == "__main__":
    submission.EVIDENCE = 1.0
    leave(main())
