"""The root process of a session's pane: starts the agent, waits for it, records how it ended.

Run as `python -S -E -I shim.py SPEC.json`; the spec and the records are described in
`roost.host.shim_spec`. This file is only the entry: Python compiles a script anew at each start, but
keeps the compiled form of imported modules.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.host.shimlib.shim import main
else:
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    from shimlib.shim import main

if __name__ == "__main__":
    main()
