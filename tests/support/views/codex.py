"""How the views of Codex are opened, beside those of its slash commands."""

from tests.support.views.visit import Visit, Wish

_ASK = ("~0.5", "Enter", "~2.5")
_MODEL = Wish(codex_config='[tui]\nstatus_line = ["model-with-reasoning"]')
_NONE = Wish(codex_config="[tui]\nstatus_line = []")
_LONG = Wish(
    codex_config='[tui]\nstatus_line = ["model-with-reasoning", "current-dir", "run-state",'
    ' "context-remaining", "thread-title"]'
)
_VIM = Wish(codex_config="[tui]\nvim_mode_default = true")
_SCROLL = Wish(codex_config='[tui]\nalternate_screen = "never"')
_TERMINAL = '@@tool exec_command {"cmd":"sleep 600","yield_time_ms":300}@@'
_TURN = ("=@@delay 60@@", "Enter", "~1.2")
_INPUT = (
    '@@tool request_user_input {"questions":[{"id":"c","header":"Colour","question":"Which colour?",'
    '"options":[{"label":"Red","description":"warm"},{"label":"Blue","description":"cold"}]}]}@@'
)
_PATCH = (
    '@@tool apply_patch {"input":"*** Begin Patch\\n*** Add File: /etc/roost-x\\n+x\\n*** End Patch\\n"}@@'
)

