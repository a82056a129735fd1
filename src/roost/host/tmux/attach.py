"""How a human joins a session's terminal."""

from pathlib import Path

from roost.host.tmux.config import SESSION_ID, own_size


def attach_argv(
    socket: Path, *, read_only: bool = False, keeps_size: bool = False, tmux: str = "tmux"
) -> list[str]:
    """The command that joins the terminal on `socket`, never starting a server; run it without TMUX set.

    `keeps_size`: beside others who type, this one changes no size.
    A reader beside nobody but us changes no size: tmux 3.3a takes the size of a client that is to be ignored
    when there is no other.
    """
    join = [tmux, "-N", "-u", "-S", str(socket), "attach-session"]
    if not read_only:
        return [*join, *(["-f", "ignore-size"] if keeps_size else []), "-t", SESSION_ID]
    target = f"{SESSION_ID}:"
    alone = ["if-shell", "-F", "-t", target, "#{e|>:#{session_attached},2}", "", own_size(target)]
    return [*join, "-r", "-t", SESSION_ID, ";", *alone]
