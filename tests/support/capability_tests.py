"""Which tests hold which cell of docs/reference/runtimes.md.

`ANY` holds what each runtime declares, at the rules that go by that declaration. `REAL` holds that a
program does so: the built-in runtimes and the agents over ACP with theirs, those of other tables with a
stand-in that is run from such a table.
"""

from collections.abc import Mapping

from roost.local.config import RuntimeTable
from roost.local.ready_made import ready_made
from roost.probe.capabilities import Capability

_UNIT = "tests/unit/test_capabilities.py"
ANY: Mapping[Capability, str] = {
    Capability.RESUME: f"{_UNIT}::test_a_conversation_is_gone_on_with_where_that_is_declared[{{}}]",
    Capability.STEER: f"{_UNIT}::test_what_is_urgent_goes_into_a_turn_where_that_is_declared[{{}}]",
    Capability.PERMISSION: f"{_UNIT}::test_what_is_asked_goes_by_its_api_or_by_its_terminal[{{}}]",
    Capability.COMPACT: f"{_UNIT}::test_a_compaction_is_refused_where_none_is_declared[{{}}]",
    Capability.FORK: f"{_UNIT}::test_roost_forks_no_conversation",
    Capability.JOIN: f"{_UNIT}::test_a_thread_of_a_server_is_joined_where_that_is_declared[{{}}]",
}

_ACP_CLIENT = "tests/integration/test_acp_client.py"
_ACP = "tests/e2e/test_real_acp.py"
_ACP_DAEMON = "tests/integration/test_daemon_acp.py"
_ANSWERS = "tests/e2e/test_real_answers.py"
_ARGS = "tests/unit/test_runtime_args.py"
_CALL = "tests/contract/test_call.py"
_COMMAND = "tests/integration/test_daemon_command.py"
_GEMINI = "tests/e2e/test_real_gemini.py"
_OPENCODE = "tests/e2e/test_real_opencode.py"
_PROBE = "tests/integration/test_probe.py"
_PERSON = "tests/e2e/test_real_person.py"
_REAL_PROBE = "tests/e2e/test_real_probe.py"
_THREAD = "tests/e2e/test_real_thread.py"
_TROUBLE = "tests/e2e/test_real_trouble.py"
_TURNS = "tests/e2e/test_real_turns.py"

_ANSWERED = f"{_CALL}::test_what_it_asks_is_answered_by_its_id_and_until_then_no_prompt_goes_in[{{}}]"
_ANSWERED_REAL = f"{_ACP}::test_a_permission_is_allowed_and_denied_by_the_programs_api[{{}}]"
_COMPACTS = f"{_CALL}::test_P7_a_conversation_is_compacted[{{}}]"
_DEMO_URGENT = (
    "tests/integration/test_daemon_timing.py"
    "::test_an_urgent_message_joins_the_running_turn_and_each_has_its_own_reply"
)
_HOOK_ANSWERED = (
    f"{_PERSON}::test_claude_codes_dialog_is_answered_by_its_hook_or_by_the_person_who_is_quicker[claude]"
)
_NAMED_END = f"{_CALL}::test_an_interrupt_ends_the_turn_and_at_rest_it_does_nothing[{{}}]"
_NOT_STEERED = f"{_ACP_DAEMON}::test_what_is_sent_for_now_waits_for_the_end_of_the_turn"
_REAL_THREAD_ANSWERED = (
    f"{_ANSWERS}::test_P7_codex_thread_an_approval_is_answered_by_its_id_and_it_is_compacted"
)
_REFUSED_IN_TURN = f"{_CALL}::test_a_prompt_in_a_turn_is_refused_and_was_not_given[{{}}]"
_PROBED = f"{_REAL_PROBE}::test_every_promise_is_kept_with_the_pinned_version[{{}}]"
_TRIED = frozenset({"claude-acp", "gemini-acp", "opencode-acp"})

Cells = Mapping[Capability, tuple[str, ...]]


