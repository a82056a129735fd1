"""A person who types into the terminal of a real CLI; the oracle is what the fake model was asked."""

import contextlib
import signal

from tests.support.daemon import Record, signal_pid
from tests.support.real import PATIENCE, Agents
from tests.support.wait import NeverHappenedError, wait_until


def shows(agents: Agents, text: str, *, more_than: int = 0) -> None:
    """Wait until the peer's screen shows a text."""
    roost = agents.roost
    wait_until(
        lambda: roost.screen("a").count(text) > more_than,
        timeout=PATIENCE,
        why=f"{text!r} on the screen",
        describe=lambda: roost.screen("a"),
    )


def pressed(agents: Agents, key: str, text: str) -> None:
    """Press a key until the screen shows a text: a key that comes at the wrong moment is lost."""
    roost = agents.roost

    def there() -> bool:
        with contextlib.suppress(NeverHappenedError):
            wait_until(lambda: text in roost.screen("a"), timeout=1.0, why=text)
            return True
        roost.keys("a", key)
        return False

    roost.keys("a", key)
    wait_until(there, timeout=PATIENCE, why=f"{text!r} on the screen", describe=lambda: roost.screen("a"))


def typed(agents: Agents, text: str) -> None:
    """A person types a line, waits until it stands in the input line, and presses Enter."""
    roost = agents.roost
    roost.until_state("a", "idle")
    roost.keys("a", "-l", text)
    shows(agents, text)
    roost.keys("a", "Enter")


def said(agents: Agents, text: str) -> None:
    """A person's prompt is answered, and the agent is at its prompt again."""
    asked(agents, text)
    shows(agents, f"echo: {text}")
    agents.roost.until_state("a", "idle")


def asked(agents: Agents, text: str) -> None:
    """A person's prompt has come to the model."""
    typed(agents, text)
    agents.model.journal.wait_for(
        lambda arrival: arrival.kind == "turn" and any(text in each for each in arrival.user_texts),
        timeout=PATIENCE,
    )


def done(agents: Agents, body: str) -> str:
    """A message is handed over and done; the model was asked it once."""
    sent = agents.roost.send("a", body)["id"]
    agents.roost.until_message(sent, "done")
    assert turns_with(agents, sent) == 1
    return sent


def turns_with(agents: Agents, message: str) -> int:
    """How many conversations, or times in one, the model was given a message."""
    header = f"[roost message {message} from "
    begun: dict[str, int] = {}
    for arrival in agents.model.journal.all():
        count = sum(text.count(header) for text in arrival.user_texts)
        if arrival.kind == "turn" and count:
            begun[arrival.session] = max(begun.get(arrival.session, 0), count)
    return sum(begun.values())


def ended_in_a_turn(agents: Agents) -> tuple[str, Record]:
    """A message whose turn a SIGKILL cuts off, driven again until it is done: its id and its story."""
    roost = agents.roost
    known = len(roost.deaths("a"))
    sent = roost.send("a", "@@delay 4@@\n@@silent@@")["id"]
    roost.until_message(sent, "accepted")
    agents.arrived(sent)
    signal_pid(roost.session("a")["agent_pid"], signal.SIGKILL)
    roost.until_death("a", known + 1)
    return sent, roost.until_message(sent, "done", "unknown", "dead-letter")


def bodies(agents: Agents, message: str, text: str) -> int:
    """The most often that one conversation held the message's body, and 2 if two conversations held it."""
    held: dict[str, int] = {}
    header = f"[roost message {message} from "
    for arrival in agents.model.journal.all():
        count = sum(header in each and text in each for each in arrival.user_texts)
        if arrival.kind == "turn" and count:
            held[arrival.session] = max(held.get(arrival.session, 0), count)
    return sum(held.values())


def goes_on(agents: Agents, conversation: str, story: Record, sent: str) -> None:
    """The cut turn went on in this conversation, with a note and without its body."""
    assert story["state"] == "done", story
    assert bodies(agents, sent, "@@silent@@") == 1, story
    assert agents.roost.session("a")["conversation"] == conversation
    assert agents.roost.session("a")["resumed"]


def restarted(agents: Agents) -> Record:
    """Stop and start by the operator; returns the new session."""
    agents.roost.call("stop", name="a")
    agents.roost.call("start", name="a")
    agents.roost.call("wake", name="a")
    agents.roost.until_state("a", "idle")
    return agents.roost.session("a")
