"""The demo agent in a real pseudo-terminal: keys, turns, signals, files."""

import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.demo_agent import DemoAgent, enveloped, gone_on_with
from tests.support.home import Home
from tests.support.pseudo_terminal import PATIENCE
from tests.support.wait import wait_until

Start = Callable[..., DemoAgent]


@pytest.fixture
def start(home: Home) -> Iterator[Start]:
    """Starts agents that share one folder and waits for their prompts."""
    agents: list[DemoAgent] = []

    def begin(*arguments: str, **environment: str) -> DemoAgent:
        agents.append(DemoAgent(home.work, {**os.environ, **environment}, *arguments))
        return agents[-1].wait_ready()

    yield begin
    for agent in agents:
        agent.end()


def last_text(agent: DemoAgent) -> str:
    return [line["text"] for line in agent.said() if line["type"] == "assistant"][-1]


def test_it_starts_ready_and_leaves_the_terminal_as_it_was(start: Start) -> None:
    agent = start()
    agent.sees(r"\x1b\[\?2004h")
    agent.sees(r"conversation c, 0 earlier messages")
    agent.sees(r"demo> ")
    ticks = int(Path(f"/proc/{agent.process.pid}/stat").read_text().rpartition(")")[2].split()[19])
    assert agent.status() == {
        "pid": agent.process.pid,
        "start": ticks,
        "conversation": "c",
        "status": "idle",
        "waiting_for": None,
    }
    agent.type(b"\x04")
    assert agent.exit_code() == 0
    agent.sees(r"\x1b\[\?2004l")
    assert agent.attributes() == agent.before
    assert not list((agent.state / "status").iterdir())
    assert [entry["what"] for entry in agent.log()] == ["start", "exit"]


