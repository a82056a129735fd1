"""Full disks, read-only places, damaged files, other versions: a clear sentence, and nothing lost."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from roost.core.vocabulary.commands import Journal, SaveMessage
from roost.core.vocabulary.message import Message, MessageState
from roost.errors import StoreError
from roost.store.database import SCHEMA, open_database
from roost.store.errors import BrokenRowError, StoreEmptyError, StoreMissingError, StoreVersionError
from roost.store.interfaces import Batch
from roost.store.reader import Reader
from roost.store.records import Wanted
from roost.store.sqlite import SqliteStore

NOBODY = 65534
root_only = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: permissions must be given up or a disk mounted"
)


def _mail(name: str, size: int = 100) -> Batch:
    message = Message(name, "a", "b", 1.0, size, "d")
    return Batch(1.0, (SaveMessage(message),), (Journal("queued", "b", None, name),), {name: b"x" * size})


async def _filled(path: Path, count: int = 20) -> None:
    store = await SqliteStore.open(path)
    await asyncio.gather(*(store.commit(_mail(f"m{n}")) for n in range(count)))
    await store.close()


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that another user can reach, unlike pytest's own."""
    place = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "roost-test", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


@root_only
async def test_a_full_disk_fails_the_commit_and_the_store_lives_on(small_disk: Path) -> None:
    store = await SqliteStore.open(small_disk / "roost.db")
    await store.commit(_mail("before"))
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space"):
        _fill(ballast)

    stored = ["before"]
    error: StoreError | None = None
    while error is None:  # A log that was moved has room of its own, which is used up first.
        name = f"kept-{len(stored)}"
        try:
            await store.commit(_mail(name, 5000))
            stored.append(name)
        except StoreError as full:
            error = full
    assert "full" in str(error)
    assert "free some space" in str(error)
    results = await asyncio.gather(
        *(store.commit(_mail(f"lost-{n}", 500_000)) for n in range(3)), return_exceptions=True
    )
    assert all(isinstance(result, StoreError) for result in results)
    assert [message.id for message in await store.messages()] == stored, "it still reads"

    ballast.unlink()
    (row,) = await store.commit(_mail("after"))
    assert row.seq == len(stored) + 1, "the failed ones used no number"
    await store.close()
    reader = Reader(small_disk / "roost.db")
    assert [message.id for message in reader.messages()] == [*stored, "after"]
    assert reader.check() == []
    reader.close()


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from roost.errors import StoreError
from roost.store.sqlite import SqliteStore
from tests.integration.test_store_trouble import _mail

