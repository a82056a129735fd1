"""The damage matrix (G1 to G6): no live agent is ended, what is lost is said, each printed cure works.

{what happens to the store or its disk} x {daemon up, down}: each cell is a subtest, with one agent alive and
one dead. Those of one column share a roost, which each cure leaves whole for the next. Files that were moved
away are not there, as deleted ones: that a running daemon tells it of either is in test_store_lost.
"""

import json
import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

import pytest

from roost.store.database import SCHEMA
from tests.support.daemon import PATIENCE, Record, Roost, StartFailedError, alive, roost_in
from tests.support.damage import NEWER_ROOST, OF_DISKS, OF_FILES, Damage, ballast, set_version
from tests.support.home import Home, make_home
from tests.support.small_disk import small_disk
from tests.support.sweeping import wipe_out
from tests.support.wait import wait_until

PEERS = ("a", "b")
KINDS = {"files": OF_FILES, "disk": OF_DISKS}
IN_PLACE = ("zero-bytes", "flipped-pages")
"""The files are where they were: who has them open meets the damage when he reads."""
OF_STORES = ("store-displaced", "store-doubted", "store-empty", "store-damaged")
SAID = r"restore BACKUP|upgrade roost|mount -o remount,rw|free some|df -i"
"""What refuses to start says what to do."""


@contextmanager
def roost_on(kind: str) -> Iterator[Roost]:
    """A roost with two peers that have worked, a mailbox, and a backup from before one of them was."""
    with ExitStack() as stack:
        home = stack.enter_context(make_home())
        disk: AbstractContextManager[None] = nullcontext()
        if kind == "disk":
            disk = small_disk(home.roost, "24m", files=3000)
        stack.enter_context(disk)
        roost = stack.enter_context(roost_in(home))
        roost.add("box", "human")
        for name in PEERS:
            roost.add(name)
            if name == "a":
                assert roost.cli("backup", str(home.root / "early.db")).returncode == 0
        yield roost


class Cell:
    """One damage to a roost in which `a` lives and `b` has just been killed."""

    def __init__(self, roost: Roost, damage: Damage, *, up: bool) -> None:
        """Wake the peers, back up, send what is acknowledged, and do the damage."""
        self.roost, self.damage = roost, damage
        for name in PEERS:
            roost.call("wake", name=name)
        self.living, dying = (roost.until_state(name, "idle")["session"] for name in PEERS)
        self.old = roost.send("box", "before the backup")["id"]
        self.late.unlink(missing_ok=True)
        roost.call("backup", path=str(self.late))
        self.new = roost.send("box", "acknowledged just before")["id"]
        if up:
            damage.harm(roost)
            wipe_out([dying])
        else:
            wipe_out([dying])
            if damage.name == "no-log":
                roost.kill()  # in its log is what was acknowledged a moment ago
            else:
                roost.down(agents=False)
            damage.harm(roost)

    @property
    def late(self) -> Path:
        """The latest backup."""
        return self.roost.home.root / "late.db"

    def check_living(self) -> None:
        """The agent that lives has not been ended."""
        assert all(alive(self.living[name]) for name in ("agent_pid", "shim_pid", "server_pid"))

    def wrong(self) -> dict[str, str]:
        """The cures that doctor prints, by the code of the finding."""
        found: list[Record] = json.loads(self.roost.cli("doctor", "--json").stdout)
        return {each["code"]: each["fix"] for each in found if each["ok"] is False and each["fix"]}

    def run(self, cures: dict[str, str], *codes: str) -> None:
        """Run the commands of the cure of one of these findings as they are printed, with our backup."""
        cure = next(cures[code] for code in codes if code in cures)
        for printed in cure.replace("BACKUP", str(self.late)).split(" && "):
            words = shlex.split(printed)
            if words == ["roost", "up"]:
                self.roost.start()
            elif words == ["roost", "down"]:
                done = self.roost.cli("down")
                assert (done.returncode, self.roost.daemon.wait(PATIENCE)) == (0, 0), done
            elif words[0] == "roost":
                done = self.roost.cli(*words[1:])
                assert done.returncode == 0, done
            else:
                subprocess.run(["sh", "-c", printed], check=True, capture_output=True)

    def free_the_disk(self) -> None:
        """Do as doctor says: look for what fills the disk, and remove it."""
        cures = self.wrong()
        cure = cures.get("disk-full") or cures["disk-files"]
        shown = subprocess.run(["sh", "-c", cure], check=True, capture_output=True, text=True).stdout
        assert str(ballast(self.roost)) in shown
        shutil.rmtree(ballast(self.roost))

    def check_whole(self, *messages: str) -> None:
        """What was acknowledged is there, the agent that lives is the same, the dead one wakes again."""
        roost = self.roost
        self.check_living()
        for message in (self.old, *messages):
            assert roost.message(message)["state"] == "queued"
        wait_until(
            lambda: roost.call("status")["alarm"] is None,
            timeout=PATIENCE,
            why="no alarm",
            describe=lambda: roost.call("status")["alarm"],
        )
        roost.until_state("a", "idle")
        assert roost.session("a")["agent_pid"] == self.living["agent_pid"]
        roost.until_state("b", "asleep", "quarantined")
        roost.call("wake", name="b")  # also when it was killed too often
        for name in PEERS:
            roost.until_message(roost.send(name, "again")["id"], "done")


