"""Agents that speak ACP on their standard input and output, behind a client of ours (`python -m roost.acp`).

The client is what runs in the session's terminal: see `roost.acp`.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.policy import Traits
from roost.core.vocabulary.session import INSISTS
from roost.local.config import AcpTable
from roost.runtimes.acp_call import AcpCall
from roost.runtimes.acp_records import all_records_of, conversation_of, loadable, records_of
from roost.runtimes.acp_sensor import AcpSensor, given
from roost.runtimes.context import Context
from roost.runtimes.environ import find_program, past_proxies
from roost.runtimes.lines import changed_since, status_files, whole_number
from roost.runtimes.runtime import Claim, Controls, LaunchPlan
from roost.runtimes.turns.acp import AcpReader
from roost.runtimes.turns.record import FileRecord
from roost.runtimes.turns.transcript import Transcript


class AcpRuntime:
    """One program that speaks ACP."""

    submit_delay = 0.0
    traits = Traits(chooses_conversation=False, asks_once=True, reloads=False)
    # The client writes a line before it gives a prompt to its agent: what no line names was not given.
    controls = Controls(clear=("C-u",), compact="/compact")
    _calls = True
    """Its program asks for our tools as it opens its session."""

    def __init__(self, table: AcpTable, install: str | None = None) -> None:
        """Run the program of this table. `install`: the command that installs it."""
        self._table = table
        self._install = install or f"or correct acp in [runtimes.{table.name}]"
        self.name = table.name
        self.passes = table.passes

    def locate(self, path: str | None) -> str:
        """The agent's program: the client is part of this package."""
        program = os.path.expanduser(self._table.program)  # noqa: PTH111 -- a name or a path
        return find_program(program, path, self._install)

    def check(self, settings: Settings) -> None:
        """Its arguments are its own."""
        del settings

    def plan(self, context: Context) -> LaunchPlan:
        """Start the client, which starts the agent and begins or loads the conversation."""
        session, settings = context.session, context.settings
        agent = (self.locate(context.environ.get("PATH")), *self._table.acp[1:], *settings.args)
        # -P: the folder that the agent works in may hold modules of any name.
        argv = [sys.executable, "-P", "-X", "utf8", "-m", "roost.acp"]
        argv += ["--folder", str(context.shared), "--socket", str(context.socket)]
        if session.resumed and session.conversation:
            argv += ["--load", session.conversation]
            if session.wake in INSISTS:
                argv.append("--must-load")
        if settings.prompt:
            argv += ["--instructions", settings.prompt]
        if self._table.meta:
            argv += ["--meta", json.dumps(self._table.meta)]
        env = {**past_proxies(context.environ), **self._table.env, **self._own(context)}
        return LaunchPlan((*argv, "--", *agent), env, calls=self._calls)

    def _own(self, context: Context) -> Mapping[str, str]:
        """More variables that the program is to have."""
        del context
        return {}

    def sensor(self, context: Context) -> AcpSensor:
        """The sensor of one session."""
        return AcpSensor(context)

    def call(self, context: Context) -> AcpCall:
        """The client's socket."""
        return AcpCall(context.socket)

    def claims(self, context: Context) -> list[Claim]:
        """The clients whose status files name the conversation."""
        return [
            Claim(pid, whole_number(status.get("start")), "its client's status file")
            for status in status_files(context.shared / "status")
            if status.get("conversation") == context.session.conversation
            and (pid := whole_number(status.get("pid"))) is not None
        ]

    def transcript(self, context: Context) -> Path | None:
        """The latest record of the conversation, if its agent said that it can load one."""
        found = self.transcripts(context)
        return found[-1] if found and loadable(found[-1]) else None

    def transcripts(self, context: Context) -> Sequence[Path]:
        """The records of the conversation."""
        return records_of(context)

    def written(self, context: Context, since: float) -> Sequence[Path]:
        """The records of all conversations with this program."""
        return changed_since(context.shared.glob("*/*.jsonl"), since)

    def conversation_of(self, record: Path) -> str:
        """By the record's folder."""
        return conversation_of(record)

    def said(self, context: Context, *, whole: bool) -> Transcript:
        """The records of the conversation, of all its sessions."""
        return Transcript(FileRecord(lambda: all_records_of(context)), AcpReader(), whole=whole)

    def given(self, line: bytes) -> bool:
        """What was about to be given to the agent, and what it has shown of its past."""
        return given(line)


class DemoAcpRuntime(AcpRuntime):
    """`--runtime demo-acp`: the demo agent of this package as an ACP agent."""

    traits = Traits(chooses_conversation=False)
    _calls = False

    def __init__(self) -> None:
        """It is part of the package."""
        argv = (sys.executable, "-P", "-m", "roost.demo_agent.acp")
        super().__init__(AcpTable("demo-acp", argv, ("ROOST_DEMO_LOG",)))

    def _own(self, context: Context) -> Mapping[str, str]:
        return {"ROOST_DEMO_STATE": str(context.shared / "demo")}
