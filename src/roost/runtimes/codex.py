"""Codex, in its own terminal, by options of this one run (measured with 0.169.0).

Nothing is written into the user's configuration. `--no-daemon`: otherwise all sessions of one user share a
background process that lives in the first one's environment and survives its terminal. `notify` is left
alone: an option would replace the user's own, and the rollout tells as much.
"""

import json
from pathlib import Path

from roost.core.policy import Traits
from roost.runtimes import codex_rollout
from roost.runtimes.base import Claim, Context, Controls, LaunchPlan
from roost.runtimes.codex_sensor import CodexSensor
from roost.runtimes.environ import find_program, past_proxies


class CodexRuntime:
    """`--runtime codex`."""

    name = "codex"
    traits = Traits(chooses_conversation=False, steers=True)
    submit_delay = 0.0
    # C-u takes one line, BSpace joins it to the one above; C-c at an empty prompt ends the program (0.171.0).
    controls = Controls(clear=("C-u", "BSpace") * 64, compact="/compact")
    passes = ("AZURE_OPENAI_*", "CODEX_*", "OPENAI_*")

    def locate(self, path: str | None) -> str:
        """The `codex` on the search path."""
        return find_program("codex", path, "npm install -g @openai/codex")

    def plan(self, context: Context) -> LaunchPlan:
        """Start fresh, or resume the conversation that the last session ran."""
        conversation = context.session.conversation
        resume = ["resume", conversation] if context.session.resumed and conversation else []
        argv = ["codex", *resume, "--no-daemon", *options(context.url, context.settings.prompt)]
        return LaunchPlan((*argv, *context.settings.args), past_proxies(context.environ))

    def sensor(self, context: Context) -> CodexSensor:
        """The sensor of one session."""
        return CodexSensor(context)

    def claims(self, context: Context) -> list[Claim]:
        """The processes that hold the conversation's lock open, be it a background daemon of CODEX_HOME."""
        conversation = context.session.conversation
        if conversation is None:
            return []
        home = codex_rollout.codex_home(context.environ)
        return [Claim(pid, None, "its lock") for pid in codex_rollout.writers(home, conversation)]

    def transcript(self, context: Context, mark: str | None) -> Path | None:
        """The conversation's rollout; without a known conversation, the rollout that holds the mark."""
        home = codex_rollout.codex_home(context.environ)
        if context.session.conversation is not None:
            return codex_rollout.rollout_of(home, context.session.conversation)
        return codex_rollout.rollout_with(home, mark) if mark is not None else None


def options(url: str, prompt: str) -> list[str]:
    """Options of one run: our tools without a question (shell commands still ask), no question about updates.

    The values are TOML; a JSON string is one too.
    """
    pairs = [
        ("check_for_update_on_startup", "false"),
        ("mcp_servers.roost.url", json.dumps(f"{url}/mcp")),
        ("mcp_servers.roost.bearer_token_env_var", '"ROOST_TOKEN"'),
        ("mcp_servers.roost.default_tools_approval_mode", '"approve"'),
    ]
    if prompt:
        pairs.append(("developer_instructions", json.dumps(prompt, ensure_ascii=False)))
    return [word for name, value in pairs for word in ("-c", f"{name}={value}")]