def column(subtests: pytest.Subtests, kind: str, judge: Callable[[Cell], None], *, up: bool) -> None:
    """Each damage of that kind. Where a cure leaves a roost that does not work, the next one has another."""
    left = list(KINDS[kind])
    while left:
        with roost_on(kind) as roost:
            whole = True
            while left and whole:
                damage, whole = left.pop(0), False
                with subtests.test(f"{damage.name}, daemon {'up' if up else 'down'}"):
                    try:
                        judge(Cell(roost, damage, up=up))
                        whole = True
                    finally:
                        if damage.name == "read-only":
                            subprocess.run(["umount", "-l", str(roost.home.roost)], check=True)
                if not whole:
                    repair(roost)


def repair(roost: Roost) -> None:
    """After a failure: what lets the roost be ended in order."""
    shutil.rmtree(ballast(roost), ignore_errors=True)
    if roost.daemon.poll() is None:
        roost.kill()
    roost.cli("restore", str(roost.home.root / "late.db"))
    roost.start()
    roost.call("gc", end=["all"])


def while_down(cell: Cell) -> None:
    roost, damage = cell.roost, cell.damage
    cures = cell.wrong()
    listed = roost.cli("inbox", "box", "--json")
    if damage.disk:
        assert cell.new in listed.stdout, "what is stored can be read"
    elif damage.loses:
        assert "roost restore BACKUP" in listed.stderr
    if damage.starts:
        roost.start()
        assert "the store" in roost.call("status")["alarm"], "what is lost is said"
        if damage.name != "no-log":  # the file without its log knows the session, or does not
            wait_until(
                lambda: [each["peer"] for each in roost.call("status")["unknown_sessions"]] == ["a"],
                timeout=PATIENCE,
                why="who lives and is not in the registry is shown",
            )
        roost.down(agents=False)
    else:
        # Both open it in the same way: `gc` once for each reason to refuse it.
        for command in ("up", "gc") if damage.name in ("newer-schema", "garbage", "full") else ("up",):
            failed = roost.cli(command)
            assert (failed.returncode, bool(re.search(SAID, failed.stderr))) == (1, True), failed
    cell.check_living()
    match damage.name:
        case "full" | "no-inodes":
            cell.free_the_disk()
            roost.start()
        case "newer-schema":
            assert not cures, "a backup is not the cure of a store that is whole"
            roost.start(*NEWER_ROOST)
            set_version(roost, SCHEMA)
        case _:
            cell.run(cures, "disk-read-only", *OF_STORES)
            roost.start()
    cell.check_whole(*([] if damage.loses else [cell.new]))


