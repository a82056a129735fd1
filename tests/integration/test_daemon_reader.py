"""`roost join` by a program that takes no hooks: it reads its mail itself (issue 17, H6, N1, N6)."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from tests.support.codex_guest import codex
from tests.support.daemon import Roost, alive, cleared, shared_roost, signal_pid
from tests.support.wait import wait_until

PATIENCE = 30.0


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def test_H6_it_is_a_peer_that_reads_its_mail_itself_by_the_thread_that_its_process_holds(
    roost: Roost,
) -> None:
    with codex(roost) as who:
        code, out, error = who.run("join", "me")
        assert (code, error) == (0, "")
        assert "read messages by `roost listen`" in out
        row = roost.row("me")
        assert (row["kind"], row["runtime"], row["wake"]) == ("joined-reader", "codex", "never")
        assert (row["session"]["agent_pid"], row["session"]["conversation"]) == (who.process.pid, who.thread)
        assert "codex (joined, reads itself)" in roost.cli("list", environ={"COLUMNS": "140"}).stdout
        sent = roost.cli("send", "me", "body of it")
        assert "reads its mail itself" in sent.stderr
        (waits,) = roost.call("messages", name="me")
        assert waits["state"] == "queued"
        # Nobody reads it in its place; it does by a command, and is handed nothing twice.
        for words in (["listen", "me", "--timeout", "0s"], ["inbox", "me", "--ack"]):
            refused = roost.cli(*words)
            assert refused.returncode == 1, words
            assert "nobody reads it in its place" in refused.stderr
        code, out, _ = who.run("inbox")
        assert (code, "body of it" in out) == (0, True)
        assert roost.message(waits["id"])["state"] == "queued"  # looking marks nothing
        code, out, _ = who.run("listen", "--json")
        assert (code, json.loads(out)["body"]) == (0, "body of it")
        done = roost.message(waits["id"])
        assert (done["state"], done["why"]) == ("done", "read")
        assert who.run("listen", "--timeout", "0s")[0] == 3
        assert who.run("leave")[0] == 0
        assert who.run("join")[0] == 0  # the same conversation has its name again
        assert roost.row("me")["kind"] == "joined-reader"


def test_17_one_that_waits_is_given_what_comes_and_whoever_asked_gets_the_answer(roost: Roost) -> None:
    with codex(roost) as who:
        who.run("join", "me")
        who.ask("listen", "--timeout", "30s", "--json")
        asking = [sys.executable, "-m", "roost", "send", "me", "what is it?", "--wait", "replied"]
        with subprocess.Popen(asking, stdout=subprocess.PIPE, text=True, env=dict(roost.environ)) as asker:
            item = json.loads(who.answer()[1])
            assert item["body"] == "what is it?"
            assert who.run("send", "operator", "it is this", "--reply-to", item["id"])[0] == 0
            assert asker.communicate(timeout=PATIENCE)[0].strip() == "it is this"
            assert asker.returncode == 0


def notices(roost: Roost) -> list[str]:
    return [item["body"] for item in roost.call("inbox", name="operator") if item["notice"]]


def test_N1_who_asks_hears_of_a_reader_that_ends_without_an_answer(roost: Roost) -> None:
    with codex(roost) as who:
        who.run("join", "me")
        who.ask("listen", "--timeout", "30s", "--json")
        asking = [sys.executable, "-m", "roost", "send", "me", "what is it?", "--wait", "replied"]
        pipe = subprocess.PIPE
        with subprocess.Popen(asking, stdout=pipe, stderr=pipe, text=True, env=dict(roost.environ)) as asker:
            item = json.loads(who.answer()[1])
            roost.until_message(item["id"], "done")
            unread = roost.send("me", "never read")
            signal_pid(who.process.pid, signal.SIGKILL)
            told = asker.communicate(timeout=PATIENCE)[1]
            assert asker.returncode == 1
        assert "has read it and ended without a reply" in told
        assert roost.until_death("me")["cause"] == "program-ended"
        assert roost.message(unread["id"])["state"] == "queued"
        wait_until(
            lambda: any("before it read the message" in body for body in notices(roost)),
            timeout=PATIENCE,
            why="its sender is told",
        )
        with codex(roost, thread=str(uuid.uuid4())) as other:
            assert "another conversation" in other.run("join", "me")[2]
        with codex(roost, thread=who.thread) as again:
            assert again.run("join")[0] == 0
            assert json.loads(again.run("listen", "--json")[1])["body"] == "never read"


def test_L2_a_listener_that_is_killed_has_read_nothing_and_the_next_daemon_has_the_peer_again(
    roost: Roost,
) -> None:
    with codex(roost) as who:
        who.run("join", "me")
        session = roost.session("me")["id"]
        roost.kill()
        roost.start()
        wait_until(
            lambda: roost.row("me")["session"] is not None, timeout=PATIENCE, why="the peer is there again"
        )
        assert roost.session("me")["id"] == session
        assert alive(who.process.pid)
        sent = roost.send("me", "one of them")
        # Its output is closed before anything is printed: it comes again.
        listening = [sys.executable, "-m", "roost", "listen", "--json"]
        closed = f"import os, sys; os.close(1); os.execv(sys.executable, {listening!r})"
        who.shell(sys.executable, "-c", closed)
        assert who.answer()[0] != 0
        assert roost.message(sent["id"])["state"] == "queued"
        assert json.loads(who.run("listen", "--json")[1])["id"] == sent["id"]
        roost.until_message(sent["id"], "done")


def test_17_its_mcp_server_gives_it_its_mail(roost: Roost) -> None:
    with codex(roost) as who:
        who.run("join", "me")
        roost.send("me", "by the tool")
        call = {"name": "read_inbox", "arguments": {}}
        asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}
        hello = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        begin = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        script = (
            "import json, subprocess, sys\n"
            f"server = subprocess.Popen([{sys.executable!r}, '-m', 'roost', 'mcp'], stdin=-1, stdout=-1)\n"
            f"for line in {[json.dumps(begin), json.dumps(asked)]!r}:\n"
            "    server.stdin.write(line.encode() + b'\\n'); server.stdin.flush()\n"
            "    print(server.stdout.readline().decode(), end='', flush=True)\n"
            "server.stdin.close(); server.wait()\n"
        )
        who.shell(sys.executable, "-c", script)
        code, out, error = who.answer()
        assert code == 0, error
        assert "by the tool" in out.splitlines()[1]
        wait_until(lambda: roost.row("me")["queued"] == 0, timeout=PATIENCE, why="it counts as read")
