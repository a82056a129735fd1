"""A little program in a shell as an agent, the ways to end it, and what has to be recorded of each."""

import signal

_PROGRAM = "trap 'exit 7' USR1; trap 'exit 0' USR2; printf 'mortal> '; while :; do read x; done"
CONFIG = f"""
[runtimes.mortal]
argv = ["/bin/sh", "-c", "{_PROGRAM}"]
ready = '(?m)^mortal> *$'
"""
"""For config.toml."""
ENDS = (
    (signal.SIGKILL, None, signal.SIGKILL),
    (signal.SIGUSR1, 7, None),
    (signal.SIGTERM, None, signal.SIGTERM),
    (signal.SIGUSR2, 0, None),
    (signal.SIGSEGV, None, signal.SIGSEGV),
)
"""What is sent, and what has to be recorded: exit code, signal."""
