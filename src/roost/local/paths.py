"""Where everything lives: `ROOST_HOME`, or the XDG directories."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_SOCKET_BYTES = 100
"""A Unix socket's path ends at 107 bytes (macOS: 103); a margin is kept."""
_LONGEST_SOCKET = "t/" + "0" * 16


class Places(NamedTuple):
    """The directories and files of one roost.

    `run` holds sockets. It is not the login session's runtime directory: that one is emptied at logout, and
    agents outlive a logout.
    """

    home: Path
    config: Path
    state: Path
    run: Path
    logs: Path

    @property
    def socket(self) -> Path:
        """The daemon's socket."""
        return self.run / "roost.sock"

    @property
    def lock(self) -> Path:
        """Held by the one daemon: the folder itself, because a file could be removed under its holder."""
        return self.state

    @property
    def pid(self) -> Path:
        """Who held the lock last."""
        return self.state / "daemon.pid"

    @property
    def database(self) -> Path:
        """The store."""
        return self.state / "roost.db"

    @property
    def search_index(self) -> Path:
        """Which words stand in which rows of the store; made anew where it is missing."""
        return self.state / "search.db"

    @property
    def store_note(self) -> Path:
        """Which store ran here last, and how far it had come."""
        return self.state / "store.json"

    @property
    def membership(self) -> Path:
        """Which host of which fleet this is, with its secrets; none: it is alone."""
        return self.state / "fleet.json"

    @property
    def identity(self) -> Path:
        """The keys of this host, which it keeps also while it is in no fleet: its name belongs to them."""
        return self.state / "host.json"

    @property
    def hub(self) -> Path:
        """What this host keeps as the hub of its fleet; none: it is not the hub."""
        return self.state / "hub"

    @property
    def is_hub(self) -> bool:
        """Whether this host has the hub of its fleet."""
        return self.roster.exists()

    @property
    def roster(self) -> Path:
        """Who belongs to the fleet, with its secrets."""
        return self.hub / "roster.json"

    @property
    def inheritance(self) -> Path:
        """What the latest start of the daemon from outside of every session took from its starter."""
        return self.state / "inheritance.json"

    @property
    def daemon_log(self) -> Path:
        """What the daemon writes to its standard error."""
        return self.logs / "daemon.log"

    @property
    def spool(self) -> Path:
        """Death records on their way into the store."""
        return self.state / "deaths"

    @property
    def sessions(self) -> Path:
        """One private directory for each live session."""
        return self.state / "sessions"

    @property
    def runs(self) -> Path:
        """What was asked for when a person last ran each peer in a terminal of their own."""
        return self.state / "runs"

    @property
    def hooks(self) -> Path:
        """What was written into settings of agent programs for sessions that have joined."""
        return self.state / "hooks"

    @property
    def added_hooks(self) -> Path:
        """What a person has had added to settings of agent programs, for all sessions of those."""
        return self.state / "added-hooks"

    @property
    def joined(self) -> Path:
        """What such hooks find of the sessions that have joined: a file for each conversation."""
        return self.state / "joined"

    @property
    def bodies(self) -> Path:
        """Bodies too long to paste, in a folder for each recipient."""
        return self.state / "bodies"

    @property
    def attachments(self) -> Path:
        """Attachments by their content's hash."""
        return self.state / "attachments"

    @property
    def arriving(self) -> Path:
        """What has come so far of peers that move here from other hosts."""
        return self.state / "arriving"

    @property
    def metrics_token(self) -> Path:
        """What a reader of the metrics sends as its bearer token."""
        return self.state / "metrics.token"

    @property
    def exits_log(self) -> Path:
        """One line for each exit."""
        return self.logs / "exits.log"

    @property
    def forensics(self) -> Path:
        """One file for each dirty death of a tmux server."""
        return self.logs / "forensics"

    @property
    def panes(self) -> Path:
        """The pane logs of all peers."""
        return self.logs / "panes"

    def pane_log(self, peer: str) -> Path:
        """What the terminal of a peer's latest session showed, raw; the session before has `.1` behind it."""
        return self.panes / f"{peer}.log"

    def pooled_log(self, session: str) -> Path:
        """What the terminal of a pooled session shows while it is not the active one."""
        return self.session(session) / "pane.log"

    def terminal(self, session: str) -> Path:
        """The tmux socket of a session."""
        return self.run / "t" / session[:16]

    def call(self, session: str) -> Path:
        """The socket on which a session's program may be called."""
        return self.run / "c" / session[:16]

    def session(self, session: str) -> Path:
        """The private directory of a session."""
        return self.sessions / session


def find_places(environ: Mapping[str, str], home: str | None = None) -> Places:
    """The places that `home` (the `--home` option), `ROOST_HOME` or XDG name, in this order."""
    chosen = home or environ.get("ROOST_HOME")
    if chosen:
        root = Path(os.path.realpath(os.path.expanduser(chosen)))  # noqa: PTH111 -- needs no home to exist
        return Places(root, root / "config.toml", root / "state", _short(root / "run"), root / "logs")
    user = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or user / ".config") / "roost"
    state = Path(environ.get("XDG_STATE_HOME") or user / ".local" / "state") / "roost"
    return Places(state, config / "config.toml", state / "state", _short(state / "run"), state / "logs")


def _short(run: Path) -> Path:
    """The directory itself, or a private one in /tmp when socket paths below it would be too long."""
    if len(os.fsencode(run / _LONGEST_SOCKET)) <= _SOCKET_BYTES:
        return run
    import hashlib  # noqa: PLC0415 -- few folders are that deep, and it takes long to load

    name = hashlib.blake2b(os.fsencode(run), digest_size=8).hexdigest()
    return Path("/tmp") / f"roost-{os.getuid()}-{name}"  # noqa: S108 -- created 0700 and its owner checked
