"""Which host this is, with real namespaces: containers with a kept volume, copies of a store (F6)."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.client.connection import RemoteError
from tests.support.container import Container, end
from tests.support.daemon import PATIENCE, Roost, StartFailedError
from tests.support.home import Home, environment, make_home
from tests.support.wait import wait_until

ELSEWHERE = Container("second", "2" * 32, "22222222-2222-2222-2222-222222222222")
NAMELESS = Container("nameless", None, "33333333-3333-3333-3333-333333333333")


def allowed() -> bool:
    """Whether namespaces can be made here; CI runs as root."""
    words = ["unshare", "--pid", "--fork", "--mount-proc", "--mount", "--uts", "true"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not allowed(), reason="this system gives no namespaces to this user")


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    made = Roost(home)
    try:
        yield made
    finally:
        (made.places.home / "keep").unlink(missing_ok=True)
        if made.process is not None and made.process.poll() is None:
            end(made)


@pytest.mark.parametrize(
    "second",
    [
        ELSEWHERE,
        Container("same-kernel", "4" * 32, None),
    ],
    ids=lambda each: each.name,
)
def test_F6_a_kept_volume_in_a_new_container_is_a_reboot(roost: Roost, second: Container) -> None:
    Container("first", "1" * 32, "11111111-1111-1111-1111-111111111111" if second.boot else None).start(roost)
    roost.add("a")
    roost.ask("a", "before", topic="t")
    end(roost)
    second.start(roost)
    assert roost.ask("a", "@@recall@@", topic="t") == "1"
    assert [death["cause"] for death in roost.deaths("a")] == ["reboot"]
    assert roost.call("status")["alarm"] is None


def test_F6_a_session_that_another_host_still_runs_is_left_alone_and_said(roost: Roost) -> None:
    """Its daemon has ended and its agents live, as on a machine that shares the folder."""
    first = Container("first", "1" * 32, "11111111-1111-1111-1111-111111111111")
    first.start(roost)
    (roost.places.home / "keep").touch()
    roost.add("a")
    roost.call("wake", name="a")
    roost.call("down", agents=False)
    container = roost.process
    wait_until(lambda: not roost.places.socket.exists(), timeout=PATIENCE, why="the first daemon has ended")
    ELSEWHERE.start(roost)
    row = roost.until_state("a", "unknown")
    assert "another host" in row["why"]
    with pytest.raises(RemoteError, match="another host"):
        roost.call("wake", name="a")
    sent = roost.send("a", "hello")["id"]
    roost.call("adopt", store=True)
    assert "another host" in roost.row("a")["why"], "its lock is held: that it is gone is not so"
    assert container is not None
    (roost.places.home / "keep").unlink()
    container.kill()
    container.wait(PATIENCE)
    roost.call("adopt", store=True)
    roost.until_message(sent, "done")
    assert [death["cause"] for death in roost.deaths("a")] == ["reboot"]


@pytest.mark.slow
def test_F6_where_no_lock_tells_the_cure_that_is_printed_works(roost: Roost, other: Home) -> None:
    """As on a file system without locks, in a container without a machine id; and a backup is restored."""
    Container("first", "1" * 32, "11111111-1111-1111-1111-111111111111").start(roost)
    roost.add("a")
    roost.ask("a", "before", topic="t")
    lock = roost.places.session(roost.session("a")["id"]) / "lock"
    backup = roost.home.root / "backup"
    roost.call("backup", path=str(backup))
    end(roost)
    lock.unlink()
    NAMELESS.start(roost)
    roost.until_state("a", "unknown")
    found = next(each for each in roost.call("doctor") if each["check"] == "session of a")
    assert found["fix"] == "roost adopt --store"
    assert roost.cli(*found["fix"].split()[1:]).returncode == 0
    assert roost.ask("a", "@@recall@@", topic="t") == "1"
    assert "session of a" not in [each["check"] for each in roost.call("doctor")]
    end(roost)
    restored = Roost(other, environment(os.environ, other))
    assert restored.cli("restore", str(backup)).returncode == 0
    ELSEWHERE.start(restored)
    try:
        assert restored.until_death("a")["cause"] == "reboot"
    finally:
        end(restored)


@pytest.fixture
def other() -> Iterator[Home]:
    """A second home; its daemon and agents are ended."""
    with make_home() as home:
        yield home


def copy(roost: Roost, home: Home) -> Roost:
    """The same roost in another folder, copied with all that tells of it."""
    subprocess.run(["cp", "-a", str(roost.places.home), str(home.roost)], check=True)
    return Roost(home, environment(os.environ, home))


def refused(roost: Roost, container: Container | None, *words: str) -> None:
    start = roost.start if container is None else lambda: container.start(roost)
    with pytest.raises(StartFailedError) as caught:
        start()
    for word in ("copy", "roost adopt --store", *words):
        assert word in str(caught.value)


@pytest.mark.slow
def test_F6_a_copy_is_refused_until_a_person_says_that_it_is_the_right_one(roost: Roost, other: Home) -> None:
    roost.start()
    try:
        roost.add("a")
        roost.call("wake", name="a")
        first = roost.session("a")
        clone = copy(roost, other)
        refused(clone, None, str(roost.places.state))
        refused(clone, ELSEWHERE, "host")
        adopted = clone.cli("adopt", "--store")
        assert (adopted.returncode, adopted.stderr) == (0, "")
        roost.down(agents=False)
        clone.start()
        try:
            row = clone.until_state("a", "unknown")
            assert str(roost.places.home) in row["why"]
            assert Path(f"/proc/{first['agent_pid']}").exists(), "the first one's agent is not ours to end"
        finally:
            clone.down(agents=False)
        roost.start()
        assert roost.until_state("a", "idle")["session"]["id"] == first["id"]
    finally:
        roost.finish()
