"""Gemini CLI, in its own terminal, with a home of this one run (measured with 0.61.0).

Nothing is written into the user's configuration, see `gemini_home`; the user's own settings, hooks, servers
and extensions stay in force. No hooks of ours: they tell what record, title and screen tell, later than those
and the same for a turn that was cancelled or failed, and each is a line on the screen and a shell.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.policy import Traits
from roost.runtimes import gemini_args, gemini_chats, gemini_resume
from roost.runtimes.context import Context
from roost.runtimes.environ import find_program, past_proxies
from roost.runtimes.gemini_home import EXTENSION, EXTENSION_FOLDER, TRUSTED, gemini_folder, make_home
from roost.runtimes.gemini_processes import processes_of
from roost.runtimes.gemini_sensor import GeminiSensor
from roost.runtimes.runtime import Claim, Controls, LaunchPlan
from roost.runtimes.turns.gemini import GeminiReader
from roost.runtimes.turns.record import FileRecord
from roost.runtimes.turns.transcript import Transcript

POLICY = "gemini-policy.toml"
ALLOWED = f"""[[rule]]
mcpName = "{EXTENSION}"
toolName = "*"
decision = "allow"
priority = 900
"""
"""Our tools are called without a question; an extension's own policies cannot say that."""


class GeminiRuntime:
    """`--runtime gemini`."""

    name = "gemini"
    traits = Traits(steers=True, asks_once=True)
    # An Enter within 40 ms of a paste is a line break, by its program's clock, where its terminal does not
    # speak the Kitty protocol; on a busy machine those 40 ms begin late (0.61.0).
    submit_delay = 0.3
    # C-u takes one line and BSpace joins it to the one above; C-c twice ends the program, Escape twice opens
    # a list. Its record is written before its model is asked, and has no line for the end of a turn (0.61.0).
    controls = Controls(clear=("C-u", "BSpace") * 16, compact="/compress", exact=False)
    passes = (
        *("GEMINI_*", "GOOGLE_*", "CLOUDSDK_*", "CLOUD_SHELL", "NO_COLOR", "OTEL_*"),
        *("CODE_ASSIST_ENDPOINT", "DEBUG", "DO_NOT_TRACK"),
    )

    def locate(self, path: str | None) -> str:
        """The `gemini` on the search path."""
        return find_program("gemini", path, "npm install -g @google/gemini-cli")

    def check(self, settings: Settings) -> None:
        """Refuse arguments that contradict ours."""
        gemini_args.read(settings)

    def plan(self, context: Context) -> LaunchPlan:
        """Start or resume the conversation whose id we chose."""
        words = gemini_args.read(context.settings)
        conversation = context.session.conversation or context.session.id
        folder = gemini_folder(context.environ)
        home = make_home(context.environ, context.home)
        if context.session.resumed:
            gemini_resume.prepare(context.environ, conversation)
        argv = ["gemini", "--resume" if context.session.resumed else "--session-id", conversation]
        argv += gemini_args.policies(context.settings, context.home / POLICY, folder)
        given = context.environ.get("GEMINI_CLI_TRUSTED_FOLDERS_PATH")
        env = {
            "GEMINI_CLI_HOME": str(home),
            "GEMINI_CLI_TRUSTED_FOLDERS_PATH": given or str(folder / TRUSTED),
        }
        files = {POLICY: ALLOWED, **extension(context.url, context.settings.prompt)}
        return LaunchPlan((*argv, *words), {**past_proxies(context.environ), **env}, files)

    def sensor(self, context: Context) -> GeminiSensor:
        """The sensor of one session."""
        return GeminiSensor(context)

    def call(self, context: Context) -> None:
        """None: it is told by its terminal."""
        del context

    def claims(self, context: Context) -> list[Claim]:
        """The processes whose command line names the conversation: its program keeps no lock, and no pid.

        One that a person led there by `/resume` is not seen.
        """
        conversation = context.session.conversation
        found = processes_of(conversation) if conversation is not None else []
        return [Claim(pid, None, "its command line") for pid in found]

    def transcript(self, context: Context) -> Path | None:
        """The conversation's record, if there is something in it to go on with."""
        return next((path for path in self.transcripts(context) if gemini_chats.holds_a_turn(path)), None)

    def transcripts(self, context: Context) -> Sequence[Path]:
        """The conversation's record."""
        conversation = context.session.conversation
        path = gemini_chats.find_chat(context.environ, conversation) if conversation else None
        return () if path is None else (path,)

    def written(self, context: Context, since: float) -> Sequence[Path]:
        """The records of all conversations."""
        return gemini_chats.written_since(context.environ, since)

    def said(self, context: Context, *, whole: bool) -> Transcript:
        """The conversation's record."""
        return Transcript(FileRecord(lambda: self.transcripts(context)), GeminiReader(), whole=whole)

    def given(self, line: bytes) -> bool:
        """Its record holds no queue: what stands in a user's message was given to its model."""
        return b'"type":"user"' in line

    def conversation_of(self, record: Path) -> str | None:
        """By the record's first line: its name holds a part of the id alone."""
        return gemini_chats.conversation_in(record)


def extension(url: str, prompt: str) -> Mapping[str, str]:
    """The files of our extension: our tools, by the session's token, and the standing instructions.

    The token stays in the environment: the program expands `$ROOST_TOKEN` in a header (0.61.0).
    """
    headers = {"Authorization": "Bearer $ROOST_TOKEN"}
    said: dict[str, object] = {
        "name": EXTENSION,
        "version": "1.0.0",
        "mcpServers": {EXTENSION: {"httpUrl": f"{url}/mcp", "headers": headers}},
    }
    files: dict[str, str] = {}
    if prompt:
        said["contextFileName"] = "instructions.md"
        files[f"{EXTENSION_FOLDER}/instructions.md"] = prompt
    files[f"{EXTENSION_FOLDER}/gemini-extension.json"] = json.dumps(said)
    return files
