"""C5: the user's arguments beside those that roost passes itself, and C12: what is set for every session."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, WakeCause
from roost.errors import InvalidSettingError
from roost.runtimes import claude_args, codex_args
from roost.runtimes.arguments import PROMPT, grammar
from roost.runtimes.claude import SETTINGS, THRESHOLDS, ClaudeRuntime
from roost.runtimes.codex import CodexRuntime
from roost.runtimes.context import Context

GRAMMAR = grammar(none="--yes -y", one="--one", many="--many", aliases={"-o": "--one"})
URL = "http://127.0.0.1:1"


def context(folder: Path, *args: str, prompt: str = "", environ: Mapping[str, str] | None = None) -> Context:
    session = Session("s", "a", 1, "n", WakeCause.FIRST_WAKE, False, 0.0, 0.0)
    settings = Settings(dir=str(folder), runtime="any", args=args, prompt=prompt)
    return Context(session, settings, folder, folder, environ or {}, URL, folder / "s")


def refusal(runtime: ClaudeRuntime | CodexRuntime, folder: Path, *args: str) -> str:
    with pytest.raises(InvalidSettingError) as refused:
        runtime.check(context(folder, *args).settings)
    at_launch = context(folder, *args)
    with pytest.raises(InvalidSettingError) as later:
        runtime.plan(at_launch)
    assert str(later.value) == str(refused.value), "the same sentence at launch"
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--one -x --yes word", [("--one", "-x"), ("--yes",), (PROMPT, "word")]),
        ("--one=-x --other value --other", [("--one", "-x"), ("--other", "value"), ("--other",)]),
        ("--many a b --yes", [("--many", "a", "b"), ("--yes",)]),
        ("-ovalue -o=value -o value", [("--one", "value")] * 3),
        ("-yo value", [("-y",), ("--one", "value")]),
        ("-- --yes", [(PROMPT, "--yes")]),
        ("-", [(PROMPT, "-")]),
    ],
)
def test_options_are_read_by_the_grammar(words: str, expected: list[tuple[str, ...]]) -> None:
    assert [(one.name, *one.values) for one in GRAMMAR.read(words.split())] == expected


@given(
    st.lists(
        st.sampled_from(["--yes", "--one", "--many", "--other", "-y", "-o", "x", "y=z", "--one=a", "-ob"])
    )
)
def test_every_word_belongs_to_one_option(words: list[str]) -> None:
    assert [word for one in GRAMMAR.read(words) for word in one.words] == words


@pytest.mark.parametrize(
    ("words", "way"),
    [
        ("--session-id 11111111-2222-4333-8444-555555555555", "roost wake NAME --resume"),
        ("--resume", "resume=always"),
        ("-r name", "roost restart NAME"),
        ("-c", "resume=always"),
        ("--verbose --continue", "resume=always"),
        ("--resume=x --fork-session", "resume=always"),
        ("-p", "leave it out"),
        ("--bg", "leave it out"),
        ("--bare", "leave it out"),
        ("--safe-mode", "leave it out"),
        ("--ax-screen-reader", "leave it out"),
        ("-w", "dir=FOLDER"),
        ("--worktree=x", "dir=FOLDER"),
        ("do-this", "roost send NAME TEXT"),
        ("--model opus do-this", "roost send NAME TEXT"),
        ("mcp list", "roost send NAME TEXT"),
        ("--settings missing.json", "cannot be read"),
        ("--settings broken.json", "cannot be read as JSON"),
        ("--settings deep.json", "it is nested deeper than"),
        ("--mcp-config deep.json", "it is nested deeper than"),
        ("--settings list.json", "is not a JSON object"),
        ("--settings hooks.json", "'hooks' maps events to lists"),
        ('--settings {"disableAllHooks":true}', "cannot hold 'disableAllHooks'"),
        ('--settings {"env":{"CLAUDE_CODE_SKIP_PROMPT_HISTORY":true}}', "cannot hold 'env.CLAUDE_CODE_SKIP"),
        ("--no-session-persistence", "writes no record"),
        ("--settings {broken", "cannot be read as JSON"),
        ("--append-system-prompt-file missing.txt", "cannot be read"),
        ("--mcp-config missing.json", "cannot be read"),
        ("--mcp-config ok.json ours.json", "give yours another name"),
    ],
)
def test_claude_refuses_with_the_way_to_say_it(tmp_path: Path, words: str, way: str) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "deep.json").write_text('{"a": ' + "[" * 990 + "]" * 990 + "}")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "hooks.json").write_text('{"hooks": {"Stop": 1}}')
    (tmp_path / "ok.json").write_text('{"mcpServers": {"other": {}}}')
    (tmp_path / "ours.json").write_text('{"mcpServers": {"roost": {}}}')
    assert way in refusal(ClaudeRuntime(), tmp_path, *words.split())


@pytest.mark.parametrize("own_terminal", [False, True])
def test_claude_refuses_a_variable_that_does_what_a_refused_option_does(own_terminal: bool) -> None:
    """One that is switched off is no harm: it may be there against the user's own settings."""
    for name in ("CLAUDE_CODE_SKIP_PROMPT_HISTORY", "CLAUDE_CODE_SIMPLE", "CLAUDE_CODE_SAFE_MODE"):
        for value in ("1", "True", " on "):
            settings = Settings(dir="/", runtime="claude", env=((name, value),))
            with pytest.raises(InvalidSettingError, match=f"'env.{name}' cannot be set: .*leave it out"):
                claude_args.read(settings, own_terminal=own_terminal)
        settings = Settings(dir="/", runtime="claude", env=((name, "0"), ("OTHER", "1")))
        claude_args.read(settings, own_terminal=own_terminal)


