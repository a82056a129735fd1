"""Claude Code, in its own terminal, by flags and files of this one run (measured with 2.1.332).

Nothing is written into the user's configuration; the user's own settings, hooks and servers stay in force.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.policy import Traits
from roost.runtimes import claude_args, claude_permission, claude_plugin
from roost.runtimes.claude_joined import ClaudeJoining
from roost.runtimes.claude_own import ClaudeCarrier, OwnClaudeSensor
from roost.runtimes.claude_paste import as_pasted
from roost.runtimes.claude_sensor import ClaudeSensor
from roost.runtimes.claude_transcript import (
    ASIDE,
    SETTINGS,
    config_folder,
    find_transcript,
    holds_a_turn,
    written_since,
)
from roost.runtimes.context import Context
from roost.runtimes.environ import find_program, past_proxies
from roost.runtimes.lines import status_files, whole_number
from roost.runtimes.runtime import Claim, Controls, LaunchPlan
from roost.runtimes.turns.claude import ClaudeReader
from roost.runtimes.turns.record import FileRecord
from roost.runtimes.turns.transcript import Transcript

HOOKS = ("UserPromptSubmit", "Stop", "StopFailure", "PermissionRequest", "PostToolUse")
HOOK_SECONDS = 2
"""A hook that hangs costs the agent its whole timeout; a refused one shows a line and costs nothing."""
SERVERS = "claude-mcp.json"
THRESHOLDS = ("CLAUDE_CODE_RESUME_THRESHOLD_MINUTES", "CLAUDE_CODE_RESUME_TOKEN_THRESHOLD")
"""Claude Code 2.1.332 may ask at a resume, when the conversation is older and larger than both, whether to go
on from a summary; it did not offline, where its maker's switch for that is off."""
MOST = "999999999"


class ClaudeRuntime:
    """`--runtime claude`."""

    name = "claude"
    traits = Traits(steers=True, hooks=True, piped=True, asks_once=True)
    submit_delay = 0.0
    # C-u takes a line before the cursor, or the break in front of it, C-k those behind, in vim's modes, too;
    # of 64 keys that come at once it takes none. C-c takes all, and the program ends at a second one within a
    # second; Escape ends a turn. A first prompt with which the model was asked stood in no
    # record when its program was killed half a second after it was entered on a busy machine (2.1.332).
    controls = Controls(
        clear=("C-u",) * 24 + ("C-k",) * 8,
        compact="/compact",
        pastes=as_pasted,
        late=30.0,
        carrier=ClaudeCarrier(),
        joining=ClaudeJoining(),
    )
    passes = (
        *("ANTHROPIC_*", "CLAUDE_AUTOCOMPACT_*", "CLAUDE_CODE_*", "CLAUDE_CONFIG_DIR", "CLAUDE_STREAM_*"),
        *("DISABLE_*", "DO_NOT_TRACK", "ENABLE_*", "FALLBACK_FOR_ALL_PRIMARY_MODELS", "FORCE_PROMPT_*"),
        *("API_TIMEOUT_MS", "BASH_*_LENGTH", "BASH_*_TIMEOUT_MS", "IS_SANDBOX", "MAX_*_TOKENS", "MCP_*"),
        *("AWS_*", "AZURE_*", "CLOUDSDK_*", "CLOUD_ML_REGION", "GOOGLE_*", "OTEL_*", "VERTEX_*"),
    )

    def locate(self, path: str | None) -> str:
        """The `claude` on the search path."""
        return find_program("claude", path, "npm install -g @anthropic-ai/claude-code")

    def check(self, settings: Settings) -> None:
        """Refuse arguments that contradict ours, and files of theirs that cannot be used."""
        claude_args.read(settings)

    def plan(self, context: Context) -> LaunchPlan:
        """Start or resume the conversation whose id we chose."""
        if context.session.own_terminal:
            return _plan_there(context)
        theirs = claude_args.read(context.settings)
        conversation = context.session.conversation or context.session.id
        argv = ["claude", "--settings", str(context.home / SETTINGS)]
        argv += ["--mcp-config", str(context.home / SERVERS)]
        argv += ["--resume" if context.session.resumed else "--session-id", conversation]
        argv += claude_args.joined((context.settings.prompt, theirs.prompt))
        merged = claude_args.merge(theirs.settings, settings(context.url))
        thresholds = {name: MOST for name in THRESHOLDS if name not in context.environ}
        return LaunchPlan(
            (*argv, *theirs.words),
            {**past_proxies(context.environ), **thresholds},
            {SETTINGS: json.dumps(merged), SERVERS: json.dumps(servers(context.url))},
        )

    def sensor(self, context: Context) -> ClaudeSensor:
        """The sensor of one session."""
        return OwnClaudeSensor(context) if context.session.own_terminal else ClaudeSensor(context)

    def call(self, context: Context) -> None:
        """None: it is told by its terminal."""
        del context

    def claims(self, context: Context) -> list[Claim]:
        """The files `sessions/<pid>.json` that name the conversation; a killed process leaves its own behind.

        Claude Code 2.1.328 keeps no lock: a second process may join a conversation that is live.
        """
        return [
            Claim(pid, start, "its session file")
            for status in status_files(config_folder(context.environ) / "sessions")
            if status.get("sessionId") == context.session.conversation
            and (pid := whole_number(status.get("pid"))) is not None
            and (start := whole_number(status.get("procStart"))) is not None
        ]

    def transcript(self, context: Context) -> Path | None:
        """The conversation's transcript, if it holds a prompt: Claude Code leaves at once on an empty one."""
        return next((path for path in self.transcripts(context) if holds_a_turn(path)), None)

    def transcripts(self, context: Context) -> Sequence[Path]:
        """The conversation's transcript."""
        conversation = context.session.conversation
        path = find_transcript(context, conversation) if conversation else None
        return () if path is None else (path,)

    def written(self, context: Context, since: float) -> Sequence[Path]:
        """The transcripts of all conversations."""
        return written_since(context.environ, since)

    def said(self, context: Context, *, whole: bool) -> Transcript:
        """Its transcript."""
        return Transcript(FileRecord(lambda: self.transcripts(context)), ClaudeReader(), whole=whole)

    def given(self, line: bytes) -> bool:
        """What waits in its queue, or was refused, was not given to its model."""
        return ASIDE.search(line) is None

    def conversation_of(self, record: Path) -> str | None:
        """By the transcript's name."""
        return record.stem


