"""What the wheel is built from beside Python: `roost` as a native program, where there is a C compiler.

Without one `roost` is the script that starts Python, as `roost-python` always is. Linux only.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

MAIN = "roost.cli.main:main"
SOURCE = Path(__file__).with_name("src") / "roost" / "cli" / "door" / "client.c"
_SECONDS = 60.0


def build_client(folder: Path) -> Path | None:
    """Compile the program into a folder; None where that is not possible."""
    compiler = _compiler()
    if sys.platform != "linux" or compiler is None:
        return None
    program = folder / "roost"
    # A static program starts in half the time.
    for how in (["-static"], []):
        words = [*compiler, "-O2", "-Wall", *how, "-o", str(program), str(SOURCE)]
        try:
            if subprocess.run(words, capture_output=True, timeout=_SECONDS, check=False).returncode == 0:
                return program
        except (OSError, subprocess.TimeoutExpired):
            return None
    return None


def _compiler() -> list[str] | None:
    chosen = shlex.split(os.environ.get("CC", ""))
    if chosen:
        return chosen
    return next(([found] for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)


class Scripts(MetadataHookInterface):
    """Which scripts an installer makes."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Leave out the one whose name the native program takes."""
        with tempfile.TemporaryDirectory() as folder:
            native = build_client(Path(folder)) is not None
        metadata["scripts"] = {"roost-python": MAIN} if native else {"roost": MAIN, "roost-python": MAIN}


class NativeDoor(BuildHookInterface[Any]):
    """Puts the native program into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 -- hatchling's signature
        """Compile it."""
        self._folder = Path(tempfile.mkdtemp(prefix="roost-build-"))
        program = build_client(self._folder)
        if program is not None:
            build_data["shared_scripts"][str(program)] = "roost"
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 -- as above
        """Clean up."""
        shutil.rmtree(self._folder, ignore_errors=True)
