"""What real agent programs pass on of a trace: `traceparent` in MCP and in ACP, through the real daemon.

Measured with Claude Code 2.1.332, claude-agent-acp 0.101.0, Codex 0.171.0, OpenCode 1.18.33 and Gemini CLI
0.61.0: none names a span in `_meta` of the tools that it calls, and none goes on with the one in `_meta` of a
prompt. Claude Code, also within the adapter, names one of its own in the header `traceparent` of MCP requests
once its traces are on (CLAUDE_CODE_ENABLE_TELEMETRY, CLAUDE_CODE_ENHANCED_TELEMETRY_BETA); of those to a
model elsewhere than at its maker's, with CLAUDE_CODE_PROPAGATE_TRACEPARENT.
"""

import json
import shlex
from collections.abc import Iterator

import pytest

from tests.support import clis
from tests.support.collector import collector
from tests.support.daemon import Record
from tests.support.home import Home
from tests.support.real import PATIENCE, PROGRAMS, Agents, agents_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(800)]
PASSING = """
[runtimes.passing]
acp = ["/bin/sh", "-c", {command}]
pass = ["ANTHROPIC_*", "CLAUDE_CODE_*", "DISABLE_*"]
[runtimes.passing.meta.claudeCode.options]
allowedTools = ["mcp__roost"]
"""
TASK = "@@send mail look at this@@\n@@reply sent@@"


@pytest.fixture
def agents(home: Home) -> Iterator[Agents]:
    with agents_in(home, "claude", "claude-acp", started=False) as made:
        adapter = clis.require(PROGRAMS["claude-acp"]).path
        command = f"tee -a {shlex.quote(str(home.root / 'prompts'))} | {shlex.quote(str(adapter))}"
        made.roost.places.config.parent.mkdir(parents=True, exist_ok=True)
        made.roost.places.config.write_text(PASSING.format(command=json.dumps(command)))
        made.roost.start()
        made.roost.add("mail", "human")
        yield made


def trace(agents: Agents, message_id: str) -> list[Record]:
    return agents.roost.call("message", id=message_id, trace=True)["spans"]


def sent_by(agents: Agents, name: str) -> str:
    return next(each["id"] for each in agents.roost.call("messages", name="mail", from_=name))


def test_claude_code_names_its_span_and_the_message_goes_on_with_its_trace(agents: Agents) -> None:
    with collector() as receiver:
        telemetry = {
            "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
            "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
            "CLAUDE_CODE_PROPAGATE_TRACEPARENT": "1",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        }
        agents.add("a", "claude", **{f"env.{name}": value for name, value in telemetry.items()})
        task = agents.roost.send("a", TASK, wait="done", timeout=PATIENCE)["id"]
        root = trace(agents, sent_by(agents, "a"))[0]
        turn = next(span for span in trace(agents, task) if span["name"] == "process a")
        named = agents.arrived(task).headers["traceparent"]
        agents.roost.call("sleep", name="a")
    assert root["trace_id"] == named.split("-")[1], "the trace of the turn that Claude Code knows"
    assert root["parent_span_id"]
    assert root["links"] == [{"trace_id": task, "span_id": turn["span_id"]}]
    sending = next(span for span in trace(agents, task) if span["name"] == "send mail")
    assert sending["parent_span_id"] == turn["span_id"]
    assert sending["links"] == [{"trace_id": root["trace_id"], "span_id": root["span_id"]}]


def test_an_agent_that_speaks_acp_is_given_the_span_of_its_turn(agents: Agents, home: Home) -> None:
    agents.settings["passing"] = agents.settings["claude-acp"]
    agents.add("b", "passing")
    task = agents.roost.send("b", TASK, wait="done", timeout=PATIENCE)["id"]
    spans = trace(agents, task)
    turn = next(span for span in spans if span["name"] == "process b")
    lines = (home.root / "prompts").read_text().splitlines()
    (prompt,) = [line["params"] for line in map(json.loads, lines) if line.get("method") == "session/prompt"]
    assert prompt["_meta"] == {"traceparent": f"00-{task}-{turn['span_id']}-01"}
    root = trace(agents, sent_by(agents, "b"))[0]
    assert (root["trace_id"], root["parent_span_id"]) == (sent_by(agents, "b"), None), "it names none"
    assert root["links"] == [{"trace_id": task, "span_id": turn["span_id"]}]
    assert [span["name"] for span in spans][-2:] == ["send mail", "reply operator"]
