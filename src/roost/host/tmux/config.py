"""The configuration of our tmux servers; the user's own is never read."""

from roost.host.environment import TERMINAL

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
"""


def config_text(terminal: str = TERMINAL) -> str:
    """Configuration for a server whose panes have TERM=`terminal`.

    `update-environment` is empty so that an attaching human's environment does not enter the session, and
    `remain-on-exit` off because the shim records exits: tmux 3.3a loses 30-60 % of exit statuses.
    """
    return _TEMPLATE.format(terminal=terminal)
