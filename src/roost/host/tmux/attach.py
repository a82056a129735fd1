"""How a human joins a session's terminal."""

from pathlib import Path

from roost.host.tmux.config import SESSION


def attach_argv(socket: Path, *, read_only: bool = False, tmux: str = "tmux") -> list[str]:
    """The command that joins the terminal on `socket`, never starting a server; run it without TMUX set."""
    mode = ["-r"] if read_only else []
    return [tmux, "-N", "-u", "-S", str(socket), "attach-session", *mode, "-t", f"={SESSION}"]
