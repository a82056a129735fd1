"""What people and agents see of other hosts, and do there: real daemons, a real nats-server, demo agents."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import ClientSession

from roost.client.connection import Client, RemoteError
from roost.host.seal import sealing_pair
from tests.integration.test_daemon_agent_surface import as_agent, said
from tests.integration.test_daemon_questions import question_of
from tests.integration.test_top import shown
from tests.support.fleet import Hosts, fleet_of
from tests.support.wait import wait_until
from tests.support.web import web_of

PATIENCE = 60.0
GROUPS = '[groups]\nteam = ["writer", "reviewer@venus"]\n'
GRANTS = """
[fleet]
shown = ["reviewer", "twin", "passer", "asker"]
[fleet.grants.mars]
operate = ["reviewer", "asker"]
"""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """mars with writer and twin; venus with reviewer and twin; pluto is a member and has never been up."""
    config = {"mars": GROUPS, "venus": GRANTS}
    with fleet_of(tmp_path_factory.mktemp("hub"), "mars", "venus", config=config) as hosts:
        hosts["mars"].add("writer")
        hosts["mars"].add("twin")
        hosts["venus"].add("reviewer", description="reads code")
        hosts["venus"].add("twin")
        hosts["venus"].add("hidden")
        hosts.pairs["pluto"] = sealing_pair()
        hosts.certify("pluto")
        wait_until(
            lambda: {"reviewer@venus", "twin@venus"} <= names(hosts) and reached(hosts, "venus"),
            timeout=PATIENCE,
            why="mars knows venus",
        )
        wait_until(lambda: "pluto" in hosts_of(hosts), timeout=PATIENCE, why="mars knows pluto")
        yield hosts


def rows(hosts: Hosts) -> dict[str, dict[str, object]]:
    return {row["name"]: row for row in hosts["mars"].call("list", all=True)}


def names(hosts: Hosts) -> set[str]:
    return set(rows(hosts))


def seen(hosts: Hosts, name: str, state: str) -> None:
    """Wait until mars shows a peer in that state."""
    wait_until(lambda: rows(hosts)[name]["state"] == state, timeout=PATIENCE, why=f"{name} is {state}")


def hosts_of(hosts: Hosts) -> str:
    return hosts["mars"].cli("list", "--all").stderr


def reached(hosts: Hosts, host: str) -> bool:
    return f"'{host}' has not been heard of" not in hosts_of(hosts)


def test_list_shows_the_peers_of_all_hosts_as_their_own_hosts_do(fleet: Hosts) -> None:
    found = fleet["mars"].cli("list", "--all")
    assert found.returncode == 0, found.stderr
    assert "reviewer@venus" in found.stdout
    assert "writer " in found.stdout
    assert "'pluto' has not been heard of since this daemon started" in found.stderr
    told = {row["name"]: row for row in json.loads(fleet["mars"].cli("list", "--all", "--json").stdout)}
    assert told.keys() == {"writer", "twin", "reviewer@venus", "twin@venus"}
    here = fleet["venus"].row("reviewer")
    there = told["reviewer@venus"]
    alike = ("runtime", "kind", "description", "state", "why", "since", "queued")
    assert {key: there[key] for key in alike} == {key: here[key] for key in alike}
    assert (there["host"], told["writer"]["host"]) == ("venus", "mars")
    assert {row["name"] for row in fleet["mars"].call("list")} == {"writer", "twin"}


def test_list_goes_on_telling_of_other_hosts(fleet: Hosts) -> None:
    fleet["venus"].add("passer")
    wait_until(lambda: "passer@venus" in names(fleet), timeout=PATIENCE, why="mars hears of passer")
    client = Client(str(fleet["mars"].places.socket), None, lambda _: None)
    changes = client.stream("list", {"follow": True, "all": True}, patience=PATIENCE)
    first = next(changes)
    assert "passer@venus" in {row["name"] for row in first["rows"]}
    assert {host["host"]: host["silent_since"] for host in first["hosts"]} == {"pluto": None, "venus": None}
    assert [host["host"] for host in first["hosts"] if not host["reached"]] == ["pluto"]
    fleet["venus"].call("remove", name="passer", force=True)
    for change in changes:
        if "passer@venus" in change["gone"]:
            break
    changes.close()


def test_show_tells_what_is_known_here_of_a_peer_of_another_host(fleet: Hosts) -> None:
    found = fleet["mars"].cli("show", "reviewer")
    assert "reviewer@venus  asleep" in found.stdout, found.stderr
    assert "reads code" in fleet["mars"].cli("show", "reviewer@venus", "--json").stdout
    assert fleet["mars"].call("show", name="writer@mars")["name"] == "writer"


def test_a_message_for_a_host_that_is_away_says_so_until_it_is_taken(fleet: Hosts) -> None:
    sent = fleet["mars"].cli("send", "someone@pluto", "are you there?")
    assert sent.returncode == 0
    assert "'pluto' has not been heard of since this daemon started: the message is kept" in sent.stderr
    told = fleet["mars"].cli("message", sent.stdout.strip()).stdout
    assert "on its way to pluto" in told
    assert "someone@pluto is unknown: 'pluto' has not been heard of" in told
    listed = fleet["mars"].cli("messages", "someone@pluto").stdout
    assert "on its way to pluto" in listed


def test_several_recipients_and_groups_reach_other_hosts(fleet: Hosts) -> None:
    sent = fleet["mars"].call(
        "send_many", to=["@team", "reviewer"], body="all of you", key="several", wait="done", timeout=PATIENCE
    )
    assert [(row["to"], row["state"]) for row in sent] == [("writer", "done"), ("reviewer@venus", "done")]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("show", "reviewer@pluton"), 4, "there is no host 'pluton' in this fleet; did you mean 'pluto'?"),
        (("messages", "re viewer@venus"), 2, "is no address"),
        (
            ("stop", "nobody@pluto"),
            1,
            "'pluto' has not been heard of since this daemon started; nothing was asked",
        ),
        (("stop", "twin@venus"), 1, "venus: nobody of 'mars' may do that to 'twin': [fleet.grants.mars]"),
        (("wake", "nobody@venus"), 4, "venus: there is no peer 'nobody'"),
        (("rename", "reviewer", "other"), 1, "'reviewer@venus' lives on the host 'venus', and only there"),
        (
            ("set", "reviewer@venus", "idle=1h"),
            1,
            "'reviewer@venus' lives on the host 'venus', and only there",
        ),
        (("logs", "reviewer@venus"), 1, "lives on the host 'venus'"),
        (("inbox", "reviewer@venus"), 1, "lives on the host 'venus'"),
        (("transcript", "reviewer"), 1, "lives on the host 'venus'"),
        (("deaths", "nobody"), 4, "there is no peer 'nobody'"),
    ],
)
def test_every_command_takes_the_names_of_the_fleet(
    fleet: Hosts, words: tuple[str, ...], code: int, why: str
) -> None:
    done = fleet["mars"].cli(*words)
    assert (done.returncode, why in done.stderr) == (code, True), done.stderr


def test_a_name_that_several_other_hosts_have_is_refused_with_the_candidates(fleet: Hosts) -> None:
    """`twin` of mars is meant on mars."""
    assert fleet["mars"].call("show", name="twin")["host"] == "mars"
    assert fleet["mars"].cli("messages", "--from", "twin").returncode == 0


def test_attach_prints_how_a_terminal_of_another_host_is_joined(fleet: Hosts) -> None:
    assert fleet["mars"].cli("attach", "reviewer@venus").stdout == "ssh -t venus roost attach reviewer\n"
    with pytest.raises(RemoteError, match="only there this can be done"):
        fleet["mars"].call("attach", name="reviewer@venus", page=True)


def test_operators_of_a_host_drive_the_peers_of_another_that_are_granted_to_them(fleet: Hosts) -> None:
    mars, venus = fleet["mars"], fleet["venus"]
    woken = mars.cli("wake", "reviewer@venus")
    assert (woken.returncode, woken.stdout.startswith("reviewer@venus is idle")) == (0, True), woken
    assert venus.row("reviewer")["state"] == "idle"
    assert mars.cli("screen", "reviewer@venus").returncode == 0
    assert "there is nothing to interrupt" in mars.cli("interrupt", "reviewer@venus").stdout
    assert mars.cli("stop", "reviewer").stdout.startswith("reviewer@venus is stopped")
    seen(fleet, "reviewer@venus", "stopped")
    assert mars.cli("start", "reviewer@venus", "--json").returncode == 0
    seen(fleet, "reviewer@venus", "asleep")
    there = [event for event in venus.events() if event["kind"] == "asked" and event["peer"] == "reviewer"]
    assert {event["data"]["host"] for event in there} == {"mars"}
    assert {"wake", "stop", "start"} <= {event["data"]["method"] for event in there}
    here = [event for event in mars.events() if event["kind"] == "asking"]
    assert {"reviewer@venus"} <= {event["peer"] for event in here}
    woke = [event for event in venus.events() if event["kind"] == "starting" and event["peer"] == "reviewer"]
    assert woke[-1]["data"]["by"] == "operator@mars"


def test_a_question_of_another_host_is_listed_and_answered_where_it_is_granted(fleet: Hosts) -> None:
    mars, venus = fleet["mars"], fleet["venus"]
    venus.add("asker", "demo-acp")
    venus.send("asker", "@@ask@@")
    asked = question_of(venus, "asker")
    listed = mars.cli("questions", "--all")
    assert f"{asked['id']}@venus  asker@venus asks" in listed.stdout, listed
    assert "'pluto' has not been heard of" in listed.stderr
    answered = mars.cli("answer", f"{asked['id']}@venus", "1")
    assert "asker@venus was answered" in answered.stdout, answered
    wait_until(lambda: not venus.call("questions"), timeout=PATIENCE, why="it is asked no more")
    again = mars.cli("deny", f"{asked['id']}@venus")
    assert (again.returncode in {1, 4}, again.stderr.startswith("roost: venus: ")) == (True, True), again


def test_names_of_other_hosts_are_completed(fleet: Hosts) -> None:
    found = fleet["mars"].cli("completion", "complete", "bash", "send", "rev").stdout
    assert found.split("\t")[0] == "reviewer@venus"


def test_an_agent_finds_a_colleague_of_another_host_and_is_answered(fleet: Hosts) -> None:
    mars = fleet["mars"]
    mars.call("wake", name="writer")
    ids: list[str] = []

    async def ask(client: ClientSession) -> None:
        listed = {row["name"]: row for row in json.loads(said(await client.call_tool("list_peers", {})))}
        assert listed["reviewer@venus"]["description"] == "reads code"
        sent = await client.call_tool("send_message", {"to": "reviewer@venus", "body": "is this right?"})
        ids.append(str((sent.structured_content or {})["id"]))

    as_agent(mars, "writer", ask)
    fleet.ends("mars", ids[0], "done")
    (reply,) = wait_until(
        lambda: [each for each in mars.call("messages", name="writer") if each["from"] == "reviewer@venus"],
        timeout=PATIENCE,
        why="the answer has come",
    )
    assert reply["reply_to"] == ids[0]

    async def answer(client: ClientSession) -> None:
        back = {"to": "reviewer@venus", "body": "thank you", "reply_to": reply["id"]}
        result = await client.call_tool("send_message", back)
        assert not result.is_error, said(result)

    as_agent(mars, "writer", answer)


def test_the_page_shows_all_hosts_and_writes_to_them(fleet: Hosts) -> None:
    with web_of(fleet["mars"]) as web:
        web.sign_in()
        wait_until(lambda: "reviewer@venus" in web.get("/").text, timeout=PATIENCE, why="it shows reviewer")
        page = web.get("/").text
        assert 'data-host="venus"' in page
        assert 'data-host="pluto"' in page
        assert "unreachable" in page
        peer = web.get("/peers/reviewer%40venus")
        assert (peer.status, "/peers/reviewer@venus/wake" in peer.text) == (200, False)
        assert "reviewer@venus" in web.get("/compose").text
        sent = web.post("/compose", {"to": "reviewer@venus", "body": "from the page"})
        assert sent.status == 200, sent.text
        (message,) = [
            each
            for each in fleet["mars"].call("messages", name="reviewer@venus")
            if each["text"] == "from the page"
        ]
        fleet.ends("mars", message["id"], "done")


def test_top_shows_all_hosts_and_writes_to_them(fleet: Hosts, tmp_path: Path) -> None:
    with shown(fleet["mars"], tmp_path, size="100x24") as pane:
        pane.wait_for("pluto unreachable(?s:.*)reviewer@venus")
        pane.keys("/")
        pane.wait_for("words that the row has")
        pane.keys("-l", "reviewer@venus")
        pane.keys("Enter")
        pane.wait_for("reviewer@venus(?s:.*) m write", without="writer ")
        pane.keys("m")
        pane.wait_for("to reviewer@venus")
        pane.keys("-l", "from top")
        pane.keys("C-s")
        pane.wait_for("sent to reviewer@venus")
        pane.keys("a")
        pane.wait_for("`roost attach reviewer@venus` prints the command")
        pane.keys("q")
        pane.wait_for("ended with 0")
    sent = [
        each for each in fleet["mars"].call("messages", name="reviewer@venus") if each["text"] == "from top"
    ]
    assert len(sent) == 1
