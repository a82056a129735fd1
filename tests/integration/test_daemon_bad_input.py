"""Bad input at the real command line and socket: one clear line, the contract's exit code, nothing lost."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from roost.client.connection import RemoteError
from tests.support.daemon import Roost, StartFailedError, roost_in
from tests.support.home import Home
from tests.support.small_disk import fill, small_disk

PATIENCE = 30.0
MIB = 1024 * 1024


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        yield made


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """It ended with this code and one line on stderr that holds these words."""
    assert done.returncode == code, done
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("roost: ")
    for word in words:
        assert word in done.stderr, done.stderr
    assert done.stdout == ""


def refused_remotely(roost: Roost, code: int, word: str, method: str, **params: Any) -> None:  # noqa: ANN401
    """The socket refuses it with this exit code and a sentence that holds this word."""
    with pytest.raises(RemoteError) as caught:
        roost.call(method, **params)
    assert caught.value.status == code, caught.value.message
    assert word in caught.value.message
    assert "\n" not in caught.value.message


def test_wrong_words_at_the_command_line(roost: Roost) -> None:
    roost.add("alice", "human")
    work = roost.home.work
    (work / "big").write_bytes(b"x" * (MIB + 1))
    (work / "note").write_text("attached")
    many = [word for _ in range(21) for word in ("--attach", str(work / "note"))]
    refused(roost.cli("send", "nobody", "hi"), 4, "nobody")
    refused(roost.cli("send", "alic", "hi"), 4, "alice")
    refused(roost.cli("add", "Bad_Name", "--runtime", "demo"), 2, "Bad_Name")
    refused(roost.cli("add", "b", "--runtime", "demo", "--dir", "/no/such/folder"), 1, "/no/such/folder")
    refused(roost.cli("add", "b", "--runtime", "nosuch"), 2, "nosuch", "demo")
    refused(roost.cli("add", "alice", "--runtime", "demo"), 1, "alice")
    refused(
        roost.cli("add", "b", "--runtime", "demo", "--wake", "ephemeral", "--resume", "always"),
        2,
        "ephemeral",
    )
    refused(roost.cli("set", "alice", "colour=red"), 2, "colour")
    refused(roost.cli("set", "alice", "idle=soon"), 2, "soon")
    refused(roost.cli("send", "alice", "--file", "big"), 2, "1 MiB", "--attach")
    refused(roost.cli("send", "alice", "-", data=b"x" * (MIB + 1)), 2, "1 MiB")
    refused(roost.cli("send", "alice", "-", data=b"fine \xff\xfe"), 2, "UTF-8")
    refused(roost.cli("send", "alice", "hi", *many), 2, "20")
    refused(roost.cli("send", "alice", "hi", "--attach", "vanished"), 2, "vanished")
    refused(roost.cli("send", "alice", "hi", "--attach", str(work)), 2, str(work))
    refused(roost.cli("send", "alice", "hi", "--topic", "t" * 201), 2, "200")
    refused(roost.cli("send", "alice", "hi", "--reply-to", "0" * 32), 4, "0" * 32)
    refused(roost.cli("message", "0" * 32), 4, "0" * 32)
    refused(roost.cli("wake", "alice"), 1, "mailbox")
    refused(roost.cli("done"), 2, "session")
    assert roost.call("messages", name="alice") == []
    assert [row["name"] for row in roost.call("list")] == ["alice"]


def test_a_variable_that_its_program_may_not_have_is_refused_at_set(roost: Roost) -> None:
    roost.add("a", "claude")
    refused(roost.cli("set", "a", "env.CLAUDE_CODE_SKIP_PROMPT_HISTORY=1"), 2, "writes no record")
    assert "env.CLAUDE_CODE_SKIP_PROMPT_HISTORY" not in roost.call("show", name="a")["settings"]


def test_wrong_requests_on_the_socket(roost: Roost) -> None:
    roost.add("alice", "human")
    note = roost.home.work / "note"
    note.write_text("attached")
    send = {"to": "alice", "body": "hi"}
    refused_remotely(roost, 2, "1 MiB", "send", to="alice", body="x" * (MIB + 1))
    refused_remotely(roost, 2, "at most 20", "send", **send, attach=[str(note)] * 21)
    refused_remotely(roost, 2, "absolute", "send", **send, attach=["note"])
    refused_remotely(roost, 2, "not there", "send", **send, attach=["/vanished"])
    refused_remotely(roost, 2, "line break", "send", **send, attach=["/a\nb"])
    refused_remotely(roost, 2, "no method", "fly")
    refused_remotely(roost, 2, "unknown field", "send", **send, colour="red")
    refused_remotely(roost, 4, "nobody", "send", **send, from_="nobody")
    for line in (b"not json", b"{}", b'{"id": 1, "method": "list", "params": 5}', b"\xff\xfe\xfd"):
        answer = raw(roost, line)
        assert (answer["error"]["code"], answer["error"]["exit_code"]) == ("usage", 2), line
    lone = raw(roost, b'{"id":1,"method":"send","params":{"to":"alice","body":"\\ud800"}}')
    assert lone["error"]["exit_code"] == 2
    long = raw(roost, b'{"id":1,"method":"send","params":{"to":"alice","body":"' + b"x" * (9 * MIB) + b'"}}')
    assert "too long" in long["error"]["message"]
    whole = roost.send("alice", "\x01" * MIB)
    (mail,) = roost.call("inbox", name="alice")
    assert (mail["id"], mail["body"]) == (whole["id"], "\x01" * MIB)


def raw(roost: Roost, line: bytes) -> dict[str, Any]:
    """Send one line as it is; returns the first answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(roost.places.socket))
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(line + b"\n")
        with connection.makefile("rb") as answers:
            return json.loads(answers.readline())


