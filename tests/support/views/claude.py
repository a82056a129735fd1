"""How the views of Claude Code are opened, beside those of its slash commands."""

from tests.support.views.visit import Visit, Wish

_QUESTION = (
    '@@tool AskUserQuestion {"questions":[{"question":"Which colour?","header":"Colour","multiSelect":false,'
    '"options":[{"label":"Red","description":"warm"},{"label":"Blue","description":"cold"}]}]}@@'
)
_QUESTIONS = (
    '@@tool AskUserQuestion {"questions":[{"question":"Which colour?","header":"Colour","multiSelect":true,'
    '"options":[{"label":"Red","description":"warm"},{"label":"Blue","description":"cold"}]},'
    '{"question":"Which size?","header":"Size","multiSelect":false,'
    '"options":[{"label":"S","description":"small"},{"label":"L","description":"large"}]}]}@@'
)
_BACKGROUND = '@@tool Bash {"command":"sleep 600","run_in_background":true,"description":"waits"}@@'
_TODO = (
    '@@tool TodoWrite {"todos":[{"content":"one","status":"in_progress","activeForm":"doing one"},'
    '{"content":"two","status":"pending","activeForm":"doing two"}]}@@'
)
_HELPER = (
    '=@@tool Agent {"description":"a helper","prompt":"@@delay 60@@","subagent_type":"general-purpose"}@@',
    "Enter",
    "~2.5",
)
_AGENTS = Wish(agent_view=True)
_PADDED = Wish(
    claude_settings={
        "statusLine": {
            "type": "command",
            "padding": 0,
            "command": "printf '❯ x\\n────────────────────────\\nrow'",
        }
    }
)
_REPOSITORY = Wish(repository=True)
_ASK = ("~0.5", "Enter", "?Esc.to", "~0.5")
_LOOSE = {"permissions": {"defaultMode": "bypassPermissions"}, "skipDangerousModePermissionPrompt": True}
_LOUD = Wish(
    claude_settings={
        "statusLine": {
            "type": "command",
            "command": "printf '> a row\\n────────────────────────\\n❯ x · y\\n'",
        }
    }
)
_QUIET = Wish(claude_settings={"statusLine": {"type": "command", "command": "echo mine"}})
_VIM = Wish(claude_settings={"editorMode": "vim"})
_FULL = Wish(claude_settings={"tui": "fullscreen"})
_SHELLS = Wish(claude_settings={"permissions": {"defaultMode": "default", "allow": ["Bash(sleep:*)"]}})

