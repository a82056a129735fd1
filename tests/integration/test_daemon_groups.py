"""`roost send` to several peers and to groups, on a real daemon: all of them get it, or none."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from roost import connect
from roost.core.vocabulary.limits import RECIPIENTS
from roost.errors import NotFoundError, RefusedError
from tests.support.daemon import PATIENCE, Record, Roost, cleared
from tests.support.home import make_home
from tests.support.processes import kept
from tests.support.tools import call_tool, text_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
REFUSING = Path(__file__).parents[1] / "support/refusing_daemon.py"
CROWD = [f"p{n}" for n in range(RECIPIENTS + 1)]
CONFIG = f"""
[groups]
team = ["a", "b", "c"]
old = ["a", "gone"]
crowd = {json.dumps(CROWD)}
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with make_home() as home, kept(home.mark):
        home.roost.mkdir(parents=True, exist_ok=True)
        (home.roost / "config.toml").write_text(CONFIG)
        roost = Roost(home)
        try:
            yield roost.start(
                sys.executable, str(REFUSING), environ={"ROOST_REFUSED": str(home.root / "refused")}
            )
        finally:
            roost.finish()


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        for name in ("a", "b", "c", "d"):
            made.add(name, "human")
        yield made
        (made.home.root / "refused").unlink(missing_ok=True)


def mail(roost: Roost) -> dict[str, list[str]]:
    """The ids of what waits for each peer, the oldest first; the operator is told of peers that went."""
    found: dict[str, list[str]] = {}
    for row in reversed(roost.call("messages", state="queued")):
        if row["to"] == "operator":
            continue
        found.setdefault(row["to"], []).append(row["id"])
    return found


def ids(output: str) -> dict[str, list[str]]:
    return {line.split()[1]: [line.split()[0]] for line in output.splitlines()}


def test_a_group_and_a_peer_get_one_each(roost: Roost) -> None:
    """Whoever is named twice gets it once; each line is an id and its peer."""
    sent = roost.cli("send", "@team,d,a", "look", "here", "--topic", "t")
    assert (sent.returncode, sent.stderr) == (0, "")
    assert [line.split()[1:] for line in sent.stdout.splitlines()] == [["a"], ["b"], ["c"], ["d"]]
    assert mail(roost) == ids(sent.stdout)
    story = roost.call("message", id=ids(sent.stdout)["b"][0], body=True)
    assert (story["body"], story["topic"], story["from"]) == ("look here", "t", "operator")


def test_several_are_a_list_in_json(roost: Roost, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("x")
    sent = roost.cli("send", "b,d", "look", "--json", "--from", "a", "--ttl", "1h", "--attach", str(note))
    note.unlink()
    rows: list[Record] = json.loads(sent.stdout)
    assert [row["to"] for row in rows] == ["b", "d"]
    assert mail(roost) == {row["to"]: [row["id"]] for row in rows}
    assert all(set(row) == {"to", "id", "state", "why", "reply", "error"} for row in rows)
    assert [(row["state"], row["error"]) for row in rows] == [("queued", None)] * 2
    for row in rows:
        story = roost.message(row["id"])
        assert story["from"] == "a"
        assert story["expires_at"] is not None
        assert [Path(each).read_text() for each in story["attachments"]] == ["x"]
    one = json.loads(roost.cli("send", "b", "look", "--json").stdout)  # one peer: as ever
    assert set(one) == {"id", "state", "why", "reply"}


def test_the_sender_of_a_group_gets_none(roost: Roost) -> None:
    sent = roost.cli("send", "@team", "look", "--from", "b")
    assert list(ids(sent.stdout)) == ["a", "c"]
    assert mail(roost) == ids(sent.stdout)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["a,gone", "x"], 4, "there is no peer 'gone'"),
        (["@old", "x"], 4, "in the group 'old': there is no peer 'gone'"),
        (["a,@nobody", "x"], 4, "there is no group 'nobody'; there are @crowd, @old, @team"),
        (["@all", "x"], 4, "there is no group 'all'"),
        (["a,,b", "x"], 2, "a recipient is missing"),
        (["a,b", "x", "--reply-to", "abcdef"], 2, "an answer goes to one peer"),
        (["a,b", "x", "--attach", "/gone"], 2, "'/gone' does not exist"),
        (["a", "b", "x"], 2, "'a,b'"),
    ],
)
def test_one_that_is_wrong_refuses_all(roost: Roost, arguments: list[str], status: int, said: str) -> None:
    sent = roost.cli("send", *arguments)
    assert (sent.returncode, sent.stdout) == (status, "")
    assert said in sent.stderr
    assert mail(roost) == {}


