"""The configuration of our tmux servers; the user's own is never read."""

from roost.host.environment import TERMINAL
from roost.host.tmux.quote import line, quote

SESSION = "main"
_TEMPLATE = """\
set -s escape-time 0
set -s exit-unattached off
set -s focus-events on
set -s extended-keys off
set -s default-terminal {terminal}
set -g destroy-unattached off
set -g remain-on-exit off
set -g status off
set -g set-titles off
set -g mouse off
set -g history-limit 10000
set -g window-size latest
set -g update-environment ""
set -g visual-activity off
set -g bell-action none
set -g automatic-rename off
set -g allow-rename off
set-hook -g client-detached {detached}
"""
COLUMNS = 160
ROWS = 50
"""The size of a terminal that nobody is attached to."""


def config_text(terminal: str = TERMINAL) -> str:
    """Configuration for a server whose panes have TERM=`terminal`.

    `update-environment` is empty so that an attaching human's environment does not enter the session, and
    `remain-on-exit` off because the shim records exits: tmux 3.3a loses 30-60 % of exit statuses.
    """
    return _TEMPLATE.format(terminal=terminal, detached=quote(" ; ".join(own_size(f"{SESSION}:"))))


def own_size(target: str) -> tuple[str, str]:
    """The commands that give a window its own size again, and have it follow whoever attaches next.

    tmux 3.3a: without them a window keeps the size of its last client, be that a few columns, for ever.
    """
    resize = line("resize-window", "-t", target, "-x", str(COLUMNS), "-y", str(ROWS))
    return resize, line("set-option", "-w", "-u", "-t", target, "window-size")
