"""`python -m tests.support.seccomp ERRNO COMMAND...`: run a command in a system without pidfd calls.

They fail with that error, as under gVisor and old container engines. Exit code 77: not allowed here.
"""

import ctypes
import os
import struct
import sys

NOT_ALLOWED = 77
_PIDFD_SEND_SIGNAL, _PIDFD_OPEN = 424, 434
_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _IS, _RETURN = 0x20, 0x15, 0x06


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def forbid(number: int) -> bool:
    """Let the calls fail with this error from now on, in this process and all that come of it."""
    code = b"".join(
        struct.pack("<HBBI", *each)
        for each in (
            (_LOAD, 0, 0, 0),  # the number of the call
            (_IS, 2, 0, _PIDFD_OPEN),
            (_IS, 1, 0, _PIDFD_SEND_SIGNAL),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, _ERRNO | number),
        )
    )
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(code) // 8, code)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) == 0


if __name__ == "__main__":
    if sys.platform != "linux" or not forbid(int(sys.argv[1])):
        raise SystemExit(NOT_ALLOWED)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 -- it is to be this process
