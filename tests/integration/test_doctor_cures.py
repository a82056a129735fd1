"""Each finding of `doctor` is produced on the real thing, its cure run as printed, and the finding gone.

The folder of the roost needs quoting, and so does each path in it.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from roost.present.finding import Code
from roost.store.database import SCHEMA, open_database
from tests.support.cures import (
    Case,
    Doctor,
    Printed,
    advised,
    cured,
    obeys,
    path_without,
    quoted_roost,
    restores,
    tool,
)
from tests.support.daemon import Roost
from tests.support.home import Home
from tests.support.hung_disk import hung
from tests.support.small_disk import small_disk

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="/proc, mounts, systemd")]
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount, and give files away")


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with quoted_roost(home) as made:
        yield made


def stored(roost: Roost) -> Path:
    """Folders and a store, with the backup of it that is returned."""
    for folder in (roost.places.home, roost.places.state, roost.places.run, roost.places.logs):
        folder.mkdir(mode=0o700, exist_ok=True)
    open_database(roost.places.database).close()
    backup = roost.home.root / "a backup"
    assert roost.cli("backup", str(backup)).returncode == 0
    return backup


def installs(doctor: Doctor) -> None:
    """Package managers that know what is asked of them."""
    tmux = shutil.which("tmux")
    tool(doctor.tools, "apt-get", f'test "$*" = "install tmux" && ln -sf {tmux} {doctor.tools}/tmux')
    tool(doctor.tools, "sudo", 'exec "$@"')
    tool(
        doctor.tools,
        "npm",
        f"""test "$1 $2" = "install -g" || exit 1
