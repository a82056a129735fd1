"""Where `claude` is a wrapper, its child is followed, by status files and a process table (H4, C8)."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Processes, stand_in
from roost.host.process import SystemProcesses
from roost.runtimes import claude_process
from roost.runtimes.claude_process import ClaudeProcess
from roost.runtimes.claude_sensor import ClaudeSensor
from roost.runtimes.context import Context
from roost.runtimes.facts import ConversationSeen

OURS, OTHER = (f"11111111-2222-4333-8444-55555555555{digit}" for digit in "12")
AGENT = ProcessId("b", 10, 100)
FOLDER = "/w"
TERMINAL = 34816
AT = datetime(2026, 11, 20, 11, 21, 46, tzinfo=UTC).timestamp()


class Table:
    """A process table and status files; the agent is a wrapper without a file."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.sessions = folder / "proc", folder / "sessions"
        self.sessions.mkdir()
        self.process = ClaudeProcess(self.sessions, AGENT, self.proc)
        self.runs(10, parent=9)

    def runs(self, pid: int, *, parent: int, start: int | None = None, terminal: int = TERMINAL) -> None:
        """A process runs whose name is as odd as it may be."""
        fields = ["S", str(parent), "1", "1", str(terminal), *"0" * 14, str(start or pid * 10)]
        (self.proc / str(pid)).mkdir(parents=True, exist_ok=True)
        (self.proc / str(pid) / "stat").write_text(f"{pid} (a) b) {' '.join(fields)}")

    def ends(self, pid: int) -> None:
        (self.proc / str(pid) / "stat").unlink()

    def tells(
        self, pid: int, conversation: str = OURS, *, start: int | None = None, folder: str = FOLDER
    ) -> None:
        """It has a status file."""
        said = {"pid": pid, "procStart": str(start or pid * 10), "sessionId": conversation, "cwd": folder}
        (self.sessions / f"{pid}.json").write_text(json.dumps(said))

    def found(self) -> int:
        self.process.seek(OURS, (FOLDER,))
        return self.process.pid


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(claude_process, "AGAIN", 0.0)
    return Table(tmp_path)


@pytest.mark.parametrize(("conversation", "folder"), [(OURS, "/elsewhere"), (OTHER, FOLDER)])
def test_C8_the_child_of_a_wrapper_is_followed_by_its_conversation_or_its_folder(
    table: Table, conversation: str, folder: str
) -> None:
    """The other conversation: a person has typed `/clear` while no daemon ran."""
    assert table.found() == AGENT.pid, "nothing tells of it yet"
    table.runs(11, parent=10)
    table.runs(12, parent=11)
    table.tells(12, conversation, folder=folder)
    assert (table.found(), table.process.start) == (12, 120)
    table.tells(12, "another", folder="/cd")
    assert table.found() == 12, "it stays the one"


def test_H4_what_is_not_below_the_agent_in_its_terminal_is_not_it(table: Table) -> None:
    for pid, parent, terminal in ((20, 1, TERMINAL), (21, 10, 0), (22, 10, TERMINAL), (23, 10, TERMINAL)):
        table.runs(pid, parent=parent, terminal=terminal)
    table.tells(20)
    table.tells(21)
    table.tells(22, start=5)
    table.tells(23, OTHER, folder="/elsewhere")
    table.tells(24)
    assert table.found() == AGENT.pid


def test_H4_a_claude_that_ours_has_started_by_a_tool_is_not_it(table: Table) -> None:
    table.runs(11, parent=10)
    table.runs(12, parent=11)
    table.runs(13, parent=12)
    table.tells(13, OTHER)
    table.tells(11, OTHER)
    assert table.found() == 11, "the nearest to the agent"


def test_C8_an_agent_with_a_status_file_of_its_own_is_it(table: Table) -> None:
    table.runs(11, parent=10)
    table.tells(11)
    table.tells(10)
    assert table.found() == AGENT.pid