def test_an_attachment_that_vanishes_later_is_kept(roost: Roost) -> None:
    roost.add("a")
    source = roost.home.work / "note with spaces.txt"
    source.write_text("attached")
    done = roost.cli("send", "a", "look", "--attach", source.name, "--wait", "stored")
    assert done.returncode == 0
    source.unlink()
    message_id = done.stdout.strip()
    roost.until_message(message_id, "done")
    (prompt,) = roost.prompts(message_id)
    (copy,) = roost.places.attachments.rglob("*.txt")
    assert str(copy) in prompt["text"].splitlines()[-1]
    assert copy.read_text() == "attached"
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_second_daemon_is_refused_and_the_first_serves_on(roost: Roost) -> None:
    pid = roost.call("status")["pid"]
    with pytest.raises(StartFailedError, match=f"pid {pid}"):
        Roost(roost.home).start()
    for again in (roost.cli("up"), roost.cli("up", "--foreground")):
        assert again.returncode == 0
        assert f"already up (pid {pid})" in again.stdout
    assert roost.call("status")["pid"] == pid


def test_a_stale_socket_is_replaced_and_named_while_it_is_stale(roost: Roost) -> None:
    roost.add("a", "human")
    roost.kill()
    assert roost.places.socket.exists()
    refused(roost.cli("send", "a", "hi"), 5, "roost up")
    refused(roost.cli("wake", "a"), 5, "roost up")
    listed = roost.cli("list", "--json")
    assert listed.returncode == 0
    assert json.loads(listed.stdout)[0]["name"] == "a"
    assert "down" in listed.stderr
    roost.start()
    assert roost.send("a", "hi")["state"] == "queued"


def test_an_over_long_home_works(home: Home) -> None:
    deep = home.root / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    roost = Roost(home, {**os.environ, "ROOST_HOME": str(deep)})
    try:
        roost.start()
        roost.add("a")
        assert roost.ask("a", "hello") == "echo: hello"
        assert roost.places.run.stat().st_mode & 0o777 == 0o700
        assert roost.cli("list").returncode == 0
    finally:
        roost.finish()
        shutil.rmtree(roost.places.run, ignore_errors=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[runtimes.x\n", ("line 1, column 12",)),
        ('a = 1\n  b = "\n', ("line 2, column",)),
        ("[logs]\nsize = 5\ncolour = 1\n", ("colour", "line 3, column 1")),
        ("[logs]\nsize = true\n", ("size", "line 2, column 1")),
        ('[runtimes.x]\nargv = ["x"]\nready = "("\n', ("ready", "line 3, column 1")),
        ("[runtimes.demo]\nargv = []\n", ("demo", "line 1, column 11")),
    ],
)
def test_a_config_file_that_is_wrong_is_named_with_line_and_column(
    home: Home, text: str, words: tuple[str, ...]
) -> None:
    home.roost.mkdir(mode=0o700)
    (home.roost / "config.toml").write_text(text)
    refused(Roost(home).cli("up"), 1, "config.toml", *words)


def test_a_store_of_a_newer_version_is_left_alone(home: Home) -> None:
    with roost_in(home) as roost:
        roost.add("a", "human")
        roost.down(agents=True)
        connection = sqlite3.connect(roost.places.database)
        newer = connection.execute("PRAGMA user_version").fetchone()[0] + 1
        connection.execute(f"PRAGMA user_version = {newer}")
        connection.commit()
        connection.close()
        before = roost.places.database.read_bytes()
        refused(roost.cli("up"), 1, "newer")
        refused(roost.cli("list"), 1, "newer")
        assert roost.places.database.read_bytes() == before


@pytest.mark.parametrize(("version", "words"), [("3.2a", ("3.2a", "3.3")), (None, ("tmux", "install"))])
def test_tmux_too_old_or_missing(home: Home, version: str | None, words: tuple[str, ...]) -> None:
    tools = home.root / "bin"
    tools.mkdir()
    if version is not None:
        fake = tools / "tmux"
        fake.write_text(f"#!/bin/sh\necho tmux {version}\n")
        fake.chmod(0o755)
        path = f"{tools}:/usr/bin:/bin"
    else:
        path = str(tools)
    refused(Roost(home).cli("up", environ={"PATH": path}), 1, *words)


def test_N2_a_full_disk_is_told_and_loses_nothing(home: Home) -> None:
    with small_disk(home.roost, "6m"), roost_in(home) as roost:
        roost.add("a", "human")
        roost.add("d")
        kept = roost.send("a", "kept")["id"]
        ballast = home.roost / "ballast"
        fill(ballast)
        refused(roost.cli("send", "a", "-", data=b"x" * 200_000), 1, "full")
        assert [item["id"] for item in roost.call("inbox", name="a")] == [kept]
        assert roost.daemon.poll() is None
        ballast.unlink()
        later = roost.send("a", "later")["id"]
        assert [item["id"] for item in roost.call("inbox", name="a")] == [kept, later]
        assert roost.ask("d", "hello") == "echo: hello"


def test_N2_a_read_only_disk_is_told(home: Home) -> None:
    with small_disk(home.roost, "6m"):
        with roost_in(home) as roost:
            roost.add("a", "human")
            kept = roost.send("a", "kept")["id"]
        remount = ["mount", "-o", "remount,ro", str(home.roost)]
        subprocess.run(remount, check=True, capture_output=True)
        refused(roost.cli("up"), 1, "read-only")
        listed = roost.cli("inbox", "a", "--json")
        assert listed.returncode == 0, listed
        assert json.loads(listed.stdout)[0]["id"] == kept
