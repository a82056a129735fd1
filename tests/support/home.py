"""A home folder of its own for each test, and an environment without the machine's agent tools."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import MARKER

_KEPT = frozenset(
    {
        MARKER,
        "ROOST_CLI_CACHE",
        "ROOST_CLI_PINS",
        "ROOST_REQUIRE_CLIS",
        "ROOST_TEST_DOOR",
        "ROOST_TEST_LOOPBACK_ONLY",
    }
)
_FOREIGN = (
    "ANTHROPIC_",
    "AWS_",
    "CLAUDE",
    "CODEX_",
    "DBUS_",
    "GEMINI_",
    "GOOGLE_",
    "OPENAI_",
    "OPENCODE",
    "ROOST_",
    "SSH_",
    "TMUX",
    "XDG_",
)
_FOREIGN_NAMES = frozenset(
    {"ALL_PROXY", "COLUMNS", "HTTPS_PROXY", "HTTP_PROXY", "IS_SANDBOX", "LINES", "NO_PROXY", "STY"}
)


@dataclass(frozen=True, slots=True)
class Home:
    """The places of one test; `root` is short (Unix socket paths end at 107 bytes) and goes away with it."""

    root: Path
    user: Path
    roost: Path
    work: Path
    temporary: Path

    @property
    def mark(self) -> str:
        """The variable that all processes in this home carry."""
        return f"HOME={self.user}"

    @property
    def variables(self) -> dict[str, str]:
        """What the environment says about these places."""
        return {
            "HOME": str(self.user),
            "ROOST_HOME": str(self.roost),
            "TMPDIR": str(self.temporary),
            "XDG_CACHE_HOME": str(self.user / ".cache"),
            "XDG_CONFIG_HOME": str(self.user / ".config"),
            "XDG_DATA_HOME": str(self.user / ".local/share"),
            "XDG_RUNTIME_DIR": str(self.root / "x"),
            "XDG_STATE_HOME": str(self.user / ".local/state"),
        }


def is_foreign(name: str) -> bool:
    """Whether a variable could lead a test to this machine's own agent tools, sessions, proxies, terminal."""
    if name in _KEPT:
        return False
    return name.upper() in _FOREIGN_NAMES or name.startswith(_FOREIGN)


def environment(base: Mapping[str, str], home: Home) -> dict[str, str]:
    """`base` without foreign variables, with the places of `home`."""
    return {name: value for name, value in base.items() if not is_foreign(name)} | home.variables


@contextmanager
def make_home() -> Iterator[Home]:
    """Make the folders (0700) and remove them at the end. The product itself makes `roost`."""
    root = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    home = Home(root=root, user=root / "h", roost=root / "r", work=root / "w", temporary=root / "t")
    for folder in (home.user, home.work, home.temporary, root / "x"):
        folder.mkdir(mode=0o700)
    try:
        yield home
    finally:
        shutil.rmtree(root, ignore_errors=True)
