"""`backup` and `restore`: whole copies of the store."""

import json
import subprocess
import sys
from pathlib import Path

from roost.cli.app import App
from roost.cli.command import Argument, command
from roost.cli.output import counted, remark, show_json
from roost.client.connection import Record
from roost.errors import BUSY, NoDaemonError, RefusedError, RoostError

_SECONDS = 600.0


@command("backup", Argument("file", metavar="FILE"))
def backup_command(app: App, file: str) -> None:
    """Copy the whole store into a new file, also while the daemon runs.

    The file holds all peers, messages and history, and secrets of their sessions: only you can read it.
    Attachments and conversations are not in it.
    """
    target = Path(file).absolute()
    try:
        copied: Record = app.call("backup", {"path": str(target)}, patience=None)
    except NoDaemonError:
        copied = _back_up(app, target)
    if app.json:
        show_json(copied)
    else:
        remark(f"{target}: {_held(copied)}")


def _back_up(app: App, target: Path) -> Record:
    from msgspec.structs import asdict

    from roost.store.reader import Reader

    reader = Reader(app.places.database)
    try:
        return asdict(reader.back_up(target))
    finally:
        reader.close()


@command("restore", Argument("file", metavar="FILE"))
def restore_command(app: App, file: str) -> None:
    """Put a backup in the place of the store.

    The daemon has to be down. What was there is kept beside it. Agents that run and that the backup does not
    know are shown by `roost gc` after `roost up`, and nobody ends them.
    """
    home = ["--home", app.chosen_home] if app.chosen_home else []
    words = [sys.executable, "-P", "-m", "roost.daemon.restore", *home, "--", str(Path(file).absolute())]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode == BUSY:
        raise RefusedError("the daemon is running; `roost down` first, its agents live on")
    if done.returncode != 0:
        why = done.stderr.strip().rpartition("\n")[2]
        raise RoostError(why or "it failed; `roost doctor` looks for the reason")
    copied: Record = json.loads(done.stdout)
    if app.json:
        show_json(copied)
        return
    remark(f"restored: {_held(copied)}")
    if copied["kept"]:
        remark(f"what was there before is kept as {copied['kept']}")


def _held(copied: Record) -> str:
    peers, messages = counted(copied["peers"], "peer"), counted(copied["messages"], "message")
    return f"{peers}, {messages} (schema {copied['schema']})"
