"""`rename` on real parts (P11): what moves, what stays, and messages that are sent meanwhile."""

import signal
import threading
from collections.abc import Iterator

import pytest

from roost.client.connection import Client, RemoteError
from tests.support.daemon import Roost, alive, cleared, shared_roost, signal_pid
from tests.support.wait import wait_until

PATIENCE = 30.0


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def test_P11_a_renamed_peer_keeps_everything_and_its_namesake_too(roost: Roost) -> None:
    for name in ("a", "ab"):
        roost.add(name, resume="always", description=f"the {name}")
        roost.ask(name, "hello" + " long" * 30_000, topic="t")
        roost.until_state(name, "idle")
    shown = roost.call("show", name="ab")
    refused = roost.cli("rename", "a", "b")
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    done = roost.cli("rename", "a", "b", "--force")
    assert (done.returncode, done.stdout) == (0, "a is called b now\n")
    assert roost.call("show", name="ab") == shown
    assert [row["name"] for row in roost.call("list")] == ["ab", "b"]
    assert [death["cause"] for death in roost.deaths("b")] == ["operator-stop"]
    assert next(one["kind"] for one in roost.events("b")) == "added"
    assert roost.events("b", "renamed")[0]["data"] == {"from": "a"}
    assert len(roost.call("messages", name="b")) == 1
    assert len(list((roost.places.bodies / "b").iterdir())) == 1
    assert not (roost.places.bodies / "a").exists()
    assert roost.places.pane_log("b").exists()
    assert not roost.places.pane_log("a").exists()
    old = roost.cli("send", "a", "hello")
    assert (old.returncode, "'a' is called 'b' now" in old.stderr) == (4, True)
    assert roost.ask("b", "@@recall@@", topic="t") == "1"
    assert roost.events("b", "starting")[-1]["cause"] == "parked-always"
    assert "called before" in roost.cli("show", "b").stdout
    roost.add("a")
    assert roost.ask("a", "@@recall@@", topic="t") == "0"
    assert len(roost.call("messages", name="a")) == 1


def test_P11_names_that_cannot_be_given(roost: Roost) -> None:
    roost.add("a")
    roost.add("b")
    for new, code in (("b", 1), ("operator", 2), ("B", 2), ("a", 1)):
        done = roost.cli("rename", "a", new)
        assert done.returncode == code, (new, done.stderr)
        assert len(done.stderr.splitlines()) == 1
    assert roost.cli("rename", "nobody", "c").returncode == 4
    assert roost.cli("rename", "operator", "c").returncode == 1
    assert [row["name"] for row in roost.call("list")] == ["a", "b"]


def test_N2_messages_sent_during_a_rename_reach_one_name_or_are_refused(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "hello")
    sent: list[str] = []
    refused: list[RemoteError] = []

    def send(number: int) -> None:
        for name in ("a", "b"):
            try:
                sent.append(roost.send(name, f"{number} to {name}")["id"])
            except RemoteError as error:
                refused.append(error)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(20)]
    renaming = threading.Thread(
        target=roost.call, args=("rename",), kwargs={"old": "a", "new": "b", "force": True}
    )
    for thread in [*threads[:6], renaming, *threads[6:]]:
        thread.start()
    for thread in [*threads, renaming]:
        thread.join(PATIENCE)
    for message_id in sent:
        assert roost.until_message(message_id, "done")["to"] == "b"
    assert all("called 'b' now" in str(error) or "no peer 'b'" in str(error) for error in refused)
    assert len(sent) + len(refused) == 40
    bodies = [one["text"] for one in roost.happened("prompt") if "Your turn on message" not in one["text"]]
    assert len(set(bodies)) == len(bodies) == len(sent) + 1


def test_N8_a_rename_goes_on_after_the_daemon_was_killed_in_it(roost: Roost) -> None:
    roost.add("a", resume="always")
    sent = roost.send(
        "a", "@@ignore TERM@@\n@@ignore HUP@@\n@@delay 60@@", wait="accepted", timeout=PATIENCE
    )["id"]
    roost.until_state("a", "working")
    pid = roost.session("a")["agent_pid"]
    renaming = threading.Thread(target=lambda: roost.cli("rename", "a", "b", "--force"))
    renaming.start()
    roost.until_state("a", "stopping")
    roost.kill()
    renaming.join(PATIENCE)
    if alive(pid):
        signal_pid(pid, signal.SIGKILL)
    roost.start()
    wait_until(
        lambda: [row["name"] for row in roost.call("list")] == ["b"], timeout=PATIENCE, why="it is renamed"
    )
    assert roost.message(sent)["to"] == "b"
    taken = roost.cli("add", "b", "--runtime", "demo")
    assert taken.returncode == 1


