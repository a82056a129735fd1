"""The real CLIs in homes that are not ready: known dialogs are answered, the others wait for a person."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Record
from tests.support.home import Home
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(360)]
KEY = "env.ANTHROPIC_API_KEY"


@pytest.fixture
def claude(home: Home) -> Iterator[Agents]:
    with agents_in(home, "claude", peers=()) as made:
        yield made


@pytest.fixture
def codex(home: Home) -> Iterator[Agents]:
    with agents_in(home, "codex", peers=()) as made:
        yield made


def settled(agents: Agents, name: str, is_there: Callable[[Record], bool]) -> Record:
    """Wait until the peer's row is as wanted."""
    seen: Record = {}

    def there() -> bool:
        seen.update(agents.roost.row(name))
        return is_there(seen)

    wait_until(there, timeout=PATIENCE, why="the peer is as expected", describe=lambda: seen)
    return seen


def repository(folder: Path) -> None:
    """The least that is a git repository: Codex 0.169.0 asks whether to trust those."""
    for part in ("objects", "refs"):
        (folder / ".git" / part).mkdir(parents=True)
    (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")


def test_the_folder_of_the_peer_is_trusted_and_the_key_of_its_settings_used_claude(claude: Agents) -> None:
    """Two questions at one start, of a user whom it has not asked about the key either."""
    unapproved(claude)
    claude.add("a", "claude")
    assert claude.roost.ask("a", "hello") == "echo: hello"
    assert '"hasTrustDialogAccepted":true' in (claude.roost.home.user / ".claude.json").read_text().replace(
        " ", ""
    )


def test_the_folder_of_the_peer_is_trusted_codex(codex: Agents) -> None:
    folder = codex.roost.home.work / "a"
    repository(folder)
    codex.add("a", "codex")
    assert codex.roost.ask("a", "hello") == "echo: hello"
    assert f'[projects."{folder}"]' in (codex.roost.home.user / ".codex/config.toml").read_text()


def test_an_api_key_from_elsewhere_waits_for_a_person(home: Home) -> None:
    with agents_in(home, "claude", environ={"ANTHROPIC_API_KEY": "sk-ant-0123456789abcdefghij"}) as agents:
        unapproved(agents)
        del agents.settings["claude"][KEY]
        agents.add("a", "claude")
        sent = agents.roost.send("a", "hello")
        row = settled(agents, "a", lambda row: row["state"] == "blocked")
        assert row["why"] == "a dialog is open: Detected a custom API key in your environment"
        assert agents.roost.message(sent["id"])["state"] == "queued"


def unapproved(agents: Agents) -> None:
    """Make Claude Code forget that it may use the key."""
    path = agents.roost.home.user / ".claude.json"
    path.write_text(path.read_text().replace('"customApiKeyResponses"', '"other"'))


def test_without_a_login_the_sender_is_told_and_the_peer_waits_for_a_person_claude(claude: Agents) -> None:
    del claude.settings["claude"][KEY]
    claude.add("a", "claude")
    first = claude.roost.send("a", "hello")
    row = settled(claude, "a", lambda row: row["state"] == "blocked")
    assert "Please run /login" in row["why"]
    attempts = claude.roost.message(first["id"])["attempts"]
    assert any("Please run /login" in attempt["why"] for attempt in attempts)
    second = claude.roost.send("a", "later")
    assert claude.roost.message(second["id"])["attempts"] == []
    assert claude.roost.row("a")["state"] == "blocked"


def test_a_login_screen_waits_for_a_person_codex(codex: Agents) -> None:
    (codex.roost.home.user / ".codex/config.toml").unlink()
    codex.add("a", "codex")
    sent = codex.roost.send("a", "hello")
    row = settled(codex, "a", lambda row: row["state"] == "blocked")
    assert row["why"] == "a dialog is open: Welcome to Codex, OpenAI's command-line coding agent"
    assert codex.roost.message(sent["id"])["attempts"] == []