def test_C8_a_wrapper_that_starts_its_program_anew_is_followed(table: Table) -> None:
    """A killed one leaves its file behind, and its pid may be another's by now."""
    table.runs(11, parent=10)
    table.tells(11)
    assert table.found() == 11
    table.runs(11, parent=1, start=999)
    table.runs(12, parent=10)
    table.tells(12)
    assert table.found() == 12
    table.ends(12)
    assert table.found() == AGENT.pid


def test_H4_nothing_is_below_an_agent_that_has_ended(table: Table) -> None:
    table.runs(11, parent=10)
    table.tells(11)
    table.runs(10, parent=9, start=999)
    assert table.found() == AGENT.pid


def test_C8_it_is_looked_for_now_and_then(tmp_path: Path) -> None:
    table = Table(tmp_path)
    assert table.found() == AGENT.pid
    table.runs(11, parent=10)
    table.tells(11)
    assert table.found() == AGENT.pid, "not at each look"


def test_C8_what_a_person_turns_to_in_the_child_of_a_wrapper_is_noticed(tmp_path: Path) -> None:
    """Real processes: this one is the wrapper."""
    agent = SystemProcesses().identify(os.getpid())
    assert agent is not None
    session = replace(stand_in("s", "a", 1, OURS), processes=Processes(agent, agent, None, ""))
    settings = Settings(str(tmp_path), "claude")
    context = Context(session, settings, tmp_path, tmp_path, {"HOME": str(tmp_path)}, "", tmp_path / "call")
    sensor = ClaudeSensor(context)
    child = subprocess.Popen(["sleep", "60"])
    try:
        known = SystemProcesses().identify(child.pid)
        assert known is not None
        said = {"pid": known.pid, "procStart": str(known.start), "sessionId": OURS, "status": "idle"}
        file = tmp_path / ".claude/sessions" / f"{known.pid}.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(said))
        sensor.find(agent.pid, None)
        assert sensor.status_path(agent.pid) == file
        assert sensor.on_status(file.read_bytes()) == []
        assert sensor.current
        cleared = json.dumps({**said, "sessionId": OTHER}).encode()
        assert sensor.on_status(cleared) == [ConversationSeen(OTHER)]
    finally:
        child.kill()
        child.wait()


def said(text: str, second: int, conversation: str) -> bytes:
    """A line of a transcript."""
    at, message = f"2026-11-20T11:21:{second}.000Z", {"content": text}
    record = {"type": "user", "message": message, "timestamp": at, "sessionId": conversation}
    return json.dumps(record, separators=(",", ":")).encode()


def begun(sensor: ClaudeSensor, line: bytes) -> list[float | None]:
    """When the conversation began by what a line of its transcript tells."""
    return [fact.anew for fact in sensor.on_lines([line]) if isinstance(fact, ConversationSeen)]


def test_P3_a_conversation_that_clear_has_begun_holds_nothing_of_the_one_before(tmp_path: Path) -> None:
    """2.1.332: its transcript begins with the command; a branch of it has the line, with its old time."""
    session = replace(stand_in("s", "a", 1, OURS), processes=Processes(AGENT, AGENT, None, ""))
    settings = Settings(str(tmp_path), "claude")
    context = Context(session, settings, tmp_path, tmp_path, {"HOME": str(tmp_path)}, "", tmp_path / "call")
    sensor, command = ClaudeSensor(context), "<command-name>/clear</command-name>\n<command-message>clear"
    status = {"pid": AGENT.pid, "procStart": str(AGENT.start), "status": "idle"}
    assert begun(sensor, said("old", 45, OURS)) == []
    for conversation, known in ((OTHER, [AT]), ("branch", [])):
        told = sensor.on_status(json.dumps({**status, "sessionId": conversation}).encode())
        assert told == [ConversationSeen(conversation)]
        assert begun(sensor, said(command, 46, conversation)) == known
    assert begun(ClaudeSensor(context), said(command, 46, OURS)) == [], "it has run it all along"