def _plan_there(context: Context) -> LaunchPlan:
    """Start it as the person would, with our hooks and tools beside; what is their taste stays theirs.

    `--mcp-config` takes all words that follow it (2.1.332), so it is not the last of ours.
    """
    theirs = claude_args.read(context.settings, own_terminal=True)
    argv = ["claude", "--mcp-config", str(context.home / SERVERS), "--settings", str(context.home / SETTINGS)]
    argv += ["--plugin-dir", str(context.home / claude_plugin.PLUGIN)]
    if not theirs.chooses:
        conversation = context.session.conversation or context.session.id
        argv += ["--resume" if context.session.resumed else "--session-id", conversation]
    argv += claude_args.joined((context.settings.prompt, theirs.prompt))
    ours = {key: value for key, value in settings(context.url).items() if key in ("hooks", "permissions")}
    merged = claude_args.merge(theirs.settings, ours)
    files = {SETTINGS: json.dumps(merged), SERVERS: json.dumps(servers(context.url))}
    files |= claude_plugin.files(context.home)
    return LaunchPlan((*argv, *theirs.words), past_proxies(context.environ), files)


def settings(url: str) -> Mapping[str, object]:
    """Settings of one run, on top of the user's own: our hooks, our tools without a question.

    The token stays in the environment: http hooks expand `$ROOST_TOKEN` in a header (2.1.328). Suggested
    prompts would stand in the input line as drafts do. The agent view would take the prompt off the screen at
    an arrow key, and `/bg` the whole session out of its terminal.
    """
    return {
        "hooks": {name: [{"hooks": [_hook(url, name)]}] for name in HOOKS},
        "permissions": {"allow": [f"mcp__{claude_args.SERVER}"]},
        "promptSuggestionEnabled": False,
        "disableAgentView": True,
    }


def _hook(url: str, name: str) -> Mapping[str, object]:
    return {
        "type": "http",
        "url": f"{url}/hooks/{name}",
        "headers": {"Authorization": "Bearer $ROOST_TOKEN"},
        "allowedEnvVars": ["ROOST_TOKEN"],
        "timeout": claude_permission.LONGEST if name == claude_permission.EVENT else HOOK_SECONDS,
    }


def servers(url: str) -> Mapping[str, object]:
    """The MCP configuration of one run: our tools, by the session's token."""
    headers = {"Authorization": "Bearer ${ROOST_TOKEN}"}
    return {"mcpServers": {claude_args.SERVER: {"type": "http", "url": f"{url}/mcp", "headers": headers}}}
