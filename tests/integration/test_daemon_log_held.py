"""G7: a program that reads an old state of the store lets its log grow; it is named, and the log shrinks."""

import subprocess
import sys
from pathlib import Path

from tests.support.daemon import Roost, roost_in
from tests.support.home import Home
from tests.support.wait import wait_until

PATIENCE = 30.0
READER = """
import sys, apsw
connection = apsw.Connection(sys.argv[1], flags=apsw.SQLITE_OPEN_READONLY)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM messages").fetchall()
print("reads", flush=True)
sys.stdin.read()
"""


def finding(roost: Roost) -> str:
    found = [one["detail"] for one in roost.call("doctor") if one["check"] == "store's log"]
    return found[0] if found else ""


def test_G7_who_holds_the_log_is_named_and_it_shrinks_when_they_let_go(home: Home) -> None:
    with roost_in(home) as roost:
        log = Path(f"{roost.places.database}-wal")
        roost.add("m", "human")
        with subprocess.Popen(
            [sys.executable, "-c", READER, str(roost.places.database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as reader:
            assert reader.stdin is not None
            assert reader.stdout is not None
            assert reader.stdout.readline() == b"reads\n"
            for _ in range(20):
                roost.send("m", "x" * 50_000)
            named = f"pid {reader.pid} ("
            wait_until(
                lambda: named in finding(roost),
                timeout=PATIENCE,
                why="the reader is named",
                describe=lambda: roost.call("doctor"),
            )
            assert "holds it open" in finding(roost)
            assert log.stat().st_size > 1_000_000
            reader.stdin.close()
            reader.wait(PATIENCE)
        wait_until(lambda: not log.stat().st_size, timeout=PATIENCE, why="the log is empty")
        wait_until(
            lambda: not finding(roost),
            timeout=PATIENCE,
            why="it is told no more",
            describe=lambda: finding(roost),
        )
