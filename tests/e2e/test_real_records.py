"""A person changes a conversation of the real Codex under us; what it writes is followed (C2, C8, C16).

One peer goes through all of it: each test finds it at rest, and ends with its start in what came of the act.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.core.messages.envelope import unwrapped
from tests.support import clis
from tests.support.changed import (
    asked,
    done,
    ended_in_a_turn,
    goes_on,
    pressed,
    restarted,
    said,
    shows,
    typed,
)
from tests.support.home import environment
from tests.support.pane import Pane
from tests.support.real import PATIENCE, Agents, settled_agent, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(720)]


@pytest.fixture(scope="module")
def shared() -> Iterator[Agents]:
    with shared_agents("codex") as made:
        yield made


@pytest.fixture
def codex(shared: Agents) -> Iterator[Agents]:
    with settled_agent(shared, resume="always", restarts="9") as made:
        yield made


def rollouts(agents: Agents) -> list[Path]:
    return sorted((agents.roost.home.user / ".codex/sessions").glob("*/*/*/rollout-*"))


def test_C2_codex_goes_on_in_another_file_when_an_earlier_message_is_edited(codex: Agents) -> None:
    done(codex, "one")
    said(codex, "mine")
    roost, before = codex.roost, len(rollouts(codex))
    thread = roost.session("a")["conversation"]
    pressed(codex, "Escape", "esc again to edit")
    pressed(codex, "Escape", "rewind")
    roost.keys("a", "Enter")
    shows(codex, "Conversation reverted")
    roost.keys("a", "-l", " edited")
    shows(codex, "mine edited")
    roost.keys("a", "Enter")
    shows(codex, "echo: mine edited")
    roost.until_state("a", "idle")
    assert len(rollouts(codex)) == before + 1
    done(codex, "two")
    told = [unwrapped(turn["text"]) for turn in roost.transcript("a") if turn.get("role") == "user"]
    assert told == ["one", "mine", "mine edited", "two"]
    (usage,) = roost.call("usage")
    assert (usage["whole"], usage["why"]) == (True, "")
    assert usage["given"] > 0
    assert usage["written"] > 0
    done(codex, "@@silent@@ three\n@@silent@@")
    assert roost.session("a")["conversation"] == thread
    sent, story = ended_in_a_turn(codex)
    goes_on(codex, thread, story, sent)


@pytest.mark.parametrize("command", ["/new", "/clear"])
def test_C8_codex_the_thread_that_a_person_begins_is_followed_and_resumed(
    codex: Agents, command: str
) -> None:
    codex.roost.ask("a", "one", topic="before")
    first = codex.roost.session("a")["conversation"]
    begun(codex, command, "OpenAI Codex")
    done(codex, "@@silent@@")
    second = codex.roost.session("a")["conversation"]
    assert second != first
    assert codex.roost.call("show", name="a")["topics"] == []
    assert restarted(codex)["conversation"] == second
    done(codex, "three")


def test_C8_codex_a_fork_is_followed_and_goes_on_after_a_crash(codex: Agents) -> None:
    codex.roost.ask("a", "one", topic="forked")
    first = codex.roost.session("a")["conversation"]
    begun(codex, "/fork", "Fork created")
    done(codex, "@@silent@@")
    second = codex.roost.session("a")["conversation"]
    assert second != first
    assert "forked" in codex.roost.call("show", name="a")["topics"]
    sent, story = ended_in_a_turn(codex)
    goes_on(codex, second, story, sent)


def begun(agents: Agents, command: str, shown: str) -> None:
    """A person has begun another thread by a command that shows this."""
    before = locks(agents)
    typed(agents, command)
    wait_until(lambda: locks(agents) - before, timeout=PATIENCE, why="the other thread's lock")
    shows(agents, shown)


def locks(agents: Agents) -> set[Path]:
    return set((agents.roost.home.user / ".codex/thread-writer-locks").glob("????????-*.lock"))


def test_C8_codex_a_fork_without_a_message_is_resumed_as_the_latest(codex: Agents) -> None:
    done(codex, "one")
    first = codex.roost.session("a")["conversation"]
    stood = codex.roost.screen("a").count("Fork created")
    typed(codex, "/fork")
    shows(codex, "Fork created", more_than=stood)
    said(codex, "mine")
    wait_until(
        lambda: codex.roost.session("a")["conversation"] != first, timeout=PATIENCE, why="the fork is known"
    )
    second = codex.roost.session("a")["conversation"]
    assert restarted(codex)["conversation"] == second
    done(codex, "two")


def test_N5_codex_is_at_its_prompt_after_a_life_that_was_cut_off_in_a_persons_turn(codex: Agents) -> None:
    """Its rollout has a turn that nothing ends; it stood as working, and took no message."""
    done(codex, "one")
    asked(codex, "@@delay 61@@")
    assert restarted(codex)["resumed"]
    done(codex, "two")


def test_C8_codex_a_thread_of_the_resume_picker_is_followed(codex: Agents) -> None:
    done(codex, "pick me")
    first = codex.roost.session("a")["conversation"]
    begun(codex, "/new", "OpenAI Codex")
    done(codex, "two")
    assert codex.roost.session("a")["conversation"] != first
    typed(codex, "/resume")
    shows(codex, "1 / ")
    pressed(codex, "Down", "2 / ")
    codex.roost.keys("a", "Enter")
    shows(codex, "pick me\n")
    done(codex, "@@silent@@")
    assert codex.roost.session("a")["conversation"] == first
    sent, story = ended_in_a_turn(codex)
    goes_on(codex, first, story, sent)


def test_C16_codex_a_compressed_rollout_is_resumed(codex: Agents) -> None:
    """0.171.0: the feature `local_thread_store_compression` packs rollouts that are old when it starts."""
    done(codex, "one")
    roost = codex.roost
    thread = roost.session("a")["conversation"]
    roost.call("stop", name="a")
    for path in rollouts(codex):
        os.utime(path, (0, path.stat().st_mtime - 40 * 86400))
    environ = {name[4:]: value for name, value in codex.settings["codex"].items() if name.startswith("env.")}
    packing = ["--disable", "plugins", "--enable", "local_thread_store_compression"]
    argv = [str(clis.require("codex").path), "--no-daemon", *packing]
    home = roost.home
    with Pane(
        home.root, argv, environ={**environment(os.environ, home), **environ}, directory=home.work / "a"
    ):
        wait_until(
            lambda: {path.suffix for path in rollouts(codex)} == {".zst"},
            timeout=PATIENCE,
            why="the rollouts are packed",
            describe=lambda: rollouts(codex),
        )
    told = [unwrapped(turn["text"]) for turn in roost.transcript("a") if turn.get("role") == "user"]
    assert told[-1:] == ["one"], "it sleeps, and its record is packed"
    roost.call("start", name="a")
    codex.wake("a")
    assert roost.session("a")["conversation"] == thread
    done(codex, "@@silent@@")
    sent, story = ended_in_a_turn(codex)
    goes_on(codex, thread, story, sent)
