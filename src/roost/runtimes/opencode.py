"""OpenCode, at its terminal, with its own server for this one session (measured with 1.18.33).

Nothing is written into the user's configuration; the user's own files stay in force. The process that draws
the terminal is the server, too (`--port`): with a port that is taken its screen stays blank, so the port is
chosen where outgoing connections do not go, and tried. `--hostname` is 127.0.0.1 unless somebody asks for
another one. The password counts for every path; without it the answer is 401. Its API answers 4 to 8 s after
the start, its screen 1 to 4 s later. `opencode attach` shows the same conversation and serves nothing itself.
"""

import json
import secrets
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.policy import Traits
from roost.runtimes import opencode_args, opencode_store
from roost.runtimes.context import Context
from roost.runtimes.environ import find_program, past_proxies
from roost.runtimes.opencode_api import DOOR, conversation_id
from roost.runtimes.opencode_call import OpencodeCall
from roost.runtimes.opencode_http import HOST, USER
from roost.runtimes.opencode_sensor import OpencodeSensor
from roost.runtimes.runtime import Claim, Controls, LaunchPlan
from roost.runtimes.turns.opencode import OpencodeReader
from roost.runtimes.turns.opencode_record import OpencodeRecord
from roost.runtimes.turns.transcript import Transcript

INSTRUCTIONS = "opencode-instructions.md"
_PORTS = range(20_000, 32_768)
"""Below the ports of outgoing connections (ip(7))."""
_RECORDS = "records"


class OpencodeRuntime:
    """`--runtime opencode`."""

    name = "opencode"
    traits = Traits(steers=True, calls=True, asks_once=True)
    submit_delay = 0.0
    controls = Controls()
    passes = ("*_API_KEY", "AWS_*", "AZURE_*", "GOOGLE_*", "OPENCODE_*")

    def locate(self, path: str | None) -> str:
        """The `opencode` on the search path."""
        return find_program("opencode", path, "npm install -g opencode-ai")

    def check(self, settings: Settings) -> None:
        """Refuse arguments that contradict ours."""
        opencode_args.read(settings)

    def plan(self, context: Context) -> LaunchPlan:
        """Start at its home screen, or resume the conversation that the last session ran."""
        theirs = opencode_args.read(context.settings)
        conversation = context.session.conversation
        resume = (
            ["--session", conversation_id(conversation)] if context.session.resumed and conversation else []
        )
        port, password = _free_port(), secrets.token_urlsafe(24)
        ours = configuration(context, theirs.chosen or {})
        env = {
            **past_proxies(context.environ),
            opencode_args.CONTENT: opencode_args.content(context.environ.get(opencode_args.CONTENT), ours),
            "OPENCODE_SERVER_PASSWORD": password,
            "OPENCODE_SERVER_USERNAME": USER,
        }
        files = {DOOR: json.dumps({"port": port, "password": password})}
        if context.settings.prompt:
            files[INSTRUCTIONS] = context.settings.prompt
        return LaunchPlan(("opencode", "--port", str(port), *resume, *theirs.words), env, files)

    def sensor(self, context: Context) -> OpencodeSensor:
        """The sensor of one session."""
        return OpencodeSensor(context)

    def call(self, context: Context) -> OpencodeCall:
        """Its server."""
        return OpencodeCall(context)

    def claims(self, context: Context) -> Sequence[Claim]:
        """None: nothing tells who has a conversation open."""
        del context
        return ()

    def transcript(self, context: Context) -> Path | None:
        """Its store, if that has the conversation."""
        conversation = context.session.conversation
        if conversation is None:
            return None
        held = opencode_store.holds(context.environ, conversation_id(conversation))
        return opencode_store.database(context.environ) if held else None

    def transcripts(self, context: Context) -> Sequence[Path]:
        """What its store holds of the conversation, written out."""
        conversation = context.session.conversation
        if conversation is None:
            return ()
        return opencode_store.written_out(context.environ, _records(context), conversation_id(conversation))

    def written(self, context: Context, since: float) -> Sequence[Path]:
        """What its store holds of all conversations, written out."""
        return opencode_store.written_since(context.environ, _records(context), since)

    def said(self, context: Context, *, whole: bool) -> Transcript | None:
        """What its store holds of the conversation."""
        conversation = context.session.conversation
        if conversation is None:
            return None
        record = OpencodeRecord(context.environ, conversation_id(conversation))
        return Transcript(record, OpencodeReader(), whole=whole)

    def given(self, line: bytes) -> bool:
        """What is written out tells prompts apart."""
        del line
        return False

    def conversation_of(self, record: Path) -> str | None:
        """By the file's name."""
        return record.stem


def configuration(context: Context, chosen: Mapping[str, str]) -> Mapping[str, object]:
    """The configuration of one run: our tools without a question, the peer's standing instructions.

    The token stays in the environment: OpenCode 1.18.33 expands `{env:NAME}` in the headers of a server.
    """
    headers = {"Authorization": "Bearer {env:ROOST_TOKEN}"}
    server = {"type": "remote", "url": f"{context.url}/mcp", "headers": headers, "oauth": False}
    prompt = {"instructions": [str(context.home / INSTRUCTIONS)]} if context.settings.prompt else {}
    return {
        "mcp": {opencode_args.SERVER: server},
        "permission": {f"{opencode_args.SERVER}_*": "allow"},
        **prompt,
        **chosen,
    }


def _records(context: Context) -> Path:
    return context.shared / _RECORDS


def _free_port() -> int:
    """Blocking: a port that nobody has now; hardly ever two sessions that start together choose one."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
