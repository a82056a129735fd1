"""Whom the hook of a program asks that runs commands for hooks (17)."""

import sys
from pathlib import Path

import pytest

from roost.host.hook_ask import whom


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "argv", ["hook.py", "Stop", str(tmp_path)])
    (tmp_path / "conv-1").write_text("http://127.0.0.1:1 secret session\n")
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("payload", [b'{"session_id":"conv-1","a":1}', b'{"a": 1, "session_id": "conv-1"}'])
def test_17_a_hook_asks_for_the_session_of_its_own_conversation(payload: bytes) -> None:
    assert whom(payload) == ["http://127.0.0.1:1", "secret"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "payload",
    [
        b'{"session_id":"conv-2"}',
        b'{"session_id":"../conv-1"}',
        b'{"session_id":""}',
        b'{"session_id":1}',
        b"{}",
        b"",
    ],
)
def test_17_for_any_other_it_asks_nobody(payload: bytes) -> None:
    with pytest.raises((OSError, ValueError, LookupError)):
        whom(payload)
