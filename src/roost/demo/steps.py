"""The steps of the demo. Each does something, checks what came of it, and returns what was seen in short."""

import json
import signal
import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from roost.client.connection import Record
from roost.demo.show import Show
from roost.demo.words import milliseconds, tell
from roost.stage.errors import StepError

_TOPIC = "plan"


class Step(NamedTuple):
    """A title, a few words for the table, and what to do."""

    title: str
    name: str
    run: Callable[[Show], str]


def check(truth: object, otherwise: str) -> None:
    """StepError with this reason unless it is true."""
    if not truth:
        raise StepError(otherwise)


def start(show: Show) -> str:
    """A daemon, two agents that sleep, and a mailbox."""
    show.roost("up")
    for name, runtime in (("planner", "demo"), ("reviewer", "demo"), ("boss", "human")):
        show.folder(name)
        show.roost("add", name, "--runtime", runtime, "--dir", name)
    show.roost("list")
    rows: list[Record] = show.ask("list")
    check({row["name"] for row in rows} == {"planner", "reviewer", "boss"}, "not all peers are listed")
    asleep = [row["name"] for row in rows if row["state"] == "asleep" and row["session"] is None]
    check({"planner", "reviewer"} <= set(asleep), "an agent runs that nobody has asked anything")
    return "3 peers, no agent running"


def wake(show: Show) -> str:
    """A message wakes an agent, which answers; a second one finds it awake."""
    tell("Nobody is awake. A message wakes its recipient, and its answer comes back.")
    before = show.last_event()
    _answer(show, "planner", "Are you there?", "echo: Are you there?", "--topic", _TOPIC)
    ready = show.event(before, "planner", "ready")
    first = show.row("planner")["session"]
    cold = _story(show, "planner")
    tell(f"Started and at its prompt in {milliseconds(ready['data']['took'])}.")
    tell(f"From stored to answered: {milliseconds(cold)}.")
    _answer(show, "planner", "Still there?", "echo: Still there?", "--topic", _TOPIC)
    check(show.row("planner")["session"]["id"] == first["id"], "the second message got another session")
    warm = _story(show, "planner")
    tell(f"The same session, awake now: {milliseconds(warm)}.")
    taken = [line["text"] for line in _agent_log(show) if line["what"] == "prompt"]
    whole = [text for text in taken if text.count("[roost message ") == 1 and "there?" in text]
    check(len(taken) == len(whole) == 2, "the agent did not take each message once")  # noqa: PLR2004 -- two were sent
    return f"asleep {milliseconds(cold)}, awake {milliseconds(warm)}"


def _answer(show: Show, peer: str, body: str, expected: str, *options: str) -> None:
    reply = show.roost("send", peer, body, *options, "--wait", "replied")
    check(reply.strip() == expected, f"the answer is {reply.strip()!r}, not {expected!r}")


def _story(show: Show, peer: str) -> float:
    """Seconds from the storing of the latest message to a peer until the storing of its first answer."""
    message = _latest(show, peer, "operator")
    replies: list[str] = show.ask("message", id=message["id"])["replies"]
    check(replies, f"no answer to {message['id']} is stored")
    return _seconds(show.ask("message", id=replies[0])["created_at"]) - _seconds(message["created_at"])


def _find(show: Show, to: str, sender: str, state: str | None = None) -> list[Record]:
    """The messages from one to the other (in a state), oldest first."""
    messages: list[Record] = show.ask("messages", name=to)
    found = [m for m in messages if (m["to"], m["from"]) == (to, sender) and state in (None, m["state"])]
    return sorted(found, key=lambda message: message["created_at"])


def _latest(show: Show, to: str, sender: str) -> Record:
    found = _find(show, to, sender)
    check(found, f"no message from '{sender}' to '{to}' is stored")
    return found[-1]


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def _agent_log(show: Show) -> list[Record]:
    """What the agents themselves say happened to them."""
    return [json.loads(line) for line in show.agent_log.read_text("utf-8").splitlines()]


def talk(show: Show) -> str:
    """One agent writes to another by MCP; the other wakes and answers it."""
    tell("The planner is told to ask the reviewer, who sleeps. They speak by MCP, as any agent can.")
    body = "@@send reviewer Is step two safe?@@\n@@silent@@"
    show.roost("send", "planner", body, "--topic", _TOPIC, "--wait", "done")

    reply: Record = show.until(
        lambda: _find(show, "planner", "reviewer", "done"), "the reviewer's answer has reached the planner"
    )[-1]
    question: Record = show.until(
        lambda: _find(show, "reviewer", "planner", "done"), "the reviewer's turn has ended"
    )[-1]
    check(reply["reply_to"] == question["id"], "the answer does not name its question")
    show.roost("messages", "reviewer")
    taken = [line["text"] for line in _agent_log(show) if line["what"] == "prompt"]
    check(
        any("\necho: Is step two safe?\n" in text for text in taken), "the planner was not shown the answer"
    )
    took = _seconds(reply["done_at"]) - _seconds(question["created_at"])
    return f"asked, woken and answered in {milliseconds(took)}"


