"""Mail by hooks: of parallel hooks one takes it, a sub-agent's never does, and its answer (issue 17)."""

import asyncio
import json
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, WakeCause
from roost.daemon.session.hook_mail import HookMail, Parcel
from roost.errors import InvalidSettingError
from roost.runtimes.claude import ClaudeRuntime
from roost.runtimes.claude_own import ClaudeCarrier
from roost.runtimes.claude_sensor import TRANSCRIPT
from roost.runtimes.codex import CodexRuntime
from roost.runtimes.codex_hooks import HOOK
from roost.runtimes.codex_sensor import ROLLOUT
from roost.runtimes.context import Context
from roost.runtimes.facts import Prompted

CARRIER = ClaudeCarrier()
MAIL = "[roost message m1 from bob boundary 0123]\nhello\n[end of roost message m1]"


async def test_17_one_of_many_parallel_hooks_takes_a_message() -> None:
    mail = HookMail()
    hooks = [asyncio.create_task(mail.wait(ends=False, seconds=5)) for _ in range(20)]
    await asyncio.sleep(0)
    parcel = Parcel("text", anytime=True)
    mail.put(parcel)
    done, waiting = await asyncio.wait(hooks, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == ["text"]
    assert parcel.taken.is_set()
    mail.put(Parcel("next", anytime=True))
    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == ["next"]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_17_what_is_for_the_end_of_a_turn_is_given_at_its_end_alone() -> None:
    mail = HookMail()
    parcel = Parcel("text", anytime=False)
    mail.put(parcel)
    assert await mail.wait(ends=False, seconds=0) is None
    assert await mail.wait(ends=True, seconds=0) == "text"
    mail.put(parcel)
    mail.withdraw(parcel)
    assert mail.take(ends=True) is None
    following = Parcel("following", anytime=False)
    mail.put(following)
    mail.withdraw(parcel)  # an earlier offer takes back its own alone
    assert mail.take(ends=True) == "following"


def test_17_a_hook_of_a_sub_agent_carries_nothing() -> None:
    for name in ("PostToolUse", "UserPromptSubmit", "Stop"):
        assert CARRIER.moment(name, {"agent_id": "a1"}) is None
        moment = CARRIER.moment(name, {})
        assert moment is not None
        assert moment.ends is (name == "Stop")
    assert CARRIER.moment("SubagentStop", {}) is None


def test_17_claude_code_is_answered_as_its_hooks_have_it() -> None:
    within = CARRIER.answer("PostToolUse", "text")
    assert json.loads(json.dumps(within)) == {
        "hookSpecificOutput": {"hookEventName": "PostToolUse", "additionalContext": "text"}
    }
    assert CARRIER.answer("Stop", "text") == {"decision": "block", "reason": "text"}


def context(home: Path, runtime: str) -> Context:
    session = Session("s1", "me", 1, "n", WakeCause.OPERATOR_FRESH, False, 1.0, 1.0, own_terminal=True)
    settings = Settings(str(home / "w"), runtime)
    return Context(session, settings, home, home, {"HOME": str(home)}, "http://127.0.0.1:1", home / "c")


def told(runtime: ClaudeRuntime | CodexRuntime, home: Path, *records: object) -> list[object]:
    lines = [json.dumps(record, separators=(",", ":")).encode() for record in records]
    return list(runtime.sensor(context(home, runtime.name)).on_lines(lines))


def test_17_claude_codes_transcript_shows_what_a_hook_has_given(tmp_path: Path) -> None:
    """2.1.332, as it writes them; another hook's words are none of ours."""
    within = {"type": "hook_additional_context", "content": [MAIL], "hookName": "PostToolUse:Bash"}
    ends = {"type": "hook_blocking_error", "hookName": "Stop", "blockingError": {"blockingError": MAIL}}
    other = {"type": "hook_additional_context", "content": ["Run the tests."], "hookName": "PostToolUse:Bash"}
    ran = {"type": "hook_success", "stdout": json.dumps({"reason": MAIL})}
    records = [{"type": "attachment", "attachment": each} for each in (within, ends, other, ran)]
    assert told(ClaudeRuntime(), tmp_path, *records) == [Prompted(MAIL, TRANSCRIPT, joins=True)] * 2


def test_17_codex_rollout_shows_what_a_hook_has_given(tmp_path: Path) -> None:
    """0.171.0, as it writes them."""
    content = [{"type": "input_text", "text": MAIL}]
    kinds = {"content_item_kinds": ["hooks.additional_context"]}
    within = {
        "type": "message",
        "role": "developer",
        "content": content,
        "internal_chat_message_metadata_passthrough": kinds,
    }
    item = {"type": "HookPrompt", "id": "m", "fragments": [{"text": MAIL, "hookRunId": "stop:2"}]}
    found = told(
        CodexRuntime(),
        tmp_path,
        {"type": "response_item", "payload": within},
        {"type": "event_msg", "payload": {"type": "item_completed", "turn_id": "t", "item": item}},
    )
    assert found == [Prompted(MAIL, ROLLOUT, joins=True)] * 2


def test_17_nothing_of_the_user_is_touched_and_our_hooks_alone_are_trusted(tmp_path: Path) -> None:
    plan = CodexRuntime().plan(context(tmp_path, "codex"))
    options = [tomllib.loads(plan.argv[at + 1]) for at, word in enumerate(plan.argv) if word == "-c"]
    states = [each["hooks"]["state"] for each in options if "state" in each.get("hooks", {})]
    assert [sorted(state) for state in states] == [
        [
            f"/<session-flags>/config.toml:{name}:0:0"
            for name in ("post_tool_use", "stop", "user_prompt_submit")
        ]
    ]
    assert "--dangerously-bypass-hook-trust" not in plan.argv
    claude = ClaudeRuntime().plan(context(tmp_path, "claude"))
    given = json.loads(claude.files["claude-settings.json"])
    assert sorted(given) == ["hooks", "permissions"]
    assert claude.argv.index("--mcp-config") < claude.argv.index("--settings")


def test_17_what_blinds_roost_is_refused_there_and_a_persons_own_words_are_not(tmp_path: Path) -> None:
    there = context(tmp_path, "claude")

    def argv(*args: str) -> tuple[str, ...]:
        return ClaudeRuntime().plan(replace(there, settings=replace(there.settings, args=args))).argv

    assert argv("fix the build")[-1] == "fix the build"
    assert "--session-id" not in argv("--continue")
    for word in ("--bare", "--safe-mode", "--no-session-persistence"):
        with pytest.raises(InvalidSettingError):
            argv(word)


@pytest.mark.parametrize(
    ("answer", "code", "out", "err"),
    [
        (b'{"decision":"block","reason":"go on"}', 75, "", "go on"),
        (b"{}", 0, "{}", ""),
        (b"not json", 0, "{}", ""),
        (None, 0, "{}", ""),
    ],
)
def test_17_a_hook_program_answers_as_the_daemon_does_and_nothing_without_one(
    answer: bytes | None, code: int, out: str, err: str
) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        if answer is not None:
            server.listen()
        environ = {"ROOST_URL": f"http://127.0.0.1:{port}", "ROOST_TOKEN": "t0k3n"}
        command = [sys.executable, "-S", "-E", "-I", str(HOOK), "Stop"]
        process = subprocess.Popen(
            command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(b'{"session_id":"s"}')
        process.stdin.close()
        process.stdin = None
        if answer is not None:
            asker, _ = server.accept()
            with asker:
                asked = b""
                while not asked.endswith(b"}"):
                    asked += asker.recv(4096)
                asker.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(answer) + answer)
            assert asked.startswith(b"POST /hooks/Stop HTTP/1.1\r\n")
            assert b"Authorization: Bearer t0k3n" in asked
        told_out, told_err = process.communicate(timeout=30)
    assert (process.returncode, told_out.decode(), told_err.decode()) == (code, out, err)


def test_17_a_hook_program_loads_next_to_nothing_and_is_not_compiled_anew() -> None:
    """A program starts one at each of its tools."""

    def loaded(*words: str) -> set[str]:
        told = subprocess.run(
            [sys.executable, "-S", "-E", "-I", "-X", "importtime", *words],
            env={"ROOST_URL": "http://127.0.0.1:1", "ROOST_TOKEN": "t0k3n"},
            input=b"{}",
            capture_output=True,
            timeout=30,
            check=True,
        )
        return {line.rpartition("|")[2].strip() for line in told.stderr.decode().splitlines()}

    assert loaded(str(HOOK), "Stop") - loaded("-c", "pass") == {"_socket", "hook_ask"}