def while_up(cell: Cell) -> None:
    """The daemon still has the files that were taken away: what they hold is not lost."""
    roost, damage = cell.roost, cell.damage
    wait_until(
        lambda: roost.row("b")["state"] not in ("idle", "working"),
        timeout=PATIENCE,
        why="a death is shown, stored or not",
        describe=lambda: roost.row("b"),
    )
    kept = [cell.new]
    if damage.name in IN_PLACE:
        told = roost.cli("message", cell.new)
        assert (told.returncode, "is damaged" in told.stderr) == (1, True), told
        kept = []  # the alarm says it
    sent = roost.cli("send", "box", "x" * 50_000, "--wait", "stored")
    if damage.disk or damage.name == "newer-schema":
        if sent.returncode == 0:
            kept.append(sent.stdout.strip())
        else:
            assert "is full and nothing was stored" in sent.stderr
            assert "is full and nothing was stored" in roost.cli("list").stderr
    else:
        assert (sent.returncode, "nothing is stored" in sent.stderr) == (1, True), sent
        assert "nothing is stored" in roost.call("status")["alarm"]
    cures = cell.wrong()
    match damage.name:
        case "full" | "no-inodes":
            cell.free_the_disk()
        case "read-only":
            waits = roost.send("b", "hello")["id"]
            wait_until(
                lambda: "Read-only" in roost.message(waits)["recipient"]["why"],
                timeout=PATIENCE,
                why="whose session cannot be started waits, and says why",
                describe=lambda: roost.message(waits),
            )
            cell.run(cures, "disk-read-only")
            roost.call("wake", name="b")
            roost.until_message(waits, "done")
            roost.call("sleep", name="b")
        case "newer-schema":
            roost.down(agents=False)
            with pytest.raises(StartFailedError, match="upgrade roost"):
                roost.start()
            roost.start(*NEWER_ROOST)
            set_version(roost, SCHEMA)
        case _:
            cell.run(cures, *OF_STORES)
    cell.check_whole(*kept)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_G1_G2_G4_G5_G6_G13_damage_while_the_daemon_is_down(subtests: pytest.Subtests, kind: str) -> None:
    column(subtests, kind, while_down, up=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_G3_G4_G5_G6_damage_under_a_running_daemon(subtests: pytest.Subtests, kind: str) -> None:
    column(subtests, kind, while_up, up=True)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_G1_a_loss_is_said_where_no_agent_runs_either(subtests: pytest.Subtests) -> None:
    with roost_on("files") as roost:
        for damage in OF_FILES:
            if damage.name in ("deleted", "no-log", "older-copy"):
                roost.send("box", "acknowledged")
                late = roost.home.root / f"{damage.name}.db"
                roost.call("backup", path=str(late))
                roost.send("box", "acknowledged just before")
                roost.kill()
                damage.harm(roost)
                roost.start()
                with subtests.test(damage.name):
                    assert "the store" in (roost.call("status")["alarm"] or "")
                roost.down(agents=False)
                assert roost.cli("restore", str(late)).returncode == 0
                roost.start()


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        yield made


def test_a_backup_that_was_cut_off_in_a_process_of_the_same_pid_is_not_in_the_way(roost: Roost) -> None:
    roost.add("a")
    copy = roost.home.root / "copy.db"
    for left in ("", "-journal", "-wal"):
        copy.with_name(f".copy.db.{roost.daemon.pid}.part{left}").write_bytes(b"half a copy" * 1000)
    done = roost.cli("backup", str(copy))
    assert (done.returncode, "1 peer" in done.stdout) == (0, True), done
    assert list(roost.home.root.glob("*copy.db*")) == [copy]


def test_backup_and_restore_refuse_what_would_destroy(roost: Roost) -> None:
    roost.add("a")
    copy = roost.home.root / "copy.db"
    assert roost.cli("backup", str(copy)).returncode == 0
    assert copy.stat().st_mode & 0o777 == 0o600
    again = roost.cli("backup", str(copy))
    assert (again.returncode, "already" in again.stderr) == (1, True)
    roost.down(agents=False)
    offline = roost.cli("backup", str(roost.home.root / "offline.db"), "--json")
    assert (offline.returncode, '"peers"' in offline.stdout) == (0, True)
    before = roost.places.database.read_bytes()
    newer = roost.home.root / "newer.db"
    shutil.copy(copy, newer)
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    empty = roost.home.root / "empty.db"
    empty.touch()
    (roost.home.root / "text").write_text("not a backup" * 1000)
    for name, why in (
        ("newer.db", "newer roost"),
        ("empty.db", "no tables"),
        ("text", "damaged"),
        ("x", "no file"),
    ):
        done = roost.cli("restore", str(roost.home.root / name))
        assert (done.returncode, why in done.stderr) == (1, True), done
    assert roost.places.database.read_bytes() == before
    done = roost.cli("restore", str(copy))
    assert "what was there before is kept as" in done.stdout
    kept = Path(done.stdout.split()[-1])
    assert kept.read_bytes() == before
