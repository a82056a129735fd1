"""A hook of a program that runs commands for hooks: it tells the daemon, and answers what the daemon says.

Run as `python -S -E -I hook.py NAME [FOLDER]`; `hook_ask` says with what. This file is only the entry: Python
compiles a script anew at each start, but keeps the compiled form of imported modules.
"""

import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.host.hook_ask import main
else:
    sys.path.append(__file__.rpartition("/")[0])
    from hook_ask import main

if __name__ == "__main__":
    # All is said and flushed: to let go of everything first takes a tenth of the whole. As `os._exit`.
    posix._exit(main())  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] -- loading `os` takes as much