name=${{3##*/}}; name=${{name%-code}}
printf '#!/bin/sh\\necho 1.0\\n' > {doctor.tools}/$name; chmod +x {doctor.tools}/$name""",
    )


def set_version(path: Path, version: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def test_programs_places_and_store_without_a_daemon(roost: Roost) -> None:
    stored(roost)
    places = roost.places
    environ = {**roost.environ, "PATH": path_without(roost, "tmux", "claude", "codex")}
    doctor = Doctor(roost, environ, below=obeys())
    installs(doctor)
    editor = tool(doctor.tools, "my-editor", 'echo > "$1"')
    doctor.environ["EDITOR"] = str(editor)
    cured(
        doctor,
        Case(Code.TMUX_MISSING),
        Case(Code.PROGRAM_MISSING, check="claude"),
        Case(Code.PROGRAM_BROKEN, lambda: tool(doctor.tools, "codex", "exit 1")),
        Case(Code.STORE_CLOSED, lambda: places.database.chmod(0)),
        Case(Code.CONFIG_WRONG, lambda: places.config.write_text("[logs]\nsize = = 3\n")),
        Case(Code.FOLDER_OPEN, lambda: places.state.chmod(0o755)),
        Case(Code.FOLDER_TAKEN, lambda: (places.logs.rmdir(), places.logs.touch())),
        Case(Code.FOLDER_LOCKED, lambda: places.run.chmod(0o500)),
        Case(Code.SOCKET_TAKEN, places.socket.touch),
        Case(Code.DAEMON_DOWN),
    )


def test_a_folder_that_is_closed_and_a_configuration_that_is(roost: Roost) -> None:
    stored(roost)
    roost.places.config.touch()
    doctor = Doctor(roost, below=obeys())
    cured(doctor, Case(Code.FOLDER_CLOSED, lambda: roost.home.roost.chmod(0)))
    cured(
        doctor,
        Case(Code.CONFIG_CLOSED, lambda: roost.places.config.chmod(0)),
        Case(Code.FOLDER_CLOSED, lambda: lead_away(roost.places.logs)),
    )


def lead_away(folder: Path) -> None:
    folder.rmdir()
    folder.symlink_to(folder.with_name("an other disk"))


@root_only
def test_a_folder_of_another_user_and_a_tmux_that_is_too_old(roost: Roost) -> None:
    backup = stored(roost)
    doctor = Doctor(roost)
    installs(doctor)
    cured(
        doctor,
        Case(Code.TMUX_OLD, lambda: tool(doctor.tools, "tmux", "echo tmux 3.2a")),
        Case(Code.STORE_NEWER, lambda: set_version(roost.places.database, 99), goes_back(backup)),
        Case(Code.FOLDER_FOREIGN, lambda: os.chown(roost.places.logs, 12345, 12345)),
    )


def test_a_store_that_is_empty_damaged_old_or_in_use(roost: Roost) -> None:
    backup, path = stored(roost), roost.places.database
    doctor = Doctor(roost, quick="import roost.store.database as d; d._BUSY_MS = 100")
    installs(doctor)
    cured(
        doctor,
        Case(Code.TMUX_BROKEN, lambda: tool(doctor.tools, "tmux", "exit 1")),
        Case(Code.STORE_EMPTY, lambda: path.write_bytes(b""), restores(backup)),
    )
    cured(doctor, Case(Code.STORE_DAMAGED, lambda: path.write_bytes(b"no database" * 999), restores(backup)))
    garbage = Case(Code.STORE_DAMAGED, lambda: path.write_bytes(b"no database" * 999), advised)
    cured(doctor, garbage)
    doctor.does("roost down")
    other = sqlite3.connect(path, isolation_level=None)
    locks = ("locking_mode = EXCLUSIVE", f"user_version = {SCHEMA}")
    keeps = Case(
        Code.STORE_FAILED, lambda: [other.execute(f"PRAGMA {each}") for each in locks], closes(other)
    )
    cured(doctor, keeps)
    cured(doctor, Case(Code.STORE_OLDER, lambda: older(path)))


def closes(other: sqlite3.Connection) -> Callable[[Doctor, Printed], object]:
    return lambda *_: other.close()


def goes_back(backup: Path) -> Callable[[Doctor, Printed], object]:
    """With the command of the advice."""
    return lambda doctor, printed: doctor.does(printed.advice.split("`")[1].replace("BACKUP", f"'{backup}'"))


def older(path: Path) -> None:
    """As an older roost made it."""
    path.unlink()
    migrations = sorted((Path(open_database.__code__.co_filename).parent / "migrations").glob("*.sql"))
    connection = apsw.Connection(str(path))
    connection.execute("".join(each.read_text() for each in migrations[: SCHEMA - 1]))
    connection.pragma("user_version", SCHEMA - 1)
    connection.close()


def test_a_sqlite_that_cannot_be_loaded(roost: Roost) -> None:
    """`pip` is one that puts the broken module away."""
    broken = roost.home.root / "broken"
    (broken / "apsw").mkdir(parents=True)
    (broken / "apsw/__init__.py").write_text("raise ImportError('undefined symbol: sqlite3_x')\n")
    (broken / "pip").mkdir()
    (broken / "pip/__init__.py").touch()
    asked = "import shutil, sys; assert sys.argv[1:] == ['install', '--force-reinstall', 'apsw']"
    (broken / "pip/__main__.py").write_text(f"{asked}; shutil.rmtree({str(broken / 'apsw')!r})\n")
    cured(Doctor(roost, {**roost.environ, "PYTHONPATH": str(broken)}), Case(Code.SQLITE_BROKEN))


@root_only
def test_a_disk_that_is_read_only_or_does_not_answer(roost: Roost) -> None:
    with small_disk(roost.home.roost, "200m"):
        stored(roost)
        doctor = Doctor(roost, quick="import roost.cli.doctor as d; d._SECONDS = 2.0")
        disk = str(roost.home.roost)
        cured(
            doctor,
            Case(Code.DISK_READ_ONLY, lambda: mount("-o", "remount,ro", disk)),
        )
        roost.places.config.touch()
        with hung([roost.places.config]):
            cured(doctor, Case(Code.LOOK_HUNG))


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)
