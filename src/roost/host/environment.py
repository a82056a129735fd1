"""The environment of a child: an allow-list, so that nothing of a surrounding session leaks in."""

import os
from collections.abc import Iterable, Mapping

from roost.core.vocabulary.patterns import matches
from roost.terminfo import knows

TERMINAL = "tmux-256color"
OLD_TERMINAL = "screen-256color"

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY")
PASSED = (
    *("HOME", "PATH", "SHELL", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "XDG_*"),
    *("SSH_AUTH_SOCK", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *_PROXIES,
    *(name.lower() for name in _PROXIES),
    *("ROOST_DEMO_LOG", "ROOST_TEST_RUN"),
)
_CLAUDE_MARKS = (
    *("AGENT", "AGENT_*", "ARTIFACT_*", "BASE_REF*", "BRIDGE_*", "CCR_*", "CHILD_*"),
    *("CLOUD_*", "CONTAINER_ID", "COORDINATOR_*", "DESKTOP_*", "DONT_INHERIT_ENV", "ENTRYPOINT*", "EVAL_*"),
    *("EXECPATH", "HOST_*", "INVOKED_SKILLS", "LAUNCHED_BY_*", "MESSAGING_*", "PARENT_*"),
    *(
        "PERSONAL_*",
        "PLAN_MODE_REQUIRED",
        "PROJECTS_*",
        "PROVIDER_MANAGED_*",
        "RELAUNCH_*",
        "REMOTE",
        "REMOTE_*",
    ),
    *("RESUME_FROM_*", "RESUME_HINT_*", "RESUME_INTERRUPTED_*", "RESUME_PROMPT", "RESUME_REASON"),
    *("RESUME_SOURCE_*", "RUNNER_*", "SAFE_MODE", "SANDBOXED", "SCRATCHPAD_DIR", "SDK_*", "SESSION_*"),
    *("SESSIONS_*", "SHELL_HANDOVER_*", "SIMPLE", "SKIP_PROMPT_HISTORY", "SPAWN*", "SSE_PORT", "SUPERVISED"),
    *("TASK_LIST_ID", "TEAM*", "TMUX_PREFIX*", "TMUX_SESSION", "TOOL_USE_ID", "TRIGGER_ID", "TUI_JUST_*"),
    *("USER_DELEGATED_*", "VERSION", "WEBSOCKET_*", "WORKER_*", "WORKSPACE_HOST_*", "*_FILE_DESCRIPTOR"),
)
_CODEX_MARKS = (
    *(
        "APPLY_PATCH_*",
        "APP_SERVER_*",
        "CI",
        "DAEMON_*",
        "EXEC_SERVER_*",
        "INTERNAL_*",
        "MANAGED_*",
        "NETWORK_*",
    ),
    *("PERMISSION_PROFILE", "SANDBOX", "SANDBOX_*", "SESSION_ID", "SHELL_SNAPSHOT_*", "SNAPSHOT_*"),
    *("STARTING_DIFF", "THREAD_ID", "TOOL_CALL_*", "VERSION"),
)
MARKS = (
    *("CLAUDECODE", "CLAUDE_PID", "CLAUDE_PROJECT_DIR", "CLAUDE_ENV_FILE", "CLAUDE_EFFORT", "AI_AGENT"),
    *(f"CLAUDE_CODE_{name}" for name in _CLAUDE_MARKS),
    *(f"CODEX_{name}" for name in _CODEX_MARKS),
    *("GEMINI_CLI", "GEMINI_CLI_NO_RELAUNCH"),
    *("OPENCODE", "OPENCODE_PID", "OPENCODE_SERVER_*"),
    *("TMUX", "TMUX_*", "ROOST_*"),
)
"""Marks of a surrounding session, which no child may see, whatever else is passed.

An agent program that finds them believes that it runs inside another one: a Claude Code child with
CLAUDECODE set writes no transcript; TMUX points to a foreign server; a ROOST token is another peer's.
SIMPLE, SAFE_MODE and SKIP_PROMPT_HISTORY are what `--bare`, `--safe-mode` and a background session leave to
their children. From what Claude Code 2.1.332, Codex 0.171.0 and Gemini CLI 0.61.0 give to the commands that
they run, and from the variables that Claude Code itself takes away from a session that it starts.
"""


def child_environment(
    base: Mapping[str, str],
    extra: Mapping[str, str],
    pass_names: Iterable[str] = (),
    *,
    terminal: str = TERMINAL,
) -> dict[str, str]:
    """What of `base` a child may see, then TERM and COLORTERM, then `extra` as it is.

    `pass_names` allows more names of `base`, as patterns (`AWS_*`); names in MARKS stay out even so.
    Values that no environment can hold (with a NUL) are dropped.
    """
    allowed = tuple(pass_names)
    child = {name: value for name, value in base.items() if is_passed(name, allowed) and "\0" not in value}
    return {**child, "TERM": terminal, "COLORTERM": "truecolor", **extra}


def is_passed(name: str, pass_names: Iterable[str] = ()) -> bool:
    """Whether a child may see the variable of this name."""
    return matches(name, (*PASSED, *pass_names)) and (name in PASSED or not matches(name, MARKS))


def terminal_name(environ: Mapping[str, str] | None = None) -> str:
    """The TERM for programs in our panes: `tmux-256color`, or `screen-256color` where terminfo lacks it."""
    environ = os.environ if environ is None else environ
    return TERMINAL if knows(TERMINAL, environ) else OLD_TERMINAL
