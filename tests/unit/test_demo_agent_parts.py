"""The demo agent's small parts: composer, conversation, screen text, MCP answers, start-up imports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from roost.console.composer import Composer
from roost.console.screen import clean, wrap
from roost.demo_agent.conversation import Conversation, ConversationError
from roost.demo_agent.mcp import CallError, Client, answer_in
from roost.demo_agent.program import Options, UsageError


def test_a_short_paste_is_shown_verbatim() -> None:
    composer = Composer()
    composer.paste("one\ntwo")
    assert composer.shown == composer.text == "one\ntwo"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\n" * 10 + "b", "[Pasted text #1 +10 lines]"), ("x" * 201, "[Pasted text #1]")],
)
def test_P1_a_long_paste_is_a_placeholder_and_stays_exact(text: str, shown: str) -> None:
    composer = Composer()
    composer.type("see ")
    composer.paste(text)
    assert composer.shown == f"see {shown}"
    assert composer.take() == f"see {text}"
    assert not composer


def test_backspace_takes_a_character_or_a_whole_placeholder() -> None:
    composer = Composer()
    composer.type("ab")
    composer.paste("x\n" * 5)
    composer.backspace()
    assert composer.text == "ab"
    composer.backspace()
    assert composer.text == "a"
    composer.clear()
    composer.backspace()
    assert composer.text == ""


def test_a_conversation_is_resumed_behind_a_torn_line(tmp_path: Path) -> None:
    first = Conversation(str(tmp_path), "c", resume=False)
    first.user("one\n\u2028two")
    first.turn_end("done")
    file = tmp_path / "c.jsonl"
    file.write_bytes(file.read_bytes() + b'{"type":"user","te')
    again = Conversation(str(tmp_path), "c", resume=True)
    again.user("three")
    assert list(again.prompts()) == ["one\n\u2028two", "three"]
    assert again.count() == 2
    assert '{"type":"turn_end"' in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_conversation_needs_its_file_or_its_absence(tmp_path: Path) -> None:
    with pytest.raises(ConversationError, match="No conversation found with ID c"):
        Conversation(str(tmp_path), "c", resume=True)
    Conversation(str(tmp_path), "c", resume=False)
    with pytest.raises(ConversationError, match="Conversation ID c is already in use"):
        Conversation(str(tmp_path), "c", resume=False)
    with pytest.raises(ConversationError, match="Not a conversation ID"):
        Conversation(str(tmp_path), "../c", resume=False)


def test_shown_text_cannot_command_the_terminal() -> None:
    assert clean("a\x1b[2J\x07\x9b\tb") == "a·[2J··    b"


def test_rows_hold_wide_and_combining_characters() -> None:
    assert wrap("日本語", 4) == ["日本", "語"]
    assert wrap("e\u0301e\u0301", 2) == ["e\u0301e\u0301"]
    assert wrap("", 4) == [""]
    assert wrap("abcde", 4) == ["abcd", "e"]


def test_an_answer_is_found_in_json_and_in_an_event_stream() -> None:
    answer = {"jsonrpc": "2.0", "id": 4, "result": {}}
    text = json.dumps(answer)
    assert answer_in("application/json", text.encode(), 4) == answer
    stream = f': ping\r\n\r\nevent: message\r\ndata: {{"method":"note"}}\r\n\r\nid: 1\r\ndata: {text}\r\n\r\n'
    assert answer_in("text/event-stream; charset=utf-8", stream.encode(), 4) == answer
    with pytest.raises(CallError, match="not understood"):
        answer_in("application/json", text.encode(), 5)


def test_an_unusable_address_is_named() -> None:
    with pytest.raises(ValueError, match="not an http address"):
        Client("nonsense", "token")


def test_arguments() -> None:
    options = Options(["--conversation=a", "--resume", "--state", "/s"])
    assert (options.conversation, options.resume, options.state) == ("a", True, "/s")
    for wrong in (["--resume"], ["--state"], ["x"]):
        with pytest.raises(UsageError):
            Options(wrong)


def test_starting_imports_nothing_slow_and_of_the_package_the_console_alone() -> None:
    code = "import sys, roost.demo_agent.program; print(*sys.modules)"
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    slow = {
        "asyncio",
        "argparse",
        "dataclasses",
        "http.client",
        "inspect",
        "pathlib",
        "socket",
        "subprocess",
        "threading",
    }
    # The interpreter's own start-up (site, an editable install) may load some of these.
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert not (loaded - set(bare.stdout.split())) & slow
    ours = {name for name in loaded if name.startswith("roost")} - {"roost"}
    assert all(name.split(".")[1] in {"demo_agent", "console"} for name in ours)
