"""Traces of a real daemon at a real OTLP receiver on loopback: the trees that `message --trace` prints."""

import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.collector import Collector, collector
from tests.support.daemon import PATIENCE, Record, Roost, roost_in
from tests.support.home import Home
from tests.support.wait import wait_until

pytestmark = pytest.mark.real
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
CONFIG = """
[traces]
endpoint = "{url}"
[traces.headers]
authorization = "Bearer of-the-test"
"""


@pytest.fixture
def receiver() -> Iterator[Collector]:
    with collector() as made:
        yield made


@pytest.fixture
def roost(home: Home, receiver: Collector) -> Iterator[Roost]:
    with roost_in(home, started=False) as made:
        made.places.config.parent.mkdir(parents=True, exist_ok=True)
        made.places.config.write_text(CONFIG.format(url=receiver.url))
        made.start(environ={"OTEL_EXPORTER_OTLP_HEADERS": "x-other=of-another-program"})
        yield made


def printed(roost: Roost, message_id: str) -> dict[str, Record]:
    done = roost.cli("--json", "message", message_id, "--trace")
    assert done.returncode == 0, done.stderr
    trace = json.loads(done.stdout)
    return {span["span_id"]: span for span in trace["spans"]}


def until_told(receiver: Collector, trace_id: str, spans: dict[str, Record]) -> None:
    wait_until(
        lambda: receiver.trace(trace_id).keys() >= spans.keys(),
        timeout=PATIENCE,
        why="the collector has the whole trace",
        describe=lambda: (receiver.trace(trace_id), spans),
    )


def same(receiver: Collector, trace_id: str, spans: dict[str, Record]) -> None:
    until_told(receiver, trace_id, spans)
    there = receiver.trace(trace_id)
    assert {span_id: there[span_id] for span_id in spans} == spans


def test_one_agent_asks_another_and_the_collector_has_the_printed_trees(
    roost: Roost, receiver: Collector
) -> None:
    roost.add("lead")
    roost.add("worker")
    task = roost.send(
        "lead", "@@send worker find it out@@\n@@reply found@@", wait="replied", timeout=PATIENCE
    )["id"]
    roost.until_message(task, "done")
    asked = next(each["id"] for each in roost.call("messages", name="worker"))
    roost.until_message(asked, "done")
    wait_until(lambda: roost.message(asked)["replies"], timeout=PATIENCE, why="the worker has answered")
    answer = roost.message(asked)["replies"][0]
    roost.until_message(answer, "done")

    tree = printed(roost, task)
    same(receiver, task, tree)
    same(receiver, asked, printed(roost, asked))
    same(receiver, answer, printed(roost, answer))
    assert receiver.doubles() == []
    root = next(iter(tree.values()))
    names = [span["name"] for span in tree.values()]
    assert names == [
        *(
            "message lead",
            "send lead",
            "wake lead",
            "offer lead",
            "process lead",
            "send worker",
            "reply operator",
        ),
    ]
    turn = next(span for span in tree.values() if span["name"] == "process lead")
    inner = next(span for span in tree.values() if span["name"] == "send worker")
    assert (root["parent_span_id"], inner["parent_span_id"]) == (None, turn["span_id"])
    worker = next(iter(printed(roost, asked).values()))
    assert inner["links"] == [{"trace_id": asked, "span_id": worker["span_id"]}]
    assert worker["links"] == [{"trace_id": task, "span_id": turn["span_id"]}]
    assert root["attributes"]["roost.runtime"] == "demo"
    assert (receiver.resource["service.name"], receiver.asked[0]["path"]) == ("roost", "/v1/traces")
    assert {each["headers"]["authorization"] for each in receiver.asked} == {"Bearer of-the-test"}
    assert not any("x-other" in each["headers"] for each in receiver.asked)
    said = str(receiver.spans)
    assert "find it out" not in said
    assert "found" not in said.replace("examined: found", "")
    shown = roost.cli("message", task, "--trace").stdout
    assert all(len(line) <= 80 for line in shown.splitlines()), shown
    assert "process lead" in shown
    _caller_is_gone_on_with(roost, receiver)
    _a_notice_is_linked_to_what_it_tells_of(roost)


def _a_notice_is_linked_to_what_it_tells_of(roost: Roost) -> None:
    roost.call("stop", name="lead")
    waits = roost.send("lead", "expires", ttl=0.01)["id"]
    roost.until_message(waits, "expired")
    wait_until(lambda: roost.call("inbox", name="operator"), timeout=PATIENCE, why="the operator is told")
    (notice,) = [each["id"] for each in roost.call("inbox", name="operator") if each["notice"]]
    about, told = (next(iter(printed(roost, each).values())) for each in (waits, notice))
    assert (about["outcome"], about["error"]) == ("expired", True)
    assert told["links"] == [{"trace_id": about["trace_id"], "span_id": about["span_id"]}]