VISITS = (
    Visit("ready", (), leave=()),
    Visit("details", ("C-t",), leave=("C-t",)),
    Visit(
        "diff-pager", ("=/diff", "~0.4", "Enter", "~1"), wish=Wish(repository=True), leave=("q",), fresh=True
    ),
    Visit("worktree", ("=/worktree", "~0.4", "Enter", "~1"), wish=Wish(repository=True), fresh=True),
    Visit("pager-escape", ("=/diff", "~0.4", "Enter", "~1"), fresh=True),
    Visit("find-transcript", ("F3",)),
    Visit("find-transcript-text", ("F3", "=hello"), leave=("Escape", "Escape")),
    Visit("activity", ("F4",)),
    Visit("warnings", ("F2",)),
    Visit("shortcuts", ("=?",), leave=("Escape", "?")),
    Visit("history-search", ("C-r",)),
    Visit("history-search-text", ("C-r", "=hello"), leave=("Escape", "C-c")),
    Visit("escape-hint", ("Escape",), leave=(), fresh=True),
    Visit("backtrack", ("Escape", "Escape", "~0.5"), fresh=True),
    Visit("backtrack-edit", ("Escape", "Escape", "~0.5", "Enter"), leave=("C-c",), fresh=True),
    Visit("agents", ("Left", "~1.5"), leave=("Escape", "Right"), fresh=True),
    Visit("agents-help", ("Left", "~1.5", "=?"), leave=("Escape", "Escape"), fresh=True),
    Visit("complete-file", ("=@",), leave=("Escape", "C-c"), fresh=True),
    Visit("complete-command", ("=/",), leave=("Escape", "C-c"), fresh=True),
    Visit("complete-command-text", ("=/mod",), leave=("C-c",), fresh=True),
    Visit("complete-nothing", ("=/zzz",), leave=("C-c",), fresh=True),
    Visit("complete-skill", ("=$",), leave=("C-c",), fresh=True),
    Visit("shell-mode", ("=!",), leave=("Escape", "BSpace"), fresh=True),
    Visit("shell-mode-text", ("=!ls",), leave=("C-c",), fresh=True),
    Visit("hash", ("=#",), leave=("C-c",), fresh=True),
    Visit("draft", ("=a draft",), leave=("C-c",), fresh=True),
    Visit("draft-lines", ("^a\\nb\\nc",), leave=("C-c",), fresh=True),
    Visit("draft-arrow", ("^x\\n› 1. y",), leave=("C-c",), fresh=True),
    Visit("draft-escape", ("=a draft", "Escape"), leave=("C-c",), fresh=True),
    Visit("draft-stash", ("=a draft", "C-s"), leave=("C-s", "C-c"), fresh=True),
    Visit("mode-plan", ("BTab",), leave=("BTab",), fresh=True),
    Visit("editor", ("C-g", "~1"), leave=(), fresh=True),
    Visit("leader", ("C-x", "~0.3"), fresh=True),
    Visit("leader-sidebar", ("C-x", "t"), fresh=True),
    Visit("copy-key", ("C-o",), leave=(), fresh=True),
    Visit("clear-screen", ("C-l",), leave=(), fresh=True),
    Visit("suspend", ("C-z", "~1"), leave=(), fresh=True),
    Visit("exit-question", ("C-c",), leave=(), fresh=True),
    Visit("exit-d", ("C-d",), leave=(), fresh=True),
    Visit("reasoning-up", ("M-.",), leave=(), fresh=True),
    Visit("subagent-next", ("M-Right",), leave=(), fresh=True),
    Visit("prompt-up", ("Up",), leave=("C-c",), fresh=True),
    Visit("prompt-down", ("Down",), leave=(), fresh=True),
    Visit("approvals-command", ("=/approvals", "~0.4", "Enter"), fresh=True),
    Visit(
        "model-next", ("=/model", "~0.4", "Enter", "~0.5", "Enter"), leave=("Escape", "Escape"), fresh=True
    ),
    Visit(
        "permissions-full",
        ("=/permissions", "~0.4", "Enter", "~0.5", "=3", "~0.3"),
        leave=("Escape", "Escape"),
        fresh=True,
    ),
    Visit(
        "review-branch",
        ("=/review", "~0.4", "Enter", "~0.5", "=4", "~0.5"),
        leave=("Escape", "Escape"),
        fresh=True,
    ),
    Visit(
        "skills-list",
        ("=/skills", "~0.4", "Enter", "~0.5", "=2", "~0.5"),
        leave=("Escape", "Escape"),
        fresh=True,
    ),
    Visit(
        "feedback-next",
        ("=/feedback", "~0.4", "Enter", "~0.5", "Enter", "~0.5"),
        leave=("Escape", "Escape"),
        fresh=True,
    ),
    Visit(
        "hooks-next",
        ("=/hooks", "~0.4", "Enter", "~0.5", "Enter", "~0.5"),
        leave=("Escape", "Escape"),
        fresh=True,
    ),
    Visit("fork", ("=/fork", "~0.4", "Enter", "~1.5"), leave=(), fresh=True),
    Visit("side-typed", ("=/side", "~0.4", "Enter", "~1.5", "=abc"), leave=(), fresh=True),
    Visit("presets-typed", ("=/presets", "~0.4", "Enter", "~1", "=abc"), leave=("Escape",), fresh=True),
    Visit("memories-typed", ("=/memories", "~0.4", "Enter", "~1", "=abc"), leave=("Escape",), fresh=True),
    Visit("archive-question", ("=/archive", "~0.4", "Enter", "~1"), fresh=True),
    Visit("turn", _TURN, leave=(), fresh=True),
    Visit("turn-draft", (*_TURN, "=second"), leave=(), fresh=True),
    Visit("turn-queued", (*_TURN, "=second", "Tab", "~0.5"), leave=(), fresh=True),
    Visit("turn-steered", (*_TURN, "=second", "Enter", "~0.5"), leave=(), fresh=True),
    Visit("turn-transcript", (*_TURN, "C-t"), fresh=True),
    Visit("turn-model", (*_TURN, "=/model", "~0.4", "Enter"), fresh=True),
    Visit("turn-status", (*_TURN, "=/status", "~0.4", "Enter"), fresh=True, leave=()),
    Visit("turn-agents", (*_TURN, "Left", "~1.5"), fresh=True),
    Visit("turn-escape", (*_TURN, "Escape"), fresh=True, leave=()),
    Visit("permission-shell", ("=@@bash touch /etc/x@@", *_ASK), fresh=True),
    Visit("permission-shell-transcript", ("=@@bash touch /etc/x@@", *_ASK, "C-t"), fresh=True),
    Visit("permission-patch", ("=" + _PATCH, *_ASK), fresh=True),
    Visit(
        "permission-mcp",
        ('=@@tool mcp__other__send_message {"to":"a","body":"b"}@@', *_ASK),
        fresh=True,
        wish=Wish(codex_config='[mcp_servers.other]\nurl = "STUB/other"'),
    ),
    Visit("question", ("BTab", "=" + _INPUT, *_ASK), fresh=True),
    Visit(
        "question-other",
        ("BTab", "=" + _INPUT, *_ASK, "Down", "Down", "Tab", "=words"),
        fresh=True,
        leave=("Escape", "Escape"),
    ),
    Visit("plan-approval", ("BTab", "=@@reply <proposed_plan>one</proposed_plan>@@", *_ASK), fresh=True),
    Visit(
        "plan-approval-lines",
        ("BTab", "^make a plan\\n<proposed_plan>\\none\\n</proposed_plan>", *_ASK),
        fresh=True,
    ),
    Visit("background-terminal", ("=" + _TERMINAL, "Enter", "~3"), fresh=True, leave=()),
    Visit("background-ps", ("=" + _TERMINAL, "Enter", "~3", "=/ps", "~0.4", "Enter"), fresh=True, leave=()),
    Visit("background-activity", ("=" + _TERMINAL, "Enter", "~3", "F4"), fresh=True),
    Visit("status-model", (), wish=_MODEL, fresh=True, leave=()),
    Visit("status-model-draft", ("=a draft",), wish=_MODEL, fresh=True, leave=()),
    Visit("status-model-picker", ("=/model", "~0.4", "Enter"), wish=_MODEL, fresh=True),
    Visit("status-none", (), wish=_NONE, fresh=True, leave=()),
    Visit("status-none-draft", ("=a draft",), wish=_NONE, fresh=True, leave=()),
    Visit("status-none-lines", ("^a\\nb\\n\\nc",), wish=_NONE, fresh=True, leave=()),
    Visit("status-none-picker", ("=/model", "~0.4", "Enter"), wish=_NONE, fresh=True),
    Visit("status-none-turn", _TURN, wish=_NONE, fresh=True, leave=()),
    Visit("status-long", (), wish=_LONG, fresh=True, leave=()),
    Visit("vim-insert", ("i",), wish=_VIM, fresh=True, leave=()),
    Visit("vim-normal", (), wish=_VIM, fresh=True, leave=("i",)),
    Visit("vim-normal-escape", ("Escape",), wish=_VIM, fresh=True, leave=("i",)),
    Visit("scroll-ready", (), wish=_SCROLL, fresh=True, leave=()),
    Visit("scroll-draft", ("=a draft",), wish=_SCROLL, fresh=True, leave=()),
    Visit("scroll-model", ("=/model", "~0.4", "Enter"), wish=_SCROLL, fresh=True),
    Visit("scroll-transcript", ("C-t",), wish=_SCROLL, fresh=True, leave=("q",)),
    Visit("scroll-permission", ("=@@bash touch /etc/x@@", *_ASK), wish=_SCROLL, fresh=True),
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
        Visit(
            f"permission-{size}", ("=@@bash touch /etc/x@@", *_ASK, f"<{size}", "~0.5"), leave=(), fresh=True
        )
        for size in ("5x24", "12x3", "20x10", "40x12", "80x24")
    ),
    *(
        Visit(f"details-{size}", ("C-t", f"<{size}", "~0.5"), leave=(), fresh=True)
        for size in ("12x3", "20x10", "40x12", "80x24")
    ),
    *(
        Visit(f"model-{size}", ("=/model", "~0.4", "Enter", f"<{size}", "~0.5"), leave=(), fresh=True)
        for size in ("12x3", "20x10", "40x12", "80x24")
    ),
)