VISITS = (
    Visit("ready", ()),
    Visit("transcript", ("C-o",)),
    Visit("transcript-all", ("C-o", "C-e")),
    Visit("transcript-search", ("C-o", "=/hello")),
    Visit("transcript-by-ctrl-o", ("C-o",), leave=("C-o",)),
    Visit("transcript-by-q", ("C-o",), leave=("q",)),
    Visit("history-search", ("C-r",)),
    Visit("history-search-text", ("C-r", "=hello")),
    Visit("todo-toggle", ("C-t",)),
    Visit("shortcuts", ("=?",)),
    Visit("rewind", ("Escape", "Escape", "~0.5")),
    Visit("rewind-confirm", ("Escape", "Escape", "~0.5", "Up", "Enter"), leave=("Escape", "Escape")),
    Visit("agents", ("Left", "~2"), leave=("Escape",), wish=_AGENTS, fresh=True),
    Visit("prompt-down", ("Down",)),
    Visit("prompt-up", ("Up",)),
    Visit("complete-file", ("=@",), leave=("C-c",)),
    Visit("complete-command", ("=/",), leave=("C-c",)),
    Visit("complete-command-text", ("=/mod",), leave=("C-c",)),
    Visit("shell-mode", ("=!",)),
    Visit("shell-mode-text", ("=!ls",), leave=("Escape", "C-c")),
    Visit("hash", ("=#",), leave=("Escape", "C-c")),
    Visit("hash-text", ("=# remember",), leave=("C-c",)),
    Visit("draft", ("=a draft",), leave=("C-c",)),
    Visit("draft-lines", ("^a\\nb\\nc",), leave=("C-c",)),
    Visit("draft-escape", ("=a draft", "Escape"), leave=("C-c",)),
    Visit("draft-stash", ("=a draft", "C-s"), leave=("C-s", "C-c")),
    Visit("mode-accept-edits", ("BTab",), leave=()),
    Visit("mode-plan", ("BTab", "BTab"), leave=(), fresh=True),
    Visit("mode-three", ("BTab", "BTab", "BTab"), leave=(), fresh=True),
    Visit("editor", ("C-g", "~1"), leave=(), fresh=True),
    Visit("editor-chord", ("C-x", "C-e", "~1"), leave=(), fresh=True),
    Visit("chord", ("C-x",), leave=("Escape",), fresh=True),
    Visit("kill-agents", ("C-x", "C-k"), leave=()),
    Visit("clear-screen", ("C-l",), leave=()),
    Visit("suspend", ("C-z", "~1"), leave=(), fresh=True),
    Visit("exit-question", ("C-c",), leave=(), fresh=True),
    Visit("exit-question-d", ("C-d",), leave=(), fresh=True),
    Visit("escape-question", ("Escape",), leave=(), fresh=True),
    Visit("paste-image", ("C-v",), leave=()),
    Visit("model-key", ("M-p",)),
    Visit("fast-key", ("M-o",)),
    Visit("thinking-key", ("M-t",)),
    Visit("background-key", ("C-b",), leave=()),
    Visit("agents-command", ("=/agents", "~0.4", "Enter")),
    Visit("review-command", ("=/review", "~0.4", "Enter"), leave=()),
    Visit("bashes-command", ("=/bashes", "~0.4", "Enter")),
    Visit("vim-command", ("=/vim", "~0.4", "Enter")),
    Visit("btw-answer", ("=/btw what is this", "~0.3", "Enter", "~1.5")),
    Visit("help-commands", ("=/help", "~0.3", "Enter", "~0.5", "Right")),
    Visit(
        "status-config", ("=/status", "~0.3", "Enter", "~0.5", "Right", "~1.5"), leave=("Escape", "Escape")
    ),
    Visit("permissions-add", ("=/permissions", "~0.3", "Enter", "~0.5", "Enter"), leave=("Escape", "Escape")),
    Visit("mcp-server", ("=/mcp", "~0.3", "Enter", "~0.5", "Enter"), leave=("Escape", "Escape")),
    Visit("hooks-detail", ("=/hooks", "~0.3", "Enter", "~0.5", "Enter"), leave=("Escape", "Escape")),
    Visit(
        "resume-preview", ("=/resume", "~0.3", "Enter", "~1", "= "), leave=("Escape", "Escape"), fresh=True
    ),
    Visit("rename-with-name", ("=/rename a name", "~0.3", "Enter"), leave=()),
    Visit("turn", ("=@@delay 60@@", "Enter", "~1"), fresh=True, leave=()),
    Visit("turn-queued", ("=@@delay 60@@", "Enter", "~1", "=second", "Enter"), fresh=True, leave=()),
    Visit("turn-draft", ("=@@delay 60@@", "Enter", "~1", "=second"), fresh=True, leave=()),
    Visit("turn-transcript", ("=@@delay 60@@", "Enter", "~1", "C-o"), fresh=True),
    Visit("turn-shortcuts", ("=@@delay 60@@", "Enter", "~1", "=?"), fresh=True),
    Visit(
        "turn-agents",
        ("=@@delay 60@@", "Enter", "~1", "Left", "~4"),
        wish=_AGENTS,
        fresh=True,
        leave=("Right", "Escape"),
    ),
    Visit("turn-help", ("=@@delay 60@@", "Enter", "~1", "=/help", "~0.4", "Enter"), fresh=True),
    Visit(
        "turn-status",
        ("=@@delay 60@@", "Enter", "~1", "=/status", "~0.4", "Enter", "~1"),
        fresh=True,
        leave=("Escape", "Escape"),
    ),
    Visit("turn-model", ("=@@delay 60@@", "Enter", "~1", "=/model", "~0.4", "Enter"), fresh=True),
    Visit("turn-escape", ("=@@delay 60@@", "Enter", "~1", "Escape"), fresh=True, leave=("C-c",)),
    Visit("turn-history-search", ("=@@delay 60@@", "Enter", "~1", "C-r"), fresh=True, leave=("Escape",)),
    Visit("permission-bash", ("=@@bash touch x@@", *_ASK), fresh=True, leave=("Escape",)),
    Visit(
        "permission-bash-amend", ("=@@bash touch x@@", *_ASK, "Tab"), fresh=True, leave=("Escape", "Escape")
    ),
    Visit("permission-bash-transcript", ("=@@bash touch x@@", *_ASK, "C-o"), fresh=True, leave=("Escape",)),
    Visit("permission-bash-explain", ("=@@bash touch x@@", *_ASK, "C-e"), fresh=True, leave=("Escape",)),
    Visit(
        "permission-write",
        ('=@@tool Write {"file_path":"/tmp/w/claude/proj/f.txt","content":"hello"}@@', *_ASK),
        fresh=True,
    ),
    Visit(
        "permission-fetch",
        ('=@@tool WebFetch {"url":"https://example.com/","prompt":"x"}@@', *_ASK),
        fresh=True,
    ),
    Visit(
        "permission-mcp",
        ('=@@tool mcp__other__send_message {"to":"a","body":"b"}@@', *_ASK),
        fresh=True,
        wish=Wish(claude_json={"mcpServers": {"other": {"type": "http", "url": "STUB/other"}}}),
    ),
    Visit("question", ("=" + _QUESTION, *_ASK), fresh=True),
    Visit("questions", ("=" + _QUESTIONS, *_ASK), fresh=True),
    Visit("question-other", ("=" + _QUESTION, *_ASK, "Down", "Down", "=my own"), fresh=True),
    Visit(
        "plan-approval",
        ("BTab", "BTab", '=@@tool ExitPlanMode {"plan":"# Plan\\n1. one"}@@', *_ASK),
        fresh=True,
    ),
    Visit("enter-plan", ("=@@tool EnterPlanMode {}@@", *_ASK), fresh=True),
    Visit("todos", ("=" + _TODO, "Enter", "~2"), fresh=True, leave=()),
    Visit("background-shell", ("=" + _BACKGROUND, "Enter", "~3"), fresh=True, wish=_SHELLS, leave=()),
    Visit("background-shell-down", ("=" + _BACKGROUND, "Enter", "~3", "Down"), fresh=True, wish=_SHELLS),
    Visit(
        "background-shell-down-text",
        ("=" + _BACKGROUND, "Enter", "~3", "Down", "=abc"),
        fresh=True,
        wish=_SHELLS,
    ),
    Visit(
        "background-shell-list", ("=" + _BACKGROUND, "Enter", "~3", "Down", "Enter"), fresh=True, wish=_SHELLS
    ),
    Visit(
        "background-tasks",
        ("=" + _BACKGROUND, "Enter", "~3", "=/tasks", "~0.4", "Enter"),
        fresh=True,
        wish=_SHELLS,
    ),
    Visit(
        "background-tasks-detail",
        ("=" + _BACKGROUND, "Enter", "~3", "=/tasks", "~0.4", "Enter", "~0.4", "Enter"),
        fresh=True,
        wish=_SHELLS,
        leave=("Escape", "Escape"),
    ),
    Visit("background-shell-up", ("=" + _BACKGROUND, "Enter", "~3", "Left", "~1"), fresh=True, wish=_SHELLS),
    Visit(
        "subagent",
        (*_HELPER,),
        fresh=True,
        leave=(),
    ),
    Visit(
        "subagent-down",
        (
            *_HELPER,
            "Down",
        ),
        fresh=True,
    ),
    Visit(
        "subagent-down-enter",
        (
            *_HELPER,
            "Down",
            "Down",
            "Enter",
            "~1",
        ),
        fresh=True,
    ),
    Visit("vim-insert", (), wish=_VIM, leave=(), fresh=True),
    Visit("vim-normal", ("Escape",), wish=_VIM, leave=("i",), fresh=True),
    Visit("vim-normal-draft", ("=a draft", "Escape"), wish=_VIM, leave=("i",), fresh=True),
    Visit("vim-visual", ("=a draft", "Escape", "=v"), wish=_VIM, leave=(), fresh=True),
    Visit("statusline-padded", (), wish=_PADDED, leave=(), fresh=True),
    Visit("diff-panel", ("=/diff", "~0.4", "Enter", "~1"), wish=_REPOSITORY, fresh=True),
    Visit("statusline-own", (), wish=_QUIET, leave=(), fresh=True),
    Visit("statusline-loud", (), wish=_LOUD, leave=(), fresh=True),
    Visit("statusline-loud-draft", ("=a draft",), wish=_LOUD, leave=("C-c",), fresh=True),
    Visit("statusline-loud-help", ("=/help", "~0.4", "Enter"), wish=_LOUD, fresh=True),
    Visit("full-ready", (), wish=_FULL, leave=(), fresh=True),
    Visit("full-draft", ("=a draft",), wish=_FULL, leave=("C-c",)),
    Visit("full-transcript", ("C-o",), wish=_FULL),
    Visit("full-help", ("=/help", "~0.4", "Enter"), wish=_FULL),
    Visit("full-model", ("=/model", "~0.4", "Enter"), wish=_FULL),
    Visit("full-complete", ("=/mo",), wish=_FULL, leave=("C-c",)),
    Visit("full-rewind", ("Escape", "Escape", "~0.5"), wish=_FULL),
    Visit("full-focus", ("=/focus", "~0.4", "Enter"), wish=_FULL),
    Visit("full-turn", ("=@@delay 60@@", "Enter", "~1"), wish=_FULL, fresh=True, leave=()),
    Visit("full-permission", ("=@@bash touch x@@", *_ASK), wish=_FULL, fresh=True),
    *(
        Visit(f"ready-{size}", (f"<{size}", "~1.5"), leave=(), fresh=True)
        for size in ("5x24", "12x3", "20x10", "40x12", "80x24", "160x3", "300x80")
    ),
    *(
        Visit(
            f"draft-{size}",
            (
                "=a draft text",
                f"<{size}",
            ),
            leave=(),
            fresh=True,
        )
        for size in ("5x24", "12x3", "20x10", "40x12", "80x24")
    ),
    *(
        Visit(f"permission-{size}", ("=@@bash touch x@@", *_ASK, f"<{size}", "~0.5"), leave=(), fresh=True)
        for size in ("5x24", "12x3", "20x10", "40x12", "80x24")
    ),
    *(
        Visit(f"transcript-{size}", ("C-o", f"<{size}", "~0.5"), leave=(), fresh=True)
        for size in ("12x3", "20x10", "40x12", "80x24")
    ),
)

