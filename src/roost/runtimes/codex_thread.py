"""A thread of a Codex app-server (`codex app-server --listen ...`, 0.171.0).

With `server` it is one of a server that somebody else runs: nothing of it is started or ended here, it is
joined, told and let go of (see `codex_server`). Without, its session brings the server along (see
`codex_own`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.policy import Traits
from roost.errors import InvalidSettingError
from roost.runtimes.call import Call
from roost.runtimes.codex import CodexRuntime
from roost.runtimes.codex_own import OwnThread
from roost.runtimes.codex_rollout import codex_home, rollouts_of
from roost.runtimes.codex_server.address import read_address
from roost.runtimes.codex_server.sensor import ThreadSensor
from roost.runtimes.codex_server.servers import Servers
from roost.runtimes.context import Context
from roost.runtimes.runtime import Claim, Controls, LaunchPlan
from roost.runtimes.turns.codex import CodexReader
from roost.runtimes.turns.record import FileRecord
from roost.runtimes.turns.transcript import Transcript

TOOLS = "mcp_servers"


class CodexThreadRuntime:
    """`--runtime codex-thread`."""

    name = "codex-thread"
    traits = Traits(chooses_conversation=False, steers=True, calls=True)
    submit_delay = 0.0
    controls = Controls(interrupt=(), compact="thread/compact/start")
    passes = CodexRuntime.passes

    def __init__(self, servers: Servers) -> None:
        """Reach threads through these servers."""
        self._servers = servers
        self._own = OwnThread(servers)
        self._codex = self._own.codex

    def locate(self, path: str | None) -> str:
        """The `codex` on the search path: that of a server of our own."""
        return self._codex.locate(path)

    def check(self, settings: Settings) -> None:
        """What starts a program is not for a thread of somebody else's server."""
        if not settings.threaded:
            self._own.check(settings)
            return
        read_address(settings.server)
        if settings.args or settings.env:
            raise InvalidSettingError("arguments and variables of a thread are its server's, not roost's")

    def plan(self, context: Context) -> LaunchPlan:
        """A server and a terminal program of its own; nothing is started of somebody else's."""
        return LaunchPlan(()) if context.settings.threaded else self._own.plan(context)

    def sensor(self, context: Context) -> ThreadSensor:
        """What its server tells."""
        return ThreadSensor(context) if context.settings.threaded else self._own.sensor(context)

    def call(self, context: Context) -> Call:
        """The thread at its server."""
        if context.settings.threaded:
            return self._servers.thread(context.session, context.settings.server)
        return self._own.call(context)

    def claims(self, context: Context) -> Sequence[Claim]:
        """Who has the conversation open; a thread of somebody else's server may be followed by many."""
        return () if context.settings.threaded else self._codex.claims(context)

    def transcript(self, context: Context) -> Path | None:
        """The rollout; somebody else's server keeps the record itself and is asked."""
        return None if context.settings.threaded else self._codex.transcript(context)

    def transcripts(self, context: Context) -> Sequence[Path]:
        """As of `transcript`."""
        return () if context.settings.threaded else self._codex.transcripts(context)

    def written(self, context: Context, since: float) -> Sequence[Path]:
        """As of `transcript`."""
        return () if context.settings.threaded else self._codex.written(context, since)

    def conversation_of(self, record: Path) -> str | None:
        """By the rollout's name."""
        return self._codex.conversation_of(record)

    def said(self, context: Context, *, whole: bool) -> Transcript | None:
        """Its rollouts, where its server keeps them in the CODEX_HOME that agents get; else None."""
        home, thread = codex_home(context.environ), context.session.conversation
        if thread is None or not rollouts_of(home, thread):
            return None
        return Transcript(FileRecord(lambda: rollouts_of(home, thread)), CodexReader(), whole=whole)

    def given(self, line: bytes) -> bool:
        """Rollouts hold what the model was given, and no queue."""
        return self._codex.given(line)


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