def _caller_is_gone_on_with(roost: Roost, receiver: Collector) -> None:
    """A trace that a caller does not record is not exported; printed it is."""
    sent = roost.cli(
        "send", "worker", "@@silent@@", "--wait", "done", environ={"TRACEPARENT": f"{CALLER}-01"}
    )
    message_id = sent.stdout.strip()
    tree = printed(roost, message_id)
    root = next(iter(tree.values()))
    assert (root["trace_id"], root["parent_span_id"]) == tuple(CALLER.split("-")[1:])
    same(receiver, root["trace_id"], tree)
    _a_tool_names_its_span(roost)
    silent = roost.send(
        "worker", "@@silent@@", traceparent=f"{CALLER[:-1]}2-00", wait="done", timeout=PATIENCE
    )
    plain = roost.send("worker", "@@silent@@", traceparent="nonsense", wait="done", timeout=PATIENCE)["id"]
    same(receiver, plain, printed(roost, plain))
    assert len(printed(roost, silent["id"])) == 4
    assert not receiver.trace(root["trace_id"]).keys() & printed(roost, silent["id"]).keys()


def _a_tool_names_its_span(roost: Roost) -> None:
    """`_meta` of a call, else the header; the answer's `_meta` names the message's own."""
    roost.add("mail", "human")
    by_meta = tool(roost, {"traceparent": f"{CALLER}-01"}, {"traceparent": f"{CALLER[:-1]}3-01"})
    by_header = tool(roost, {}, {"traceparent": f"{CALLER[:-1]}3-01"})
    by_none = tool(roost, {"traceparent": 7}, {"traceparent": "nonsense"})
    roots = [
        next(iter(printed(roost, answer["structuredContent"]["id"]).values()))
        for answer in (by_meta, by_header, by_none)
    ]
    assert [root["parent_span_id"] for root in roots] == [CALLER[-16:], f"{CALLER[-16:-1]}3", None]
    for answer, root in zip((by_meta, by_header, by_none), roots, strict=True):
        assert answer["_meta"] == {"traceparent": f"00-{root['trace_id']}-{root['span_id']}-01"}


def tool(roost: Roost, meta: Record, headers: Record) -> Record:
    """What the worker's agent is answered when it sends a mail."""
    place = urlsplit(roost.call("status")["url"])
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=PATIENCE)
    call = {"name": "send_message", "arguments": {"to": "mail", "body": "hi"}, "_meta": meta}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    given = {
        "Authorization": f"Bearer {roost.token('worker')}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-06-18",
    }
    try:
        connection.request("POST", "/mcp", json.dumps(request).encode(), {**given, **headers})
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer["result"]


def test_a_collector_that_fails_or_hangs_delays_nothing_and_has_all_in_the_end(
    roost: Roost, receiver: Collector
) -> None:
    roost.add("a")
    receiver.status = 503
    first = roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)["id"]
    wait_until(
        lambda: "roost_traces_failing 1" in roost.cli("metrics").stdout,
        timeout=PATIENCE,
        why="the metrics tell that the collector fails",
    )
    found = {each["check"]: each for each in json.loads(roost.cli("--json", "doctor").stdout)}
    assert found["traces"]["code"] == "traces-wait"
    assert "503" in found["traces"]["detail"]
    second = roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)["id"]
    roost.kill()
    assert roost.said().count("traces wait") == 1, roost.said()
    assert "Failed to export" not in roost.said(), "each try has its line"

    receiver.status, receiver.hangs = 200, True
    roost.start()
    wait_until(receiver.held.is_set, timeout=PATIENCE, why="the collector holds a request")
    third = roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)["id"]
    roost.down(agents=False)  # the request is held still
    assert not receiver.release.is_set()
    down = printed(roost, third)
    receiver.hangs = False
    receiver.release.set()
    roost.start()
    assert printed(roost, third) == down, "without a daemon it is the same"
    for message_id in (first, second, third):
        same(receiver, message_id, printed(roost, message_id))
    known = {id_ for message_id in (first, second, third) for id_ in printed(roost, message_id)}
    assert {span["span_id"] for span in receiver.spans} == known, "nothing else, however often it was told"
    text = roost.cli("metrics").stdout
    assert "roost_traces_failing 0" in text
    assert 'roost_trace_spans_total{result="dropped"} 0' in text


def test_traces_without_their_packages_are_told_at_the_start(home: Home) -> None:
    hidden = home.root / "hidden"
    (hidden / "opentelemetry").mkdir(parents=True)
    (hidden / "opentelemetry" / "__init__.py").write_text("")
    with roost_in(home, started=False) as roost:
        roost.places.config.parent.mkdir(parents=True, exist_ok=True)
        roost.places.config.write_text(CONFIG.format(url="http://127.0.0.1:9"))
        done = roost.cli("up", environ={"PYTHONPATH": str(hidden)})
        assert done.returncode == 1
        assert "`pip install 'roost[traces]'`" in done.stderr
