"""Whether this user's services live on after a logout (loginctl(1))."""

import os
import shutil

from roost.cli.service.ask import ask

_SECONDS = 5.0


def lingers() -> bool | None:
    """Whether lingering is on; None when nobody can tell.

    systemd-logind knows nobody who neither lingers nor is logged in: that is an answer too.
    """
    if shutil.which("loginctl") is None:
        return None
    done = ask(["loginctl", "show-user", str(os.getuid()), "--property=Linger"], os.environ, _SECONDS)
    if "not logged in or lingering" in done.stderr:
        return False
    return {"Linger=yes": True, "Linger=no": False}.get(done.stdout.strip())