def test_P1_100_KiB_pasted_arrive_whole(start: Start) -> None:
    agent = start()
    line = "-q \"x\" 'y' $(id) `id` ; \\ 日本語 שלום 👩‍👩‍👧 @word\t\u200b\n"
    text = enveloped((line * 2000)[: 100 * 1024] + "\n@@silent@@")
    agent.submit(text)
    assert agent.turn_ends(1) == ["done"]
    prompt = agent.log("prompt")[0]
    assert prompt["text"] == text
    assert prompt["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert prompt["bytes"] == len(text.encode())
    assert agent.said()[0]["text"] == text
    assert {key: prompt[key] for key in ("pid", "session")} == {"pid": agent.process.pid, "session": "s1"}


def test_typing_backspace_and_clearing(start: Start) -> None:
    agent = start()
    agent.type(b"forget this\x15" + "hé日x\x7f\r".encode())
    assert agent.turn_ends(1) == ["done"]
    assert agent.log("prompt")[0]["text"] == "hé日"
    assert last_text(agent) == "echo: hé日"


def test_a_dialog_ignores_a_paste_and_takes_enter_or_escape(start: Start) -> None:
    agent = start()
    agent.submit("go\n@@ask@@\n@@ask@@\n@@reply after@@")
    agent.sees(r"Allow\? \[Enter = yes, Esc = no\]")
    agent.wait_status("waiting")
    assert agent.status()["waiting_for"] == "permission"
    agent.paste("pasted\r")
    agent.paste("y")
    agent.paste("enter")
    agent.type(b"q")
    agent.type(b"\r")
    agent.until(lambda: len(agent.log("dialog")) == 3, "the second dialog")
    agent.type(b"\x1b")
    assert agent.turn_ends(1) == ["done"]
    assert [entry["text"] for entry in agent.log("dialog")] == ["open", "allowed", "open", "denied"]
    assert len(agent.log("prompt")) == 1
    agent.wait_status("idle")
    agent.type(b"\x04")
    assert agent.exit_code() == 0, "the pasted text is not in the composer"


def test_messages_sent_while_busy_are_queued_and_escape_ends_only_the_turn(start: Start) -> None:
    agent = start()
    agent.submit("one\n@@delay 600@@")
    agent.sees(r"working \(esc to interrupt\)")
    agent.wait_status("busy")
    agent.submit("two")
    agent.sees("queued: 1")
    agent.type(b"three\r")
    agent.sees("queued: 2")
    assert len(agent.log("prompt")) == 1
    agent.type(b"\x1b")
    assert agent.turn_ends(3) == ["interrupted", "done", "done"]
    assert [entry["text"] for entry in agent.log("prompt")][1:] == ["two", "three"]
    assert [line["type"] for line in agent.said()] == [
        "user",
        "turn_end",
        *["user", "assistant", "turn_end"] * 2,
    ]


def test_a_delay_ends_by_itself(start: Start) -> None:
    agent = start()
    agent.submit("one\n@@delay 0.05@@")
    assert agent.turn_ends(1) == ["done"]


def test_control_c_interrupts_clears_and_leaves_at_the_second_time(start: Start) -> None:
    agent = start()
    agent.submit("@@delay 600@@")
    agent.wait_status("busy")
    agent.type(b"\x03")
    assert agent.turn_ends(1) == ["interrupted"]
    agent.type(b"draft\x03")
    agent.type(b"\x03")
    agent.sees("press ctrl-c again")
    agent.type(b"\x03")
    assert agent.exit_code() == 0


def test_dropped_enters_leave_the_draft(start: Start) -> None:
    agent = start()
    agent.submit("@@drop-enter 2@@\n@@silent@@")
    agent.turn_ends(1)
    agent.type(b"kept\r\r")
    agent.sees("demo> kept")
    agent.type(b"!\r")
    agent.turn_ends(2)
    assert agent.log("prompt")[1]["text"] == "kept!"


def test_P3_a_resumed_conversation_is_remembered(start: Start) -> None:
    agent = start()
    agent.submit("one")
    agent.turn_ends(1)
    agent.submit("two")
    agent.turn_ends(2)
    agent.process.send_signal(signal.SIGKILL)
    assert agent.exit_code() == -signal.SIGKILL
    again = start("--resume")
    again.sees("2 earlier messages")
    again.submit("@@recall@@")
    again.turn_ends(3)
    assert last_text(again) == "2"


@pytest.mark.parametrize(
    ("directive", "code", "reason"),
    [
        ("@@exit 3@@", 3, "exit 3"),
        ("@@kill SIGKILL@@", -9, "kill SIGKILL"),
        ("@@kill 10@@", -10, "kill SIGUSR1"),
        ("@@kill TERM@@", 143, "SIGTERM"),
    ],
)
def test_P9_it_ends_as_told_and_says_so_first(start: Start, directive: str, code: int, reason: str) -> None:
    agent = start()
    agent.submit(f"{directive}\n@@reply never@@")
    assert agent.exit_code() == code
    assert [entry["text"] for entry in agent.log("exit")] == [reason]
    assert not agent.log("turn_end")
    assert [line["type"] for line in agent.said()] == ["user"]
    assert agent.status_file().exists() == (code < 0)


def test_P9_sigterm_ends_it_in_order(start: Start) -> None:
    agent = start()
    agent.process.send_signal(signal.SIGTERM)
    assert agent.exit_code() == 143
    assert agent.attributes() == agent.before
    assert not agent.status_file().exists()
    assert agent.log("exit")[0]["text"] == "SIGTERM"


def test_P9_it_leaves_when_its_terminal_goes(start: Start) -> None:
    agent = start()
    agent.hang_up()
    assert agent.exit_code() == 129
    assert not agent.status_file().exists()
    assert len(agent.log("exit")) == 1


def test_ignoring_the_hang_up_it_lives_on_without_a_terminal(start: Start) -> None:
    agent = start()
    agent.submit("@@ignore SIGHUP@@\n@@ask@@")
    agent.wait_status("waiting")
    agent.hang_up()
    agent.process.send_signal(signal.SIGHUP)
    agent.process.send_signal(signal.SIGTERM)
    assert agent.exit_code() == 143
    assert agent.log("exit")[0]["text"] == "SIGTERM"


def test_hanging_it_reads_nothing_and_dies_of_sigterm(start: Start) -> None:
    agent = start()
    agent.submit("@@hang@@")
    agent.sees(r"working \(esc to interrupt\)")
    agent.wait_status("busy")
    agent.type(b"\x1b\x03\x03")
    # Hung means that the default disposition is back: SIGTERM is no longer caught.
    wait_until(lambda: not caught(agent.process.pid, signal.SIGTERM), timeout=PATIENCE, why="hung")
    assert not agent.log("turn_end")
    agent.process.send_signal(signal.SIGTERM)
    assert agent.exit_code() == -signal.SIGTERM


def caught(pid: int, number: int) -> bool:
    mask = re.search(r"SigCgt:\s*([0-9a-f]+)", Path(f"/proc/{pid}/status").read_text())
    assert mask
    return bool(int(mask[1], 16) >> (number - 1) & 1)


def test_N7_forked_daemons_leave_the_tree_and_ignore_the_hang_up(start: Start) -> None:
    agent = start()
    agent.submit("@@fork 2@@\n@@silent@@")
    agent.turn_ends(1)
    children: list[int] = []
    for _ in range(2):
        agent.until(lambda: re.search(rb"left process \d+ behind", agent.output), "a child")
        found = re.search(rb"left process (\d+) behind", agent.output)
        assert found
        agent.output = agent.output[found.end() :]
        children.append(int(found[1]))
    handles = [os.pidfd_open(child) for child in children]
    try:
        for child in children:
            wait_until(
                lambda child=child: b"sleep" in Path(f"/proc/{child}/cmdline").read_bytes(),
                timeout=PATIENCE,
                why="exec",
            )
            assert b"ROOST_SESSION=s1" in Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
            assert os.getsid(child) != os.getsid(agent.process.pid)
            ignored = re.search(r"SigIgn:\s*([0-9a-f]+)", Path(f"/proc/{child}/status").read_text())
            assert ignored
            assert int(ignored[1], 16) & 1 << (signal.SIGHUP - 1)
    finally:
        for handle in handles:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)