_HOOKS = '{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"true"}]}]}}'
STARTS = (
    Visit("start-loading", ("?Ask Codex",), leave=(), at_once=True),
    Visit("start-loading-login", ("?Ask Codex",), wish=Wish(seeded=False), leave=(), at_once=True),
    Visit("start-trust", ("~1",), wish=Wish(trusted=False, repository=True), leave=()),
    Visit("start-untrusted-plain", ("~1",), wish=Wish(trusted=False), leave=()),
    Visit("start-migration", ("~1",), wish=Wish(args=("-c", 'model="gpt-5.5"')), leave=()),
    Visit("start-migration-down", ("~1", "Down"), wish=Wish(args=("-c", 'model="gpt-5.5"')), leave=()),
    Visit("start-migration-old", ("~1",), wish=Wish(args=("-c", 'model="gpt-5.1"')), leave=()),
    Visit("start-hooks", ("~1",), wish=Wish(files={"home/.codex/hooks.json": _HOOKS}), leave=()),
    Visit("start-login", ("~1",), wish=Wish(seeded=False), leave=()),
    Visit("start-no-key", ("~1",), wish=Wish(environ={"FAKE_KEY": ""}), leave=()),
    Visit(
        "start-unknown-resume", ("~1",), wish=Wish(resume="11111111-2222-4333-8444-555555555555"), leave=()
    ),
    Visit("start-bad-config", ("~1",), wish=Wish(codex_config="[tui]\nstatus_line = 3"), leave=()),
)