def _terminal(name: str) -> Cells:
    """Those that the pinned programs with a terminal share."""
    return {
        Capability.RESUME: (f"{_TURNS}::test_P3_a_sleeping_agent_wakes_with_its_conversation[{name}]",),
        Capability.STEER: (
            f"{_TURNS}::test_an_urgent_message_joins_the_running_turn_and_each_is_answered[{name}]",
        ),
        Capability.EXACT_END: (
            f"{_TROUBLE}::test_N8_a_daemon_killed_in_a_turn_adopts_the_agent_and_sees_its_end[{name}]",
        ),
        Capability.PERMISSION: (f"{_TURNS}::test_a_delivery_never_answers_a_permission_dialog[{name}]",),
        Capability.COMPACT: (
            f"{_TURNS}::test_P7_compact_is_done_when_its_record_says_so_and_messages_wait[{name}]",
        ),
    }


def _acp(name: str) -> Cells:
    """What the client does for each agent, and what this one was seen to do."""
    seen: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    if name in _TRIED:
        seen = (_PROBED.format(name),)
        answered = (_ANSWERED_REAL.format(name),) if name != "gemini-acp" else ()
    return {
        Capability.RESUME: (
            f"{_ACP_CLIENT}::test_a_resumed_conversation_is_loaded_and_what_it_holds_is_recorded",
            (
                f"{_ACP_CLIENT}"
                "::test_a_conversation_that_cannot_be_loaded_is_replaced_aloud_unless_it_was_insisted_on"
            ),
            *seen,
        ),
        Capability.STEER: (_REFUSED_IN_TURN.format("acp"),),
        Capability.EXACT_END: (_NAMED_END.format("acp"), *seen),
        Capability.PERMISSION: (
            _ANSWERED.format("acp"),
            f"{_ACP_CLIENT}::test_a_permission_is_shown_and_answered_by_nobody_but_a_call_or_a_person",
            *answered,
        ),
        Capability.COMPACT: (
            _COMPACTS.format("acp"),
            f"{_ACP_CLIENT}::test_a_conversation_is_compacted_by_the_agents_own_command",
        ),
    }


def _table(name: str) -> Cells:
    """What a table says is done as it says, and a stand-in for such a program shows that."""
    return {
        Capability.RESUME: (
            f"{_UNIT}::test_a_table_resumes_by_the_words_that_it_has_for_that[{name}]",
            f"{_COMMAND}::test_it_resumes_and_is_adopted",
        ),
        Capability.EXACT_END: (
            f"{_UNIT}::test_a_table_names_the_end_of_a_turn_where_that_is_declared[{name}]",
            f"{_COMMAND}::test_a_program_from_the_config_file_takes_messages_whole",
        ),
        Capability.COMPACT: (
            "tests/integration/test_any_program.py::test_F29_three_messages_go_into_each_program_once",
        ),
    }


