"""A user manager for tests: `systemctl`, `systemd-run` and `loginctl` that do what little is needed.

`systemctl start` starts the command of the installed unit with the unit's environment and a NOTIFY_SOCKET,
and returns at `READY=1`, as Type=notify promises. Every call is written down. `mode` makes the programs fail
or hang.
"""

import ast
import os
import sys
from collections.abc import Mapping
from pathlib import Path

PROGRAM = """#!{python} -ISE
import sys
sys.path.insert(0, {root!r})
from tests.support.fake_systemd_answers import answer
asked = {name!r}, {folder!r}, sys.argv[1:]
code = answer(*asked)
if code is None:
    from tests.support.fake_systemd_program import main
    code = main(*asked)
sys.exit(code)
"""
ROOT = str(Path(__file__).resolve().parents[2])


class FakeSystemd:
    """The programs in a folder of their own, and what they were asked."""

    def __init__(self, folder: Path, runtime: Path) -> None:
        """Make the programs; `runtime` (XDG_RUNTIME_DIR) gets the manager's private socket."""
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        for name in ("systemctl", "systemd-run", "loginctl"):
            path = self.bin / name
            path.write_text(PROGRAM.format(python=sys.executable, root=ROOT, name=name, folder=str(folder)))
            path.chmod(0o755)
        (runtime / "systemd").mkdir(parents=True, exist_ok=True)
        (runtime / "systemd" / "private").touch()

    def environ(self, base: Mapping[str, str]) -> dict[str, str]:
        """An environment in which they are found first."""
        return {**base, "PATH": f"{self.bin}:{base['PATH']}"}

    def mode(self, program: str, mode: str) -> None:
        """`fail`, `hang`, or `` for the usual; for loginctl also `linger`; for systemd-run `old`."""
        (self.folder / f"{program}.mode").write_text(mode)

    def fails(self, unit: str) -> None:
        """The unit has failed too often to be started."""
        (self.folder / f"{unit}.failed").touch()

    def stops(self, unit: str) -> None:
        """A unit that is no daemon is not active any more."""
        (self.folder / f"{unit}.active").unlink()

    def calls(self, program: str = "systemctl") -> list[list[str]]:
        """The arguments of every call so far, without the questions that change nothing."""
        path = self.folder / "calls"
        calls = map(ast.literal_eval, path.read_text().splitlines() if path.exists() else ())
        asked = [argv for name, argv in calls if name == program]
        return [argv for argv in asked if not {"is-active", "is-enabled", "show-environment"} & set(argv)]

    def forget(self) -> None:
        """Write down from the start."""
        (self.folder / "calls").unlink(missing_ok=True)

    def main_pid(self) -> int | None:
        """The daemon that the manager has started."""
        path = self.folder / "main.pid"
        return int(path.read_text()) if path.exists() else None

    def told(self) -> str:
        """What the daemon has told the manager."""
        path = self.folder / "told"
        return path.read_text() if path.exists() else ""


def runtime_folder() -> Path:
    """The runtime folder of the current test."""
    return Path(os.environ["XDG_RUNTIME_DIR"])
