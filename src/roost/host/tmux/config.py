"""The configuration of our tmux servers; the user's own is never read."""

import hashlib

from roost.host.environment import TERMINAL
from roost.host.tmux.quote import line, quote
from roost.host.tmux.status import STATUS

SESSION = "main"
SESSION_ID = "$0"
"""Its name at first, which a person may change, and the id that tmux gives to a server's first session."""
CONFIGURED = "@roost-config"
"""The option that tells which configuration a server has: one that another version started gets ours."""
_TEMPLATE = """\
set -s escape-time 0
set -s exit-unattached off
set -s focus-events on
set -s extended-keys off
set -s message-limit 0
set -s default-terminal {terminal}
set -g destroy-unattached off
set -g remain-on-exit off
set -g status on
set -g status-interval 5
set -g status-style reverse
set -g status-format[0] {status}
set -g set-titles off
set -g mouse off
set -g history-limit 10000
set -g window-size latest
set -g update-environment ""
set -g visual-activity off
set -g bell-action none
set -g automatic-rename off
set -g allow-rename off
set-hook -g client-attached {attached}
set-hook -g client-detached {detached}
"""
JOINED = "@roost-joined"
"""The option of a server that tells when somebody who can type joined last."""
PASTED = "@roost-pasted"
KEYED = "@roost-keyed"
"""The options of a server that hold the labels of what was pasted and pressed last."""
NONE = "-"
"""Their value in a server that keeps them, until there is one."""
COLUMNS = 160
ROWS = 50
"""The size of a terminal that nobody is attached to."""


def config_text(terminal: str = TERMINAL) -> str:
    """Configuration for a server whose panes have TERM=`terminal`, one command in a line.

    `update-environment` is empty so that an attaching human's environment does not enter the session, and
    `remain-on-exit` off because the shim records exits: tmux 3.3a loses 30-60 % of exit statuses.

    tmux 3.3a: a window keeps the size of its last client, be that a few columns, for ever. So the end of each
    client gives it its own size (which holds it), and it follows clients again where others are left or a
    human joins who can type.
    """
    target = f"{SESSION_ID}:"
    joined = line("if-shell", "-F", "-t", target, "#{client_readonly}", "", follow(target))
    note = line("set-option", "-s", "-F", JOINED, "#{client_created}")
    types = line("if-shell", "-F", "#{||:#{client_control_mode},#{client_readonly}}", "", note)
    left = line("if-shell", "-F", "-t", target, "#{e|>:#{session_attached},1}", follow(target))
    text = _TEMPLATE.format(
        terminal=terminal,
        attached=quote(f"{joined} ; {types}"),
        detached=quote(f"{own_size(target)} ; {left}"),
        status=quote(STATUS),
    )
    return f"{text}{line('set', '-s', CONFIGURED, _digest(text))}\n"


def first_config_text(terminal: str = TERMINAL) -> str:
    """The same for a server that starts: nothing has been pasted there yet."""
    marks = [line("set-option", "-s", "--", option, NONE) for option in (PASTED, KEYED)]
    return "\n".join([config_text(terminal), *marks, ""])


def config_commands(terminal: str, has: str) -> list[str]:
    """The commands that bring a server to our configuration whose `CONFIGURED` is `has`."""
    commands = config_text(terminal).splitlines()
    return [] if commands[-1].endswith(f" {has}") and has else commands


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def own_size(target: str) -> str:
    """The command that gives a window its own size, which it then keeps whoever is attached."""
    return line("resize-window", "-t", target, "-x", str(COLUMNS), "-y", str(ROWS))


def follow(target: str) -> str:
    """The command that has a window follow the size of its clients."""
    return line("set-option", "-w", "-u", "-t", target, "window-size")