REAL: Mapping[str, Cells] = {
    "claude": {
        **_terminal("claude"),
        Capability.RESUME: (
            _PROBED.format("claude"),
            f"{_TROUBLE}::test_a_turn_cut_off_by_a_crash_is_driven_again_once[claude]",
        ),
        Capability.PERMISSION: (_HOOK_ANSWERED,),
        Capability.FORK: (
            f"{_ARGS}::test_claude_refuses_with_the_way_to_say_it[--resume=x --fork-session-resume=always]",
        ),
    },
    "codex": _terminal("codex"),
    "codex-thread": {
        Capability.RESUME: (
            f"{_THREAD}::test_L7_L1_L2_a_server_that_is_killed_takes_its_rows_along_and_comes_back_with_their_threads",
        ),
        Capability.STEER: (
            f"{_THREAD}::test_L7_a_thread_answers_by_our_tools_and_takes_what_is_sent_into_its_turn",
        ),
        Capability.EXACT_END: (
            _NAMED_END.format("codex-thread"),
            f"{_THREAD}::test_L7_bodies_arrive_whole_and_in_order_at_a_thread",
        ),
        Capability.PERMISSION: (_ANSWERED.format("codex-thread"), _REAL_THREAD_ANSWERED),
        Capability.COMPACT: (_COMPACTS.format("codex-thread"), _REAL_THREAD_ANSWERED),
        Capability.JOIN: (f"{_THREAD}::test_L7_a_thread_of_somebody_else_is_registered_as_it_is",),
    },
    "gemini": {
        **_terminal("gemini"),
        Capability.RESUME: (_PROBED.format("gemini"),),
        Capability.PERMISSION: (_PROBED.format("gemini"),),
        Capability.STEER: (f"{_GEMINI}::test_a_message_into_a_turn_waits_in_its_queue_and_begins_the_next",),
        Capability.EXACT_END: (
            "tests/unit/test_runtime_gemini.py::test_an_answer_with_a_tool_to_come_ends_no_turn",
        ),
        Capability.COMPACT: (f"{_GEMINI}::test_P7_a_conversation_is_compacted_and_goes_on",),
    },
    "opencode": {
        **_terminal("opencode"),
        Capability.RESUME: (_PROBED.format("opencode"),),
        Capability.STEER: (
            f"{_OPENCODE}::test_an_urgent_message_joins_the_running_turn_and_each_is_answered",
        ),
        Capability.COMPACT: (
            f"{_OPENCODE}::test_P7_compact_is_done_when_its_record_says_so_and_messages_wait",
        ),
        Capability.EXACT_END: (
            _NAMED_END.format("opencode"),
            f"{_OPENCODE}::test_N8_a_turn_that_ends_while_no_daemon_runs_is_read_from_the_api",
        ),
        Capability.PERMISSION: (
            _ANSWERED.format("opencode"),
            f"{_OPENCODE}::test_a_permission_is_allowed_and_denied_by_its_api",
        ),
        Capability.FORK: (
            (
                "tests/unit/test_runtime_opencode.py"
                "::test_C5_arguments_that_contradict_ours_are_refused[--fork-roost restart NAME]"
            ),
        ),
    },
    "demo": {
        Capability.RESUME: (f"{_PROBE}::test_a_runtime_that_keeps_every_promise_passes_and_leaves_nothing",),
        Capability.STEER: (_DEMO_URGENT,),
        Capability.EXACT_END: (_DEMO_URGENT,),
        Capability.COMPACT: (
            (
                "tests/integration/test_daemon_control.py"
                "::test_P7_compact_forgets_the_texts_and_messages_wait_meanwhile"
            ),
        ),
    },
    "demo-acp": {
        Capability.RESUME: (
            f"{_ACP_DAEMON}::test_D1_N7_killed_in_its_turn_it_resumes_with_what_the_conversation_holds[agent]",
        ),
        Capability.STEER: (_NOT_STEERED, _REFUSED_IN_TURN.format("acp")),
        Capability.EXACT_END: (_NAMED_END.format("acp"),),
        Capability.PERMISSION: (_ANSWERED.format("acp"),),
        Capability.COMPACT: (_COMPACTS.format("acp"), _NOT_STEERED),
    },
}
"""What holds it for the runtimes that are built in."""


def held_by(runtime: str, capability: Capability) -> tuple[str, ...]:
    """The names of the tests of a cell."""
    any_runtime = ANY.get(capability)
    declared = (any_runtime.format(runtime),) if any_runtime is not None else ()
    return declared + _cells(runtime).get(capability, ())


def _cells(runtime: str) -> Cells:
    if runtime in REAL:
        return REAL[runtime]
    (table,) = (made.table for made in ready_made() if made.table.name == runtime)
    return _table(runtime) if isinstance(table, RuntimeTable) else _acp(runtime)


def named() -> frozenset[str]:
    """All that are named for any runtime."""
    runtimes = [*REAL, *(made.table.name for made in ready_made())]
    return frozenset(
        each for name in runtimes for capability in Capability for each in held_by(name, capability)
    )