def test_a_malformed_directive_fails_the_turn_aloud(start: Start) -> None:
    agent = start()
    agent.submit("@@delay soon@@")
    assert agent.turn_ends(1) == ["failed"]
    agent.sees("! cannot follow @@delay soon@@")


def test_the_message_that_was_cut_off_is_gone_on_with(start: Start) -> None:
    agent = start()
    agent.submit(enveloped("hello\n@@ask@@"))
    agent.wait_status("waiting")
    agent.process.send_signal(signal.SIGKILL)
    assert agent.exit_code() == -signal.SIGKILL
    again = start("--resume")
    again.submit(gone_on_with())
    again.wait_status("waiting")
    again.type(b"\r")
    assert again.turn_ends(1) == ["done"]
    assert last_text(again) == "echo: hello"


def test_P9_what_ended_the_agent_ends_it_again_each_time_it_goes_on(start: Start) -> None:
    agent = start()
    agent.submit(enveloped("another", "2" * 32))
    agent.turn_ends(1)
    agent.submit(enveloped("hello\n@@exit 3@@\n@@reply never@@"))
    assert agent.exit_code() == 3
    for _ in range(2):
        again = start("--resume")
        again.submit(gone_on_with())
        assert again.exit_code() == 3
    assert [entry["text"] for entry in agent.log("exit")] == ["exit 3"] * 3
    assert len(agent.log("turn_end")) == 1


def test_a_note_about_an_unknown_message_is_a_message_like_any_other(start: Start) -> None:
    agent = start()
    agent.submit(gone_on_with())
    assert agent.turn_ends(1) == ["done"]
    assert last_text(agent).startswith("echo: Your turn on message")
    agent.submit(enveloped("the whole text\n@@silent@@"))
    agent.submit(gone_on_with())
    assert agent.turn_ends(3) == ["done"] * 3
    assert [line["type"] for line in agent.said()].count("assistant") == 1, (
        "the text counts, not the first note"
    )


def test_a_text_too_long_to_paste_is_read_from_its_file(start: Start, home: Home) -> None:
    home.roost.mkdir()
    inside, outside = home.roost / "body", home.root / "body"
    for file in (inside, outside):
        file.write_text("long text\nmore")
    agent = start()
    note = "(this message is 14 bytes long; its text is in the file {} - read that file now)"
    agent.submit(enveloped(note.format(inside)))
    agent.turn_ends(1)
    assert last_text(agent) == "echo: long text"
    assert agent.log("read")[0]["text"] == "long text\nmore"
    agent.submit(enveloped(note.format(outside), "2" * 32))
    assert agent.turn_ends(2) == ["done", "failed"]
    assert "long text" not in last_text(agent)


def test_it_cannot_start_twice_on_a_conversation_nor_resume_an_unknown_one(start: Start, home: Home) -> None:
    start()
    for arguments, conversation, line in (
        ((), "c", b"Conversation ID c is already in use"),
        (("--resume",), "d", b"No conversation found with ID d"),
    ):
        agent = DemoAgent(home.work, os.environ, *arguments, conversation=conversation)
        try:
            assert agent.exit_code() == 1
            agent.sees(line.decode())
        finally:
            agent.end()


def test_without_a_terminal_it_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "roost.demo_agent"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"needs a terminal" in done.stderr
