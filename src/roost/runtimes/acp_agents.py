"""The ACP agents that roost knows, and how each was proven."""

from collections.abc import Sequence

from roost.local.config import AcpTable
from roost.runtimes.acp import AcpRuntime, DemoAcpRuntime
from roost.runtimes.claude import ClaudeRuntime
from roost.runtimes.codex import CodexRuntime


def acp_agents() -> Sequence[AcpRuntime]:
    """A runtime for each."""
    return (
        # Tried with Gemini CLI 0.61.0, which cannot load conversations (session/load fails).
        AcpRuntime(
            AcpTable("gemini-acp", ("gemini", "--acp")),
            passes=("GEMINI_*", "GOOGLE_*"),
            install="npm install -g @google/gemini-cli",
        ),
        # Tried with OpenCode 1.18.33.
        AcpRuntime(
            AcpTable("opencode-acp", ("opencode", "acp")),
            passes=("OPENCODE_*", "ANTHROPIC_*", "AWS_*", "GEMINI_*", "GOOGLE_*", "OPENAI_*", "OPENROUTER_*"),
            install="npm install -g opencode-ai",
        ),
        # Tried with claude-agent-acp 0.101.0. Our tools are called without a question, as by Claude Code.
        AcpRuntime(
            AcpTable(
                "claude-acp",
                ("claude-agent-acp",),
                meta={"claudeCode": {"options": {"allowedTools": ["mcp__roost"]}}},
            ),
            passes=ClaudeRuntime.passes,
            install="npm install -g @agentclientprotocol/claude-agent-acp",
        ),
        # From its documentation.
        AcpRuntime(
            AcpTable("codex-acp", ("codex-acp",)),
            passes=CodexRuntime.passes,
            install="npm install -g @agentclientprotocol/codex-acp",
        ),
        DemoAcpRuntime(),
    )