@pytest.mark.parametrize(
    ("words", "way"),
    [
        ("resume --last", "roost send NAME TEXT"),
        ("--last", "resume=always"),
        ("--remote ws://127.0.0.1:9", "leave it out"),
        ("-C /tmp", "dir=FOLDER"),
        ("--cd=/tmp", "dir=FOLDER"),
        ("--worktree", "dir=FOLDER"),
        ("-i a.png b.png", "--attach FILE"),
        ("--help", "leave it out"),
        ("-c mcp_servers={}", "mcp_servers.NAME.url"),
        ("-c mcp_servers.roost.enabled=false", "another name"),
        ('-cmcp_servers."roost".url="x"', "another name"),
        ("--config=mcp_servers.roost={}", "another name"),
        ("-c check_for_update_on_startup=true", "leave it out"),
        ("-c developer_instructions=3", "is a text"),
        ("-m gpt do-this", "roost send NAME TEXT"),
    ],
)
def test_codex_refuses_with_the_way_to_say_it(tmp_path: Path, words: str, way: str) -> None:
    assert way in refusal(CodexRuntime(), tmp_path, *words.split())


def test_the_rest_of_the_arguments_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "ok.json").write_text('{"mcpServers": {"other": {}}}')
    words = ["--model", "opus", "--allowedTools", "Bash(id)", "Read", "--mcp-config", "ok.json", "-d"]
    argv = ClaudeRuntime().plan(context(tmp_path, *words)).argv
    assert argv[-len(words) :] == tuple(words)
    words = ["-m", "gpt", "-c", "mcp_servers.other.url=x", "--disable", "plugins", "-p", "work", "--search"]
    argv = CodexRuntime().plan(context(tmp_path, *words)).argv
    assert argv[-len(words) :] == tuple(words)


def test_settings_are_merged(tmp_path: Path) -> None:
    mine = {
        "hooks": {
            "Stop": [{"hooks": [{"type": "command", "command": "mine"}]}],
            "PreToolUse": [{"hooks": []}],
        },
        "permissions": {"allow": ["Bash(id)", "mcp__roost"], "deny": ["Read(x)"]},
        "promptSuggestionEnabled": True,
        "env": {"MINE": "1"},
    }
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    for value in ("mine.json", str(tmp_path / "mine.json"), json.dumps(mine)):
        plan = ClaudeRuntime().plan(context(tmp_path, f"--settings={value}"))
        assert plan.argv.count("--settings") == 1
        assert not [word for word in plan.argv if "mine.json" in word or "MINE" in word]
        merged: dict[str, Any] = json.loads(plan.files[SETTINGS])
        assert [len(merged["hooks"][event]) for event in ("Stop", "PreToolUse", "UserPromptSubmit")] == [
            2,
            1,
            1,
        ]
        assert merged["hooks"]["Stop"][0] == mine["hooks"]["Stop"][0]
        assert merged["permissions"] == {"allow": ["Bash(id)", "mcp__roost"], "deny": ["Read(x)"]}
        assert merged["env"] == {"MINE": "1"}
        assert merged["promptSuggestionEnabled"] is False


def test_the_last_settings_of_theirs_count_as_with_the_program_itself(tmp_path: Path) -> None:
    args = ("--settings", '{"env":{"A":"1"}}', "--settings", '{"env":{"B":"1"}}')
    plan = ClaudeRuntime().plan(context(tmp_path, *args))
    assert json.loads(plan.files[SETTINGS])["env"] == {"B": "1"}


def test_codex_takes_a_value_that_is_nested_too_deep_as_the_text_that_it_is(tmp_path: Path) -> None:
    deep = "[" * 2000 + "]" * 2000
    argv = CodexRuntime().plan(context(tmp_path, "-c", f"developer_instructions={deep}", prompt="ours")).argv
    assert f'developer_instructions="ours\\n\\n{deep}"' in argv


def test_instructions_are_joined(tmp_path: Path) -> None:
    (tmp_path / "said.txt").write_text("theirs")
    for args in (("--append-system-prompt", "theirs"), ("--append-system-prompt-file", "said.txt")):
        argv = ClaudeRuntime().plan(context(tmp_path, *args, prompt="ours")).argv
        assert argv.count("--append-system-prompt") == 1
        assert argv[argv.index("--append-system-prompt") + 1] == "ours\n\ntheirs"
    for value in ("theirs", '"theirs"'):
        argv = (
            CodexRuntime()
            .plan(context(tmp_path, "-c", f"developer_instructions={value}", prompt="ours"))
            .argv
        )
        said = [word for word in argv if word.startswith("developer_instructions")]
        assert said == ['developer_instructions="ours\\n\\ntheirs"']


def test_a_second_no_daemon_is_left_out(tmp_path: Path) -> None:
    argv = CodexRuntime().plan(context(tmp_path, "--no-daemon", "--search")).argv
    assert argv.count("--no-daemon") == 1
    assert argv[-1] == "--search"


def test_c12_a_resumed_conversation_is_not_asked_about_unless_the_user_chose() -> None:
    plan = ClaudeRuntime().plan(context(Path("/"), environ={THRESHOLDS[0]: "5"}))
    assert THRESHOLDS[0] not in plan.env
    assert int(plan.env[THRESHOLDS[1]]) > 10**6


def test_c3_the_agent_view_is_switched_off_whatever_their_settings_say() -> None:
    plan = ClaudeRuntime().plan(context(Path("/"), "--settings", '{"disableAgentView": false}'))
    assert json.loads(plan.files[SETTINGS])["disableAgentView"] is True


def test_the_grammars_know_their_own_names() -> None:
    assert claude_args.read(Settings(dir="/", runtime="claude")).words == ()
    assert codex_args.read(Settings(dir="/", runtime="codex")).words == ()
