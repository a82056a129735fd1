"""Codex, in its own terminal, by options of this one run (measured with 0.171.0).

Nothing is written into the user's configuration. `--no-daemon`: otherwise all sessions of one user share a
background process that lives in the first one's environment and survives its terminal. `notify` is left
alone: an option would replace the user's own, and the rollout tells as much.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.policy import Traits
from roost.runtimes import codex_args, codex_hooks, codex_rollout, codex_threads
from roost.runtimes.codex_hooks import CodexCarrier
from roost.runtimes.codex_joined import CodexJoining
from roost.runtimes.codex_sensor import CodexSensor
from roost.runtimes.context import Context
from roost.runtimes.environ import find_program, past_proxies
from roost.runtimes.runtime import Claim, Controls, LaunchPlan
from roost.runtimes.turns.codex import CodexReader
from roost.runtimes.turns.record import FileRecord
from roost.runtimes.turns.transcript import Transcript


class CodexRuntime:
    """`--runtime codex`."""

    name = "codex"
    traits = Traits(chooses_conversation=False, steers=True, hooks=True)
    submit_delay = 0.0
    # C-u takes one line, BSpace joins it to the one above; C-c at an empty prompt ends the program (0.171.0).
    controls = Controls(
        clear=("C-u", "BSpace") * 64, compact="/compact", carrier=CodexCarrier(), joining=CodexJoining()
    )
    passes = ("AWS_*", "AZURE_*", "CODEX_*", "GOOGLE_*", "OPENAI_*", "RUST_LOG")

    def locate(self, path: str | None) -> str:
        """The `codex` on the search path."""
        return find_program("codex", path, "npm install -g @openai/codex")

    def check(self, settings: Settings) -> None:
        """Refuse arguments that contradict ours."""
        codex_args.read(settings)

    def plan(self, context: Context) -> LaunchPlan:
        """Start fresh, or resume the conversation that the last session ran."""
        theirs = codex_args.read(context.settings)
        conversation = context.session.conversation
        resume = ["resume", conversation] if context.session.resumed and conversation else []
        prompt = "\n\n".join(text for text in (context.settings.prompt, theirs.prompt) if text)
        argv = ["codex", *resume, codex_args.NO_DAEMON, *options(context.url, prompt)]
        env = past_proxies(context.environ)
        if context.session.own_terminal:
            argv += codex_hooks.options()
            env = {**env, **codex_hooks.environ()}
        return LaunchPlan((*argv, *theirs.words), env)

    def sensor(self, context: Context) -> CodexSensor:
        """The sensor of one session."""
        return CodexSensor(context)

    def call(self, context: Context) -> None:
        """None: it is told by its terminal."""
        del context

    def claims(self, context: Context) -> list[Claim]:
        """The processes that hold the conversation's lock open, be it a background daemon of CODEX_HOME."""
        conversation = context.session.conversation
        if conversation is None:
            return []
        home = codex_rollout.codex_home(context.environ)
        return [Claim(pid, None, "its lock") for pid in codex_threads.writers(home, conversation)]

    def transcript(self, context: Context) -> Path | None:
        """The rollout that the conversation goes on in, packed or not."""
        return next(reversed(self.transcripts(context)), None)

    def transcripts(self, context: Context) -> Sequence[Path]:
        """The conversation's rollouts."""
        home, conversation = codex_rollout.codex_home(context.environ), context.session.conversation
        return codex_rollout.rollouts_of(home, conversation) if conversation is not None else ()

    def written(self, context: Context, since: float) -> Sequence[Path]:
        """The rollouts of all conversations."""
        return codex_rollout.written_since(codex_rollout.codex_home(context.environ), since)

    def said(self, context: Context, *, whole: bool) -> Transcript:
        """The thread's rollouts, packed ones too."""
        return Transcript(FileRecord(lambda: self.transcripts(context)), CodexReader(), whole=whole)

    def given(self, line: bytes) -> bool:
        """Its rollouts hold what its model was given, and no queue."""
        del line
        return True

    def conversation_of(self, record: Path) -> str | None:
        """By the rollout's name."""
        return codex_rollout.conversation_in(record)


def options(url: str, prompt: str) -> list[str]:
    """Options of one run: our tools without a question (shell commands still ask), no question about updates.

    The values are TOML; a JSON string is one too.
    """
    pairs = [
        (codex_args.UPDATES, "false"),
        (f"{codex_args.SERVER}.url", json.dumps(f"{url}/mcp")),
        (f"{codex_args.SERVER}.bearer_token_env_var", '"ROOST_TOKEN"'),
        (f"{codex_args.SERVER}.default_tools_approval_mode", '"approve"'),
    ]
    if prompt:
        pairs.append((codex_args.INSTRUCTIONS, json.dumps(prompt, ensure_ascii=False)))
    return [word for name, value in pairs for word in ("-c", f"{name}={value}")]