def test_a_full_queue_refuses_all(roost: Roost) -> None:
    """N5: what would be refused is seen before anything is stored."""
    roost.call("set", name="c", pairs=[["queue_limit", "1"]])
    roost.send("c", "the first")
    before = mail(roost)
    sent = roost.cli("send", "@team", "look")
    assert (sent.returncode, sent.stdout) == (1, "")
    assert "the queue of 'c' is full" in sent.stderr
    assert mail(roost) == before


def test_more_than_the_bound_have_to_be_meant(roost: Roost) -> None:
    for name in CROWD:
        roost.add(name, "human")
    sent = roost.cli("send", "@crowd", "look")
    assert (sent.returncode, sent.stdout) == (1, "")
    assert "--yes" in sent.stderr
    assert mail(roost) == {}
    sent = roost.cli("send", "@crowd", "look", "--yes")
    assert list(ids(sent.stdout)) == CROWD
    assert mail(roost) == ids(sent.stdout)


def test_the_same_again_sends_what_is_missing(roost: Roost) -> None:
    """N4: where the store refuses the second of three, the key that is told makes a repetition safe."""
    refused = roost.home.root / "refused"
    refused.write_text("b")
    sent = roost.cli("send", "@team", "look")
    assert sent.returncode == 1
    assert mail(roost) == ids(sent.stdout)
    assert list(ids(sent.stdout)) == ["a", "c"]
    assert "'b': did not get it: the disk is full" in sent.stderr
    assert "2 peers have the message, 1 not; the same command with --key" in sent.stderr
    key = sent.stderr.partition("--key ")[2].split()[0]
    refused.unlink()
    again = roost.cli("send", "@team", "look", "--key", key)
    assert (again.returncode, list(ids(again.stdout))) == (0, ["a", "b", "c"])
    assert mail(roost) == ids(again.stdout)
    other = roost.cli("send", "@team", "another", "--key", key)
    assert (other.returncode, other.stdout) == (1, "")
    assert f"the key '{key}' was used for another message" in other.stderr
    assert mail(roost) == ids(again.stdout)


def test_a_repetition_goes_where_a_queue_is_full_of_it(roost: Roost) -> None:
    """N4: what is stored needs no room."""
    roost.call("set", name="c", pairs=[["queue_limit", "1"]])
    sent = [roost.cli("send", "@team", "look", "--key", "k") for _ in range(2)]
    assert [each.returncode for each in sent] == [0, 0]
    assert sent[0].stdout == sent[1].stdout
    assert mail(roost) == ids(sent[0].stdout)


def test_all_are_waited_for(roost: Roost) -> None:
    """Each one's outcome is told; one that stays away makes it a wait that ran out."""
    sent: Any = json.loads(roost.cli("send", "a,b", "look", "--key", "k", "--json").stdout)
    roost.call("acknowledge", name="a", ids=[sent[0]["id"]])
    waited = roost.cli("send", "a,b", "look", "--key", "k", "--wait", "done", "--timeout", "2s")
    assert waited.returncode == 3
    assert waited.stdout == f"{sent[0]['id']}  a  done\n{sent[1]['id']}  b\n"
    assert "'b': not done yet; the message stays" in waited.stderr
    roost.call("acknowledge", name="b", ids=[sent[1]["id"]])
    waited = roost.cli("send", "a,b", "look", "--key", "k", "--wait", "done")
    assert (waited.returncode, waited.stderr) == (0, "")
    assert waited.stdout == f"{sent[0]['id']}  a  done\n{sent[1]['id']}  b  done\n"


def test_replies_are_shown_and_count_as_read(roost: Roost) -> None:
    roost.add("worker")
    sent = roost.cli("send", "worker,worker", "look", "--wait", "replied", "--timeout", f"{PATIENCE:g}")
    assert sent.returncode == 0, sent.stderr
    [first, reply] = sent.stdout.splitlines()
    assert first.split()[1:] == ["worker", "replied"]
    assert reply == "  echo: look"
    assert roost.call("inbox", name="operator") == []


