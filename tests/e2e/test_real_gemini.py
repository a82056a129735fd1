"""What is particular to Gemini CLI (0.61.0): its session's home, its hooks, its queue, its own dialogs.

It is started once here, and its peer goes from test to test.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.client.connection import RemoteError
from tests.e2e.test_real_files import by_tool, told_once
from tests.support.home import make_home
from tests.support.processes import kept
from tests.support.real import LONG, ONE_PROCESS, PATIENCE, Agents, agents_in, settled_agent
from tests.support.real_turns import a_and_b_answer_each_other, failed_turn, interrupted_turn
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]

ALONE = {f"env.{name}": value for name, value in ONE_PROCESS.items()}
OWN = {"tmp", "history", "installation_id", "projects.json", "state.json"}
"""What the program itself writes into the user's folder."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Agents]:
    """Somebody whose hook keeps secrets, who lets it edit, and whom it has not asked about the folder."""
    with make_home() as home, kept(home.mark), agents_in(home, "gemini", peers=()) as made:
        made.settings["gemini"]["args"] = "--approval-mode auto_edit"
        for name in ALONE:  # it starts anew after the answer about the folder
            del made.settings["gemini"][name]
        settings = folder(made) / "settings.json"
        refuse = 'if grep -q SECRET; then echo "no secrets here" >&2; exit 2; fi'
        hook = [{"hooks": [{"type": "command", "name": "guard", "command": refuse}]}]
        # Without the old names of keys, which 0.61.0 replaces in the file at its start.
        general = {"enableAutoUpdate": False, "enableAutoUpdateNotification": False}
        mine = {"general": general, "hooks": {"BeforeAgent": hook}}
        settings.write_text(json.dumps({**json.loads(settings.read_bytes()), **mine}))
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with settled_agent(shared, up=False, resume="always") as made:
        yield made


def folder(agents: Agents) -> Path:
    return agents.roost.home.user / ".gemini"


def changed(agents: Agents) -> dict[str, bytes]:
    """The user's own files."""
    files = [path for path in folder(agents).rglob("*") if path.is_file()]
    return {
        str(path): path.read_bytes() for path in files if path.relative_to(folder(agents)).parts[0] not in OWN
    }


def test_the_folder_of_the_peer_is_trusted_as_it_was_made_one(agents: Agents) -> None:
    """At its first start: it starts anew after the answer, and keeps it where the user's is kept."""
    assert agents.roost.ask("a", "words") == "echo: words"
    trusted = json.loads((folder(agents) / "trustedFolders.json").read_bytes())
    assert trusted[str(agents.roost.home.work / "a")] == "TRUST_FOLDER"


def test_C4_the_users_hooks_count_and_nothing_of_theirs_is_written(agents: Agents) -> None:
    """A hook keeps a prompt from the model, and 0.61.0 records that as a warning, without the prompt."""
    before = changed(agents)
    refused = agents.roost.until_message(agents.roost.send("a", "a SECRET")["id"], "dead-letter")
    assert "no secrets here" in refused["why"]
    assert agents.roost.ask("a", "words") == "echo: words"
    assert changed(agents) == before


def test_a_failed_turn_is_told_to_the_sender(agents: Agents) -> None:
    """0.61.0 takes a prompt that failed out of its conversation, so all of it is given again."""
    failed_turn(agents, shown=1)


def test_an_interrupted_turn_is_told_and_not_driven_again(agents: Agents) -> None:
    interrupted_turn(agents)


def test_P13_it_and_another_agent_answer_each_other_by_mcp(agents: Agents) -> None:
    agents.add("b", "demo")
    a_and_b_answer_each_other(agents)


def test_17_a_file_that_it_and_another_write_is_told_once(agents: Agents) -> None:
    told_once(agents, by_tool("write_file"))


def test_a_message_into_a_turn_waits_in_its_queue_and_begins_the_next(agents: Agents) -> None:
    first = agents.roost.send("a", f"@@delay {LONG}@@\n@@reply of the first@@")["id"]
    agents.arrived(first)
    second = agents.roost.send("a", "@@reply of the second@@", when="now")["id"]
    wait_until(
        lambda: "has not taken it yet" in agents.roost.message(second)["why"],
        timeout=PATIENCE,
        why="it was entered",
        describe=lambda: agents.roost.message(second),
    )
    agents.model.delays.end()
    ends = [agents.roost.until_message(each, "done")["done_at"] for each in (first, second)]
    assert ends[0] < ends[1], "a turn each"
    assert agents.roost.carried("a")[-2:] == [first, second]
    replies = {each["reply_to"]: each["body"] for each in agents.roost.call("inbox", name="operator")}
    assert (replies[first], replies[second]) == ("of the first", "of the second")


def test_P7_a_conversation_is_compacted_and_goes_on(agents: Agents) -> None:
    """0.61.0 drops a summary that saves nothing, and no record tells that it did."""
    long = "@@silent@@\n" + "a line of words that say little\n" * 500
    agents.roost.send("a", long, wait="done", timeout=PATIENCE)
    session = agents.roost.session("a")["id"]
    try:
        assert agents.roost.call("compact", name="a")["done"]
    except RemoteError as error:
        raise AssertionError(f"{error}; it shows:\n{agents.roost.screen('a')}") from error
    assert len(agents.roost.events("a", "compacted")) == 1
    assert agents.roost.ask("a", "two") == "echo: two"
    assert agents.roost.session("a")["id"] == session


def test_P3_a_resumed_conversation_outlives_the_start_of_another(agents: Agents) -> None:
    """A resume in a later minute makes a second record; 0.61.0 removes both at the next start beside it."""
    roost = agents.roost
    assert roost.ask("a", "swordfish") == "echo: swordfish"
    conversation = roost.session("a")["conversation"]
    roost.call("set", name="a", pairs=list(ALONE.items()))
    roost.call("sleep", name="a")
    roost.until_state("a", "asleep")
    (record,) = folder(agents).glob(f"tmp/*/chats/session-*-{conversation[:8]}.jsonl")
    record.rename(record.with_name(f"session-2026-01-02T03-04-{conversation[:8]}.jsonl"))
    agents.wake("a")
    agents.add("b", "gemini", dir=str(roost.home.work / "a"), **ALONE)
    assert roost.ask("b", "beside") == "echo: beside"
    held = [path.name for path in record.parent.iterdir() if conversation[:8] in path.name]
    assert held == [f"session-{conversation}-{conversation[:8]}.jsonl"]
    assert roost.ask("a", "more") == "echo: more"
    assert roost.session("a")["conversation"] == conversation
    assert "swordfish" in str(roost.transcript("a"))