def mail(show: Show) -> str:
    """An agent writes to a person."""
    tell("A person is a peer too: mail waits in the mailbox until it is read.")
    body = "@@send boss The plan is ready.@@\n@@silent@@"
    show.roost("send", "planner", body, "--topic", _TOPIC, "--wait", "done")
    letters: list[Record] = show.ask("inbox", name="boss")
    show.roost("inbox", "boss", "--ack")
    found = [(letter["from"], letter["body"]) for letter in letters]
    check(found == [("planner", "The plan is ready.")], f"the mailbox holds {found}")
    check(show.ask("inbox", name="boss") == [], "mail that was read is still there")
    return "1 letter, read"


def death(show: Show) -> str:
    """An agent is killed; that is seen at once and on record, and the next message wakes it."""
    agent = show.agent("reviewer")
    before = show.last_event()
    tell(f"The reviewer's process {agent.pid} is killed with SIGKILL.")
    killed = time.monotonic()
    show.kill(agent, signal.SIGKILL)
    show.event(before, "reviewer", "stopped")
    noticed = time.monotonic() - killed
    tell(f"On record {milliseconds(noticed)} later:")
    show.roost("deaths", "reviewer")
    record: Record = show.ask("deaths", name="reviewer")[-1]
    seen = (record["cause"], record["signal"], record["counted"])
    check(seen == ("crashed", int(signal.SIGKILL), True), f"the death record says {seen}")
    check(noticed < 1, f"it took {milliseconds(noticed)} to notice")
    tell("The next message wakes it again.")
    _answer(show, "reviewer", "And now?", "echo: And now?")
    check(
        show.row("reviewer")["session"]["generation"] == record["generation"] + 1, "it is not a new session"
    )
    return f"SIGKILL on record after {milliseconds(noticed)}"


def sleep(show: Show) -> str:
    """An idle agent is put to sleep; the next message on its topic finds it with its memory."""
    before, first = show.last_event(), show.row("planner")["session"]
    agent = show.agent("planner")
    tell("The planner may be idle for one second only, then it sleeps.")
    show.roost("set", "planner", "idle=1s")
    stopped = show.event(before, "planner", "stopped")
    check(stopped["cause"] == "idle-sleep", f"it ended by {stopped['cause']}")
    check(not show.live_sessions(agent), f"its process {agent.pid} still lives")
    show.roost("list")
    show.roost("set", "planner", "idle=1h")
    tell("Asked how many messages it remembers, it resumes its conversation.")
    expected = _taken(show)
    _answer(show, "planner", "@@recall@@", str(expected), "--topic", _TOPIC)
    now = show.row("planner")["session"]
    check(now["resumed"] and now["conversation"] == first["conversation"], "it began another conversation")
    check(now["generation"] == first["generation"] + 1, "it is not a new session")
    return f"resumed, {expected} messages remembered"


def _taken(show: Show) -> int:
    """How many messages the planner has had, all in one conversation, once its last turn has ended."""

    def found() -> list[Record]:
        return [m for m in show.ask("messages", name="planner") if m["to"] == "planner"]

    show.until(
        lambda: all(message["state"] == "done" for message in found()), "all messages to the planner are done"
    )
    return len(found())


def crash(show: Show) -> str:
    """The daemon is killed; its agents live on and are adopted."""
    names = ("planner", "reviewer")
    sessions = {name: show.row(name)["session"] for name in names}
    agents = {name: show.agent(name) for name in names}
    deaths = len(show.ask("deaths"))
    daemon = show.daemon()
    tell(f"The daemon, process {daemon.pid}, is killed with SIGKILL.")
    show.kill(daemon, signal.SIGKILL)
    show.until(lambda: not show.live_sessions(daemon), "the daemon's end")
    told = show.roost("list")
    check("daemon is down" in told, "`roost list` does not say that the daemon is down")
    check("unknown" in told, "what nobody watches is shown as if it were known")
    check(all(map(show.live_sessions, agents.values())), "an agent died with the daemon")
    tell("The agents live on. The next daemon adopts them.")
    again = time.monotonic()
    show.roost("up")
    took = time.monotonic() - again
    show.roost("list")
    for name in names:
        check(show.row(name)["session"] == sessions[name], f"'{name}' is not in the session it was in")
        check(show.agent(name) == agents[name], f"'{name}' is another process now")
    check(len(show.ask("deaths")) == deaths, "a death was recorded of an agent that lives")
    tell("The conversation goes on.")
    _answer(show, "planner", "@@recall@@", str(_taken(show)), "--topic", _TOPIC)
    return f"{len(names)} agents adopted, up in {milliseconds(took)}"


def end(show: Show) -> str:
    """Everything ends, and nothing is left."""
    _taken(show)
    count = len(show.leftovers.find())
    show.roost("down", "--agents")
    left = show.leftovers.wait()
    check(not left, f"still there: {', '.join(f'pid {process.pid}' for process in left)}")
    tell(f"{count} processes were ours; none is left.")
    return f"{count} processes ended, none left"


STEPS = (
    Step("A daemon and three peers", "start", start),
    Step("A message wakes an agent", "wake and answer", wake),
    Step("An agent asks another agent", "agent to agent", talk),
    Step("An agent writes to a person", "mail to a person", mail),
    Step("An agent is killed", "kill an agent", death),
    Step("An idle agent sleeps and resumes", "sleep and resume", sleep),
    Step("The daemon is killed", "kill the daemon", crash),
    Step("The end", "clean end", end),
)
"""In the order in which they are shown; each builds on those before it."""