async def main(path):
    store = await SqliteStore.open(path)
    await store.commit(_mail("before"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        for n in range(100):
            await store.commit(_mail(f"m{n:03}", 50_000))
    except StoreError as error:
        print(error.message)
        failed = n
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (row,) = await store.commit(_mail("after"))
    assert row.seq == failed + 2, (row.seq, failed)
    await store.close()

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_a_disk_quota_fails_the_commit_and_the_store_lives_on(tmp_path: Path) -> None:
    path = tmp_path / "roost.db"
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", LIMITED, str(path), str(Path.cwd())],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert "check the disk and its quota" in done.stdout
    reader = Reader(path)
    names = [message.id for message in reader.messages()]
    assert names == ["before", *(f"m{n:03}" for n in range(len(names) - 2)), "after"]
    assert reader.check() == []
    reader.close()


AS_NOBODY = """
import asyncio, os, sys
from pathlib import Path
from roost.errors import StoreError
from roost.store.reader import Reader
from roost.store.sqlite import SqliteStore

what, path, uid = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
os.setgroups([]); os.setgid(uid); os.setuid(uid)

async def write():
    store = await SqliteStore.open(path)
    await store.close()

try:
    if what == "write":
        asyncio.run(write())
    else:
        print(len(Reader(path).messages()))
except StoreError as error:
    print(f"{type(error).__name__}: {error.message}")
"""


def _as_nobody(what: str, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, what, str(path), str(NOBODY)],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _give(place: Path) -> None:
    for path in (place, *place.iterdir()):
        os.chown(path, NOBODY, NOBODY)
        path.chmod(0o500 if path.is_dir() else 0o400)


@root_only
async def test_a_read_only_directory_is_named_when_writing(open_place: Path) -> None:
    await _filled(open_place / "roost.db")
    _give(open_place)
    said = await asyncio.to_thread(_as_nobody, "write", open_place / "roost.db")
    assert "StoreError" in said
    assert "writ" in said
    assert str(open_place) in said
    missing = await asyncio.to_thread(_as_nobody, "write", open_place / "other.db")
    assert "cannot be opened; check that its directory exists and that you may write in it" in missing


UNCLEAN = """
import asyncio, os, signal, sys
from pathlib import Path
from roost.store.sqlite import SqliteStore
sys.path.insert(0, sys.argv[2])
from tests.integration.test_store_trouble import _mail

async def main(path):
    store = await SqliteStore.open(path)
    for n in range(20):
        await store.commit(_mail(f"m{n}"))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(Path(sys.argv[1])))
"""


def _left_unclean(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNCLEAN, str(path), str(Path.cwd())], check=False, timeout=30
    )
    assert done.returncode == -signal.SIGKILL
    assert Path(f"{path}-wal").stat().st_size > 0


async def test_a_reader_mends_what_a_killed_daemon_left(tmp_path: Path) -> None:
    path = tmp_path / "roost.db"
    await asyncio.to_thread(_left_unclean, path)
    Path(f"{path}-shm").unlink()
    reader = Reader(path)
    assert len(reader.messages()) == 20
    reader.close()


@root_only
@pytest.mark.parametrize("index", [True, False])
async def test_an_unclean_store_in_a_read_only_directory_is_read_or_explained(
    open_place: Path, index: bool
) -> None:
    path = open_place / "roost.db"
    await asyncio.to_thread(_left_unclean, path)
    if not index:
        Path(f"{path}-shm").unlink()
    _give(open_place)
    said = await asyncio.to_thread(_as_nobody, "read", path)
    if index:
        assert said == "20\n"
    else:
        assert "cannot be read: it was not closed cleanly and its directory is not writable for you" in said


@root_only
async def test_a_cleanly_closed_store_is_read_from_a_read_only_directory(open_place: Path) -> None:
    path = open_place / "odd name%20?#.db"
    await _filled(path)
    _give(open_place)
    assert await asyncio.to_thread(_as_nobody, "read", path) == "20\n"


@pytest.mark.parametrize("damage", ["garbage", "header", "middle", "truncated"])
async def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "roost.db"
    await _filled(path, 500)
    data = bytearray(path.read_bytes())
    if damage == "garbage":
        data[:] = b"not a database, but long enough to be taken for one " * 100
    elif damage == "header":
        data[:16] = b"x" * 16
    elif damage == "middle":
        data[4096:] = b"\xa5" * (len(data) - 4096)
    else:
        del data[len(data) // 2 :]
    path.write_bytes(data)

    async def use() -> None:
        store = await SqliteStore.open(path)
        try:
            await store.load()
            await store.messages(limit=10_000)
            await store.commit(_mail("new"))
        finally:
            await store.close()

    with pytest.raises(StoreError, match=r"is damaged .*roost restore"):
        await use()

    def read() -> None:
        Reader(path).messages(limit=10_000)

    with pytest.raises(StoreError, match="is damaged"):
        read()


async def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "roost.db"
    await _filled(path)
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", SCHEMA + 1)
    connection.close()
    before = path.read_bytes()
    sentence = f"the store is of a newer roost .schema {SCHEMA + 1}, this one knows {SCHEMA}.; upgrade roost"
    with pytest.raises(StoreVersionError, match=sentence):
        await SqliteStore.open(path)
    with pytest.raises(StoreVersionError, match=sentence):
        Reader(path)
    assert path.read_bytes() == before


def test_a_newer_store_is_not_opened_for_writing(tmp_path: Path) -> None:
    open_database(tmp_path / "roost.db").close()
    connection = apsw.Connection(str(tmp_path / "roost.db"))
    connection.pragma("user_version", SCHEMA + 1)
    connection.close()
    with pytest.raises(StoreVersionError, match="upgrade roost"):
        open_database(tmp_path / "roost.db")


def test_L6_reading_makes_no_store(tmp_path: Path) -> None:
    path = tmp_path / "roost.db"
    with pytest.raises(StoreMissingError, match="roost up"):
        Reader(path)
    assert list(tmp_path.iterdir()) == []


def test_an_unmigrated_store_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "roost.db"
    connection = apsw.Connection(str(path))
    connection.pragma("application_id", 1)
    connection.close()
    with pytest.raises(StoreEmptyError, match="is empty"):
        Reader(path)


@pytest.mark.parametrize("version", range(SCHEMA))
def test_each_earlier_version_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    migrations = sorted((Path(open_database.__code__.co_filename).parent / "migrations").glob("*.sql"))
    assert [path.stem for path in migrations] == [f"{n:04}" for n in range(1, SCHEMA + 1)]
    fresh = open_database(tmp_path / "fresh.db")
    old = apsw.Connection(str(tmp_path / "old.db"))
    for number, path in enumerate(migrations[:version], 1):
        old.execute(path.read_text())
        old.pragma("user_version", number)
    old.close()
    moved = open_database(tmp_path / "old.db")
    tables = "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2"
    assert moved.execute(tables).fetchall() == fresh.execute(tables).fetchall()
    assert moved.pragma("user_version") == SCHEMA
    moved.close()
    fresh.close()


def test_a_failed_migration_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "roost.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE journal (stranger)")  # the last but two of the first migration's tables
    connection.close()
    with pytest.raises(StoreError):
        open_database(path)
    connection = apsw.Connection(str(path))
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("journal",)]
    assert connection.pragma("user_version") == 0
    connection.close()


