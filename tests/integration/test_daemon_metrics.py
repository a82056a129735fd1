"""`/metrics` and `roost metrics` of a real daemon, and who may read them."""

import http.client
import re
import stat
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from roost.client.connection import RemoteError
from tests.support.daemon import Roost, roost_in
from tests.support.home import Home

PATIENCE = 30.0
SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+')


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        yield made


def get(roost: Roost, token: str | None, path: str = "/metrics") -> tuple[int, str, str]:
    place = urlsplit(roost.call("status")["url"])
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=PATIENCE)
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode()
    finally:
        connection.close()


def test_metrics_count_what_truly_happened(roost: Roost) -> None:
    roost.add("a")
    for number in range(3):
        roost.send("a", f"@@silent@@\n{number}", wait="done", timeout=PATIENCE)
    roost.call("stop", name="a")
    roost.send("a", "waits")
    token = roost.places.metrics_token.read_text().strip()
    status, kind, text = get(roost, token)
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    lines = text.splitlines()
    for line in (
        'roost_messages_total{state="done"} 3',
        'roost_attempts_total{outcome="accepted"} 3',
        'roost_deaths_total{cause="operator-stop"} 1',
        "roost_delivery_seconds_count 3",
        "roost_wake_seconds_count 1",
        'roost_queue_depth{peer="a"} 1',
    ):
        assert line in lines, text
    assert all(line.startswith("# ") or SAMPLE.fullmatch(line) for line in lines), text
    assert "waits" not in [word for line in lines if not line.startswith("#") for word in line.split()]
    assert roost.cli("metrics").stdout.splitlines()[0] == lines[0]


def test_metrics_are_for_the_holder_of_their_token_alone(roost: Roost) -> None:
    roost.add("a")
    roost.call("wake", name="a")
    path = roost.places.metrics_token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    token, agents = path.read_text().strip(), roost.token("a")
    for wrong in (None, "", "x" * 64, agents, token[:-1], "\u00fc"):
        assert get(roost, wrong)[0] in (400, 401), wrong
    assert get(roost, token, "/metrics/")[0] == 401
    assert get(roost, token, "/mcp")[0] in (401, 405)
    with pytest.raises(RemoteError, match="for operators"):
        roost.call("metrics", token=agents)
    roost.kill()
    roost.start()
    assert path.read_text().strip() == token
    assert get(roost, token)[0] == 200


def test_metrics_need_a_daemon(roost: Roost) -> None:
    roost.kill()
    assert roost.cli("metrics").returncode == 5
