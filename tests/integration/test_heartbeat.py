"""A client whose process the daemon cannot know, as one outside of its container: known by its calls (H6)."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.integration.test_truth_hosts import allowed
from tests.support.container import Container, end
from tests.support.daemon import Record, Roost, alive
from tests.support.guest import guest
from tests.support.home import Home

pytestmark = pytest.mark.skipif(not allowed(), reason="this system gives no namespaces to this user")


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    """A daemon in a container, with a client of its socket outside; who is not heard of is soon overdue."""
    made = Roost(home)
    made.places.config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made.places.config.write_text('[registry]\ngrace = "1ms"\nttl = "1ms"\n')
    try:
        Container("inside", "1" * 32).start(made)
        made.add("editor", "human")
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            end(made)


def ask(client: subprocess.Popen[str], number: int, method: str, **params: object) -> Record:
    assert client.stdin is not None
    assert client.stdout is not None
    asked = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    client.stdin.write(f"{json.dumps(asked)}\n")
    client.stdin.flush()
    told: Record = json.loads(client.stdout.readline())
    return told


def test_H6_it_is_known_by_when_it_was_heard_of_unknown_when_overdue_and_never_ended(roost: Roost) -> None:
    assert "not used yet" in roost.row("editor")["why"]
    command = [sys.executable, "-m", "roost", "mcp", "--as", "editor"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=roost.environ, stdin=pipe, stdout=pipe, text=True) as client:
        hello = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        ask(client, 1, "initialize", **hello)
        row = roost.row("editor")
        assert (row["kind"], row["session"]) == ("mailbox", None)
        assert "last used" in row["why"]
        assert "last used" in roost.cli("show", "editor").stdout
        report = roost.call("gc")
        (found,) = [each for each in report["found"] if each["peer"] == "editor"]
        assert (found["outcome"], found["action"]) == ("unknown", "keep")
        assert "last used" in found["why"]
        sent = roost.send("editor", "still read")
        told = ask(client, 2, "tools/call", name="read_inbox", arguments={})
        assert "still read" in json.dumps(told)
        roost.until_message(sent["id"], "done")
        assert alive(client.pid)
        assert roost.deaths("editor") == []
        client.kill()


def test_H6_what_joins_by_its_process_is_refused_there_with_the_way_that_is_left(roost: Roost) -> None:
    with guest(roost) as who:
        code, _, error = who.run("join", "me")
        assert code == 1
        assert "cannot be told here" in error
        assert "roost mcp --as NAME" in error
        assert "me" not in {row["name"] for row in roost.call("list")}
