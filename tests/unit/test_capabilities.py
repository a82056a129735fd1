"""What each runtime can, as the page of runtimes has it, by the rules that go by what it declares."""

from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from roost.cli.main import main
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Timing
from roost.core.vocabulary.peer import ResumePolicy, Settings, WakeMode
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Cause, SessionState, stand_in
from roost.daemon.delivery.call.channel import CallChannel
from roost.daemon.delivery.channels import channel_into
from roost.daemon.session.live_sessions import LiveSession
from roost.errors import InvalidSettingError
from roost.local.config import RuntimeTable
from roost.local.ready_made import ready_made
from roost.probe import reference
from roost.probe.capabilities import Answer, Capability, rows
from roost.runtimes.codex_server.server import Wiring
from roost.runtimes.context import Context
from roost.runtimes.facts import TurnOver
from roost.runtimes.registry import Runtimes
from tests.support.playbook import Play

ROOT = Path(__file__).resolve().parents[2]
ROWS = {row.runtime: row for row in rows()}
KNOWN = Runtimes()
ALL = pytest.mark.parametrize("runtime", ROWS)
ENDS = {
    "aider": "> Tokens: 2.1k sent, 12 received.",
    "copilot": '{"type":"assistant.message","data":{"content":"done","toolRequests":[]}}',
    "pi": '{"type":"message","message":{"role":"assistant","content":[],"stopReason":"stop"}}',
    "qwen-code": '{"uuid":"1","type":"assistant","message":{"parts":[{"text":"done"}]}}',
}
"""A line of its log that ends a turn, where it has one; the programs of the other tables keep no such log."""
TOOL = {
    "aider": "#### a prompt",
    "copilot": '{"type":"assistant.message","data":{"content":"","toolRequests":[{"name":"bash"}]}}',
    "pi": '{"type":"message","message":{"role":"assistant","content":[],"stopReason":"toolUse"}}',
    "qwen-code": '{"uuid":"1","type":"assistant","message":{"parts":[{"functionCall":{"name":"x"}}]}}',
}
"""One within a turn."""


CONVERSATION = "0a0b0c0d-0000-4000-8000-000000000000"
TABLES = [made.table.name for made in ready_made() if isinstance(made.table, RuntimeTable)]


def context_of(runtime: str) -> Context:
    session = stand_in("session", "peer", 1, CONVERSATION)
    return Context(
        session, Settings("/w", runtime, server="unix:/s"), Path("/s"), Path("/r"), {}, "", Path("/socket")
    )


def declared(runtime: str, capability: Capability) -> bool:
    return ROWS[runtime].answers[capability] is not Answer.NO


def peer_of(runtime: str) -> Play:
    """A peer in the core, which goes by what the runtime declares, with a session at rest."""
    server = "unix:/s" if declared(runtime, Capability.JOIN) else ""
    play = Play(runtime=runtime, resume=ResumePolicy.ALWAYS, server=server)
    play.policy = Policy({runtime: KNOWN.get(runtime).traits})
    play.busy()
    play.tell(replace(play.seen(SessionState.WORKING), conversation=CONVERSATION))
    return play


def test_the_page_is_what_the_code_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = ROOT / "docs/reference" / reference.PAGE
    assert page.read_text() == reference.page(), "run `python -m roost.probe.reference`"
    monkeypatch.setattr("roost.cli.reference.FOLDER", tmp_path)
    assert main_of("--check") == 1
    assert main_of() == 0
    assert main_of("--check") == 0


def main_of(*arguments: str) -> int:
    return reference.main(list(arguments))


@ALL
def test_a_conversation_is_gone_on_with_where_that_is_declared(runtime: str) -> None:
    play = peer_of(runtime)
    play.taken()
    play.ended()
    play.tell(r.Stop("op"))
    play.died(Cause.OPERATOR_STOP)
    play.tell(r.Start("op"), r.Wake(WakeMode.NATURAL, "op"))
    (launch,) = [command for command in play.commands if isinstance(command, c.Launch)]
    assert launch.session.resumed is declared(runtime, Capability.RESUME)


@ALL
def test_what_is_urgent_goes_into_a_turn_where_that_is_declared(runtime: str) -> None:
    told = peer_of(runtime).submit(2, timing=Timing.NOW)
    assert ("Offer 2" in told) is declared(runtime, Capability.STEER)


@ALL
def test_a_compaction_is_refused_where_none_is_declared(runtime: str) -> None:
    told = peer_of(runtime).tell(r.Compact("op"))
    assert told == (["compacting"] if declared(runtime, Capability.COMPACT) else ["Refuse RefusedError"])


@pytest.mark.parametrize("runtime", TABLES)
def test_a_table_resumes_by_the_words_that_it_has_for_that(runtime: str) -> None:
    made = KNOWN.get(runtime)
    begun, resumed = (
        made.plan(replace(context, session=replace(context.session, resumed=on))).argv
        for context in [context_of(runtime)]
        for on in (False, True)
    )
    assert any(CONVERSATION in word for word in resumed) is declared(runtime, Capability.RESUME)
    if not declared(runtime, Capability.RESUME):
        assert begun == resumed


@pytest.mark.parametrize("runtime", TABLES)
def test_a_table_names_the_end_of_a_turn_where_that_is_declared(runtime: str) -> None:
    sensor = KNOWN.get(runtime).sensor(context_of(runtime))
    assert sensor.on_lines([TOOL.get(runtime, "").encode()]) == []
    given = [ENDS[runtime]] if runtime in ENDS else list(ENDS.values())
    ended = any(isinstance(fact, TurnOver) for fact in sensor.on_lines([each.encode() for each in given]))
    assert ended is declared(runtime, Capability.EXACT_END)


@ALL
def test_what_is_asked_goes_by_its_api_or_by_its_terminal(runtime: str) -> None:
    """By the channel that its messages take, too, or by a hook that is held open."""
    nothing = cast("Any", None)
    known, context = Runtimes(), context_of(runtime)
    known.servers.wire(Wiring(nothing, nothing, nothing))
    made = known.get(runtime)
    live = LiveSession(context, made, made.sensor(context), nothing, agent_pid=1, call=made.call(context))
    channel = channel_into(live, nothing, nothing, nothing)
    asked = {"tool_name": "Bash", "tool_input": {"command": "id"}}
    held = live.sensor.on_hook("PermissionRequest", asked) is not None
    assert (held or isinstance(channel, CallChannel)) is declared(runtime, Capability.PERMISSION)


@ALL
def test_a_thread_of_a_server_is_joined_where_that_is_declared(runtime: str) -> None:
    settings = Settings("/", runtime, server="unix:/s", thread="t")
    if declared(runtime, Capability.JOIN):
        KNOWN.check_args(settings)
    else:
        with pytest.raises(InvalidSettingError, match="alone"):
            KNOWN.check_args(settings)


def test_roost_forks_no_conversation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fork", "a"]) == 2
    assert "there is no command 'fork'" in capsys.readouterr().err
