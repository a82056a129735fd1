"""The daemon on a host of a test's network: in the namespaces that the process `ROOST_TEST_NETWORK` holds."""

import ctypes
import os
import sys

from roost.daemon.__main__ import main

_NEWUSER, _NEWNET = 0x10000000, 0x40000000


def _join(holder: str) -> None:
    """Become a process of that host. Only a process with a single thread can."""
    libc = ctypes.CDLL(None, use_errno=True)
    kinds = [("user", _NEWUSER)] if os.geteuid() else []
    handles = [
        (os.open(f"/proc/{holder}/ns/{kind}", os.O_RDONLY), flag) for kind, flag in [*kinds, ("net", _NEWNET)]
    ]
    for handle, flag in handles:
        if libc.setns(handle, flag):
            raise OSError(ctypes.get_errno(), f"cannot join the network of process {holder}")
        os.close(handle)


if __name__ == "__main__":
    _join(os.environ["ROOST_TEST_NETWORK"])
    sys.exit(main())