def test_P11_whoever_waits_under_the_old_name_is_told_the_new_one(roost: Roost) -> None:
    roost.call("add", name="box", settings={"runtime": "human", "dir": str(roost.home.work)})
    roost.send("box", "hello")
    heard: list[object] = []
    told: list[str] = []

    def follow() -> None:
        asked = {"name": "box", "follow": True}
        try:
            Client(str(roost.places.socket), None, lambda _note: None).call(
                "inbox", asked, on_event=heard.append, patience=PATIENCE
            )
        except RemoteError as error:
            told.append(error.message)

    following = threading.Thread(target=follow)
    following.start()
    wait_until(lambda: heard, timeout=PATIENCE, why="the mail is followed")
    roost.call("rename", old="box", new="crate")
    following.join(PATIENCE)
    with pytest.raises(RemoteError, match="'box' is called 'crate' now"):
        roost.call("wait", name="box", state="gone")
    assert told == ["'box' is called 'crate' now"]


def test_N1_news_for_a_renamed_sender_reach_it_under_its_new_name(roost: Roost) -> None:
    roost.add("mail", "human")
    roost.add("a")
    sent = roost.send("a", "@@delay 60@@", from_="mail", wait="accepted", timeout=PATIENCE)["id"]
    roost.call("rename", old="mail", new="post")
    roost.until_state("a", "working")
    roost.call("interrupt", name="a")
    wait_until(lambda: roost.call("inbox", name="post"), timeout=PATIENCE, why="it is told")
    (told,) = roost.call("inbox", name="post")
    assert (told["notice"]["about"], told["notice"]["outcome"]) == (sent, "interrupted")
    assert roost.message(sent)["from"] == "post"


def test_N3_a_message_that_waits_tells_the_new_name_of_its_sender_to_whoever_gets_it(roost: Roost) -> None:
    roost.add("mail", "human")
    roost.add("a")
    roost.call("stop", name="a")
    sent = roost.send("a", "hello", from_="mail")["id"]
    roost.call("rename", old="mail", new="post")
    roost.call("start", name="a")
    roost.until_message(sent, "done")
    (prompt,) = roost.prompts(sent)
    assert f"[roost message {sent} from post " in prompt["text"]
    assert [item["body"] for item in roost.call("inbox", name="post")] == ["echo: hello"]
    assert roost.message(sent)["from"] == "post"


def test_P11_a_new_peer_gets_no_answer_to_what_one_of_its_name_has_sent(roost: Roost) -> None:
    """It was woken by the answer to a question that it has never asked."""
    for name in ("job", "box", "s"):
        roost.add(name, *(("human",) if name == "box" else ()))
    roost.call("stop", name="s")
    asked = roost.send("job", "@@silent@@\n@@send s question of the first@@\n@@send box another@@")["id"]
    roost.until_message(asked, "done")
    (question,) = roost.call("messages", name="s")
    (another,) = roost.call("messages", name="box")
    late = roost.call("send", token=roost.token("job"), to="box", body="third", ttl=0.1)["id"]
    roost.until_message(late, "expired")
    assert roost.cli("remove", "job", "--force").returncode == 0
    roost.add("job")
    roost.call("start", name="s")
    roost.until_message(question["id"], "done")
    said = roost.cli("send", "job", "answer", "--from", "box", "--reply-to", another["id"])
    assert said.returncode == 1
    assert (
        f"'job', who sent message {another['id']}, was removed: the 'job' of now is another peer"
        in said.stderr
    )
    assert (roost.call("messages", name="job"), roost.row("job")["why"]) == ([], "has not run yet")
    assert "is another peer" in roost.cli("message", late, "--resend").stderr, "its answer would go there"
    assert roost.ask("job", "hello") == "echo: hello"
    with pytest.raises(RemoteError, match="neither from you nor to you"):
        roost.call("message", token=roost.token("job"), id=question["id"])
