"""The address of a Codex app-server (L7)."""

import pytest

from roost.errors import InvalidSettingError
from roost.runtimes.codex_server.address import read_address


@pytest.mark.parametrize(
    ("text", "path", "remote"),
    [
        ("unix:/run/codex.sock", "/run/codex.sock", "unix:///run/codex.sock"),
        ("unix:///run/codex.sock", "/run/codex.sock", "unix:///run/codex.sock"),
        ("ws://127.0.0.1:8790", None, "ws://127.0.0.1:8790/"),
        ("ws://localhost:8790/", None, "ws://localhost:8790/"),
        ("ws://[::1]:8790", None, "ws://[::1]:8790/"),
    ],
)
def test_L7_both_forms_are_taken_apart(text: str, path: str | None, remote: str) -> None:
    address = read_address(text)
    assert (address.text, address.path, address.remote) == (text, path, remote)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("unix:codex.sock", "absolute path"),
        ("unix:", "absolute path"),
        ("unix:/", "absolute path"),
        ("ws://127.0.0.1", "no address"),
        ("ws://127.0.0.1:x", "no address"),
        ("ws://127.0.0.1:1/x", "no address"),
        ("http://127.0.0.1:1", "no address"),
        ("", "no address"),
        ("ws://192.0.2.7:1", "not on this machine"),
        ("ws://example.org:1", "not on this machine"),
    ],
)
def test_L7_anything_else_is_refused_with_the_forms_there_are(text: str, words: str) -> None:
    with pytest.raises(InvalidSettingError, match=words) as caught:
        read_address(text)
    assert "unix:/PATH/OF/A/SOCKET or ws://127.0.0.1:PORT" in caught.value.message