def test_the_files_of_replies_are_named_beside_them(roost: Roost, tmp_path: Path) -> None:
    """Also to a program, which is given the reply of one."""
    note = tmp_path / "note.txt"
    note.write_text("x")
    look = ["look", "--key", "k"]
    for to, [sent] in ids(roost.cli("send", "a,b", *look).stdout).items():
        roost.send("operator", f"of {to}", reply_to=sent, attach=[str(note)], **{"from": to})
    files = [item["attachments"] for item in roost.call("inbox", name="operator")]
    rows = json.loads(roost.cli("send", "a,b", *look, "--wait", "replied", "--json").stdout)
    assert [row["reply"]["attachments"] for row in rows] == files
    waited = roost.cli("send", "a,b", *look, "--wait", "replied")
    assert waited.stdout.splitlines()[1::2] == ["  of a", "  of b"]
    assert waited.stderr == f"attached by a: {files[0][0]}\nattached by b: {files[1][0]}\n"
    sent = roost.send("a", "look", key="one")["id"]
    roost.send("operator", "here", reply_to=sent, attach=[str(note)], **{"from": "a"})
    with connect(home=str(roost.home.roost)) as client:
        reply = client.send("a", "look", key="one", wait="replied").reply
    assert reply is not None
    assert [Path(each).read_text() for each in reply.attachments] == ["x"]


def test_python_programs_send_to_several(roost: Roost) -> None:
    """N4: what the store refuses in the middle is an error with what is stored, and the key for the rest."""
    refused = roost.home.root / "refused"
    notes: list[str] = []
    roost.call("stop", name=roost.add("worker"))
    with connect(home=str(roost.home.roost), on_note=notes.append) as client:
        with pytest.raises(NotFoundError, match="there is no peer 'gone'"):
            client.send_to(["@team", "gone"], "look")
        assert mail(roost) == {}
        refused.write_text("b")
        with pytest.raises(RefusedError, match=r"not stored for 'b' \(the disk is full") as caught:
            client.send_to(["@team", "worker"], "look")
        refused.unlink()
        assert ["'worker' is stopped" in note for note in notes] == [True]
        stored: Any = caught.value.facts["sent"]
        assert mail(roost) == {row.to: [row.id] for row in stored if row.to != "b"}
        key = str(caught.value.facts["key"])
        rows = client.send_to(["@team", "worker"], "look", key=key, wait="done", timeout=0.1)
        assert mail(roost) == {row.to: [row.id] for row in rows}
        assert [(row.to, row.error and row.error.exit_code) for row in rows] == [
            (name, 3) for name in ("a", "b", "c", "worker")
        ]


def test_agents_send_to_groups_by_their_tool(roost: Roost) -> None:
    """By the rules of `roost send`; what the store refuses is told with the key that makes it good."""
    roost.call("wake", name=roost.add("worker"))

    def sent(to: str, **more: str) -> Record:
        result = call_tool(roost, "worker", "send_message", {"to": to, "body": "look", **more})
        assert not result.is_error, result
        assert json.loads(text_of(result)) == result.structured_content
        return result.structured_content

    first = sent("@team, D,@a,worker", topic="t")
    assert [(row["to"], row["note"]) for row in first["sent"]] == [(name, "") for name in "abcd"]
    assert mail(roost) == {row["to"]: [row["id"]] for row in first["sent"]}
    story = roost.call("message", id=first["sent"][1]["id"], body=True)
    assert (story["body"], story["topic"], story["from"]) == ("look", "t", "worker")

    refused = roost.home.root / "refused"
    refused.write_text("b")
    partly = sent("@team")
    assert [row.get("error") is None for row in partly["sent"]] == [True, False, True]
    assert "the disk is full" in partly["sent"][1]["error"]
    key = partly["missing"].partition("with key ")[2].split()[0]
    refused.unlink()
    again = sent("@team", key=key)
    assert again["sent"][0] == partly["sent"][0]
    assert {name: len(ids) for name, ids in mail(roost).items()} == {"a": 2, "b": 2, "c": 2, "d": 1}

    listed = call_tool(roost, "worker", "list_peers", {}).structured_content
    assert listed is not None
    assert {row["name"]: row.get("groups") for row in listed["result"]} == {
        "a": ["@team", "@old"],
        "b": ["@team"],
        "c": ["@team"],
        "d": None,
        "worker": None,
    }


def test_an_agent_that_sends_to_too_many_reaches_nobody(roost: Roost) -> None:
    roost.call("wake", name=roost.add("worker"))
    for name in CROWD:
        roost.add(name, "human")
    refused = call_tool(roost, "worker", "send_message", {"to": "@crowd", "body": "look"})
    assert refused.is_error
    assert "more than 20, and none got it" in text_of(refused)
    assert "--yes" not in text_of(refused)
    assert mail(roost) == {}
