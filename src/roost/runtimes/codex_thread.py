"""A thread of a Codex app-server that somebody else runs (`codex app-server --listen ...`, 0.171.0).

Nothing of it is started or ended here: it is joined, told and let go of. See `codex_server`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.policy import Traits
from roost.errors import InvalidSettingError
from roost.runtimes.codex_rollout import codex_home, rollouts_of
from roost.runtimes.codex_server.address import FORMS, read_address
from roost.runtimes.codex_server.sensor import ThreadSensor
from roost.runtimes.codex_server.servers import Servers
from roost.runtimes.codex_server.thread import ThreadCall
from roost.runtimes.context import Context
from roost.runtimes.runtime import Claim, Controls, LaunchPlan
from roost.runtimes.turns.codex import CodexReader
from roost.runtimes.turns.record import FileRecord
from roost.runtimes.turns.transcript import Transcript

TOOLS = "mcp_servers"


class CodexThreadRuntime:
    """`--runtime codex-thread`."""

    name = "codex-thread"
    traits = Traits(chooses_conversation=False, steers=True)
    submit_delay = 0.0
    controls = Controls(interrupt=(), compact="thread/compact/start")
    passes = ()

    def __init__(self, servers: Servers) -> None:
        """Reach threads through these servers."""
        self._servers = servers

    def locate(self, path: str | None) -> str:
        """Nothing is started."""
        del path
        return ""

    def check(self, settings: Settings) -> None:
        """It needs an address; what starts a program is not for it."""
        if not settings.server:
            raise InvalidSettingError(f"a thread needs the address of its server: --server {FORMS}")
        read_address(settings.server)
        if settings.args or settings.env:
            raise InvalidSettingError("arguments and variables of a thread are its server's, not roost's")

    def plan(self, context: Context) -> LaunchPlan:
        """Nothing is started."""
        del context
        return LaunchPlan(())

    def sensor(self, context: Context) -> ThreadSensor:
        """What its server tells."""
        return ThreadSensor(context)

    def call(self, context: Context) -> ThreadCall:
        """The thread at its server."""
        return self._servers.thread(context.session, context.settings.server)

    def claims(self, context: Context) -> Sequence[Claim]:
        """None: a thread may be followed by many."""
        del context
        return ()

    def transcript(self, context: Context) -> Path | None:
        """None: the server keeps the record and is asked."""
        del context

    def transcripts(self, context: Context) -> Sequence[Path]:
        """None: the server keeps the record and is asked."""
        del context
        return ()

    def written(self, context: Context, since: float) -> Sequence[Path]:
        """None: the server keeps the record and is asked."""
        del context, since
        return ()

    def conversation_of(self, record: Path) -> str | None:
        """There are no files."""
        del record

    def said(self, context: Context, *, whole: bool) -> Transcript | None:
        """Its rollouts, where its server keeps them in the CODEX_HOME that agents get; else None."""
        home, thread = codex_home(context.environ), context.session.conversation
        if thread is None or not rollouts_of(home, thread):
            return None
        return Transcript(FileRecord(lambda: rollouts_of(home, thread)), CodexReader(), whole=whole)

    def given(self, line: bytes) -> bool:
        """There are no files."""
        del line
        return False


def options(url: str, token: str, prompt: str) -> dict[str, Any]:
    """What a thread is loaded with: our tools, without a question for each call, and standing instructions.

    They count where this loads the thread, and only as long as that lasts: one that is loaded keeps its own.
    """
    server = {
        "url": f"{url}/mcp",
        "http_headers": {"Authorization": f"Bearer {token}"},
        "default_tools_approval_mode": "approve",
    }
    asked: dict[str, Any] = {"config": {f"{TOOLS}.roost": server}}
    if prompt:
        asked["developerInstructions"] = prompt
    return asked