STARTS = (
    Visit("start-trust", (), wish=Wish(trusted=False), leave=()),
    Visit("start-trust-yes", ("Down",), wish=Wish(trusted=False), leave=()),
    Visit(
        "start-key",
        (),
        wish=Wish(claude_json={"customApiKeyResponses": {"approved": [], "rejected": []}}),
        leave=(),
    ),
    Visit(
        "start-mcp-json",
        (),
        wish=Wish(
            files={"proj/.mcp.json": '{"mcpServers":{"projsrv":{"type":"http","url":"http://127.0.0.1:9/"}}}'}
        ),
        leave=(),
    ),
    Visit(
        "start-nudge",
        (),
        wish=Wish(claude_json={"hasSeenAutoDefaultNudge": False, "hasSeenAutoDefaultNotice": False}),
        leave=(),
    ),
    Visit("start-fresh-home", ("~3",), wish=Wish(seeded=False), leave=()),
    Visit(
        "start-bypass",
        (),
        wish=Wish(args=("--dangerously-skip-permissions",), environ={"IS_SANDBOX": "1"}),
        leave=(),
    ),
    Visit(
        "start-unknown-resume", ("~2",), wish=Wish(resume="11111111-2222-4333-8444-555555555555"), leave=()
    ),
    Visit("start-no-key", (), wish=Wish(environ={"ANTHROPIC_API_KEY": ""}), leave=()),
    Visit(
        "start-bad-settings",
        (),
        wish=Wish(
            files={"home/.claude/settings.json": '{"hooks": 3, "permissions": {"defaultMode": "default"}}'}
        ),
        leave=(),
    ),
    Visit("start-resume-picker", ("~1",), wish=Wish(args=("--resume",)), leave=()),
)
