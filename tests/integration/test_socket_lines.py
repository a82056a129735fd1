"""Requests as they come out of the socket: in pieces, many at once, and longer than any may be."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.daemon.serve.socket.connection import LINE, RUNNING
from tests.support.daemon import PATIENCE, Roost, roost_in
from tests.support.home import Home


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        yield made


def connected(roost: Roost) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    client.connect(str(roost.places.socket))
    return client


def asked(number: int, method: str = "status", **params: object) -> bytes:
    return json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n"


def test_A4_requests_are_answered_however_they_come(roost: Roost, tmp_path: Path) -> None:
    roost.add("box", "human", dir=str(tmp_path))
    with connected(roost) as client, client.makefile("rb") as answers:
        client.sendall(asked(1) + asked(2)[:7])
        assert json.loads(answers.readline())["id"] == 1
        client.sendall(asked(2)[7:])
        assert json.loads(answers.readline())["id"] == 2
        many = range(10, 10 + 3 * RUNNING)
        client.sendall(b"".join(asked(number, "send", to="box", body=f"{number}") for number in many))
        found = [json.loads(answers.readline()) for _ in many]
        assert sorted(each["id"] for each in found) == list(many)
        assert not [each for each in found if "error" in each]
        body = "x" * 200_000
        client.sendall(asked(3, "send", to="box", body=body))
        assert json.loads(answers.readline())["result"]["state"] == "queued"
        # One that waits holds up nobody, whoever answered before it.
        client.sendall(asked(4, "send", to="box", body="read me", wait="accepted"))
        assert json.loads(answers.readline())["event"]["id"], "it is stored"
        for number in (5, 6):
            client.sendall(asked(number))
            assert next(each for line in answers if "result" in (each := json.loads(line)))["id"] == number
    bodies = [item["body"] for item in roost.call("inbox", name="box")]
    assert bodies == [*map(str, many), body, "read me"]
    with connected(roost) as client, client.makefile("rb") as answers:
        client.sendall(b"x" * (LINE + 1))
        assert "too long" in json.loads(answers.readline())["error"]["message"]
        assert answers.readline() == b""
    with connected(roost) as client, client.makefile("rb") as answers:
        client.sendall(b"\n" + asked(5))
        assert [json.loads(answers.readline())["id"] for _ in range(2)] == [0, 5]
