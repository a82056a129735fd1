"""Process exits as events, by the means of this platform."""

import sys
from collections.abc import Callable

from roost.core.vocabulary.identity import ProcessId
from roost.host.interfaces.watch import Watch


class SystemProcessWatcher:
    """Calls back in the running loop, within a millisecond or so, when a process is gone."""

    def watch(self, process: ProcessId, callback: Callable[[], None]) -> Watch:
        """See `roost.host.interfaces.Processes.watch`."""
        if sys.platform == "darwin":
            from roost.host.watcher_macos import KqueueWatch  # noqa: PLC0415 each platform loads its own

            return KqueueWatch(process, callback)
        from roost.host.watcher_linux import watch_process  # noqa: PLC0415 each platform loads its own

        return watch_process(process, callback)
