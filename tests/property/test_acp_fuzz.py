"""Whatever JSON an agent tells its client is shown, recorded or passed over: nothing of it is an error."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from roost.acp.handshake import Handshake, Wish
from roost.acp.history import History
from roost.acp.permissions import Permissions
from roost.acp.questions import Questions
from roost.acp.rpc import Rpc
from roost.acp.updates import Reader, commands_in, is_answer, permission_text

KEYS = st.sampled_from(
    [
        "sessionUpdate",
        "content",
        "type",
        "text",
        "toolCallId",
        "title",
        "kind",
        "status",
        "entries",
        "availableCommands",
        "name",
        "rawInput",
        "command",
        "options",
        "optionId",
        "toolCall",
        "messageId",
        "sessionId",
        "agentCapabilities",
        "loadSession",
        "mcpCapabilities",
        "http",
        "authMethods",
        "id",
        "agentInfo",
        "version",
        "protocolVersion",
        "currentModeId",
        "stopReason",
        "code",
        "message",
        "data",
        "details",
    ]
)
WORDS = st.sampled_from(
    [
        "agent_message_chunk",
        "user_message_chunk",
        "tool_call",
        "tool_call_update",
        "plan",
        "available_commands_update",
        "current_mode_update",
        "text",
        "resource_link",
        "completed",
        "x",
    ]
)
LEAVES = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | WORDS | st.text(max_size=5)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8)


class Ignored:
    """Whatever is asked of it is done by doing nothing."""

    def __getattr__(self, _name: str) -> Any:  # noqa: ANN401
        return lambda *_args, **_kwargs: None


@given(st.lists(OBJECTS, max_size=5))
def test_updates_and_permissions_of_any_shape(updates: list[dict[str, Any]]) -> None:
    reader, history = Reader(), History()
    record: Any = Ignored()
    questions = Questions(lambda: None)
    permissions = Permissions(Rpc(lambda _line: None), questions, record)
    for update in updates:
        for piece in reader.read(update):
            assert isinstance(piece.text, str)
        history.take(update)
        is_answer(update)
        commands_in(update)
        assert "\n" not in permission_text(update)
        permissions.ask(1, update)
    assert all(isinstance(text, str) for text in history.prompts)
    while (first := questions.first) is not None:
        assert permissions.answer(first.id, first.options[0].id, "call") is None


@given(st.lists(OBJECTS, min_size=4, max_size=8), st.booleans())
def test_answers_of_any_shape_open_a_session_or_say_why_not(
    answers: list[dict[str, Any]], fails: bool
) -> None:
    ends: list[object] = []
    rpc = Rpc(lambda _line: None)
    handshake = Handshake(rpc, Questions(lambda: None), Wish("/w", load="c"), ends.append, ends.append)
    handshake.begin()
    first = {"protocolVersion": 1, **answers[0]} | {"protocolVersion": 1}
    for number, answer in enumerate([first, *answers[1:]], 1):
        kind = "error" if fails and number > 1 else "result"
        rpc.receive(json.dumps({"id": number, kind: answer}).encode())
    assert len(ends) <= 1