def test_eight_processes_that_open_a_new_store_migrate_it_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from roost.store.database import open_database\n"
        "sys.stdout.write('here\\n'); sys.stdout.flush(); sys.stdin.readline()\n"
        "connection = open_database(Path(sys.argv[1]))\n"
        "connection.execute('INSERT INTO meta VALUES (?, 1)', (sys.argv[2],))\n"
        "connection.close()"
    )
    path = tmp_path / "roost.db"
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path), str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for n in range(8)
    ]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == b"here\n"
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write(b"go\n")
        opener.stdin.flush()
    for opener in openers:
        assert opener.communicate(timeout=30)[1] == b""
        assert opener.returncode == 0
    reader = Reader(path)
    assert [reader.meta(str(n)) for n in range(8)] == ["1"] * 8
    reader.close()


async def test_the_files_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = await SqliteStore.open(tmp_path / "roost.db")
        await store.commit(_mail("m"))
        assert os.umask(0) == 0, "the umask is as it was"
    finally:
        os.umask(before)
    files = list(tmp_path.iterdir())
    assert {path.name for path in files} == {"roost.db", "roost.db-wal", "roost.db-shm"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    await store.close()
    (tmp_path / "roost.db").chmod(0o644)
    store = await SqliteStore.open(tmp_path / "roost.db")
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    await store.close()


def test_the_files_are_never_open_to_others_not_even_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "chmod", lambda path, _mode: pytest.fail(f"{path} was made for all"))
    before = os.umask(0)
    try:
        open_database(tmp_path / "roost.db").close()
    finally:
        os.umask(before)


async def test_L5_reading_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "roost.db"
    await _filled(path)
    before = path.read_bytes()
    reader = Reader(path)
    reader.peers()
    with pytest.raises(apsw.ReadOnlyError):
        reader._connection.execute("DELETE FROM messages")
    reader.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    ['$.settings.colour" , "red', '$.stopped" , "no', '$.settings.wake" , "sometimes'],
)
async def test_a_row_of_an_unknown_shape_is_named(tmp_path: Path, change: str) -> None:
    from roost.core.vocabulary.commands import SavePeer
    from roost.core.vocabulary.peer import Peer, Settings

    path = tmp_path / "roost.db"
    store = await SqliteStore.open(path)
    await store.commit(Batch(1.0, (SavePeer(Peer("worker", "s", Settings("/", "demo"), 1.0)),)))
    await store.close()
    place, value = change.split('" , "')
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE peers SET data = json_set(data, ?, ?)", (place, value))
    connection.close()
    reader = Reader(path)
    with pytest.raises(
        BrokenRowError, match=r"peer 'worker' cannot be read from the store: .*another version"
    ):
        reader.peers()
    assert reader.counts().peers == 1, "and it reads on"
    reader.close()


def test_the_reader_is_light() -> None:
    """msgspec is worth its 8 ms: it reads a row 13 times faster than checks in Python do."""
    heavy = {"asyncio", "concurrent.futures", "logging", "sqlite3", "roost.core.vocabulary.commands"}
    code = f"import sys, roost.store.reader; print(sorted({heavy!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


async def test_a_store_in_a_missing_directory_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="check that its directory exists"):
        await SqliteStore.open(tmp_path / "none" / "roost.db")


async def test_the_cost_of_a_queue_does_not_follow_its_history(tmp_path: Path) -> None:
    await _filled(tmp_path / "roost.db", 1)
    reader = Reader(tmp_path / "roost.db")
    asked: list[str] = []
    reader._connection.exec_trace = lambda _cursor, statement, _values: asked.append(statement) is None
    reader.inbox("b")
    reader.messages(Wanted(to="b", state=MessageState.QUEUED))
    reader.messages(Wanted(state=MessageState.UNKNOWN))
    reader.peers()
    reader._connection.exec_trace = None
    wanted = [statement for statement in asked if "recipient" in statement and "FROM messages" in statement]
    assert len(wanted) == 4
    for statement in wanted:
        values = (None,) * statement.count("?")
        plan = reader._connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
        assert "messages_unfinished" in str(plan)
    reader.close()
