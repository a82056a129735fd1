"""A collector on loopback: takes OTLP over HTTP, decodes it, and behaves as badly as it is told to."""

import gzip
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Record = dict[str, Any]
KINDS = {1: "internal", 4: "producer", 5: "consumer"}
ERROR = 2
HELD = 60.0
"""Seconds for which a request that is to hang is held at most."""


class Collector:
    """`status`: what it answers. While `hangs` is set, a request is held until `release` is."""

    def __init__(self) -> None:
        self.status = 200
        self.hangs = False
        self.held = threading.Event()
        self.release = threading.Event()
        self.asked: list[Record] = []
        self.spans: list[Record] = []
        self.resource: Record = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, path: str, headers: Record, body: bytes) -> int:
        with self._lock:
            self.asked.append({"path": path, "headers": headers})
        if self.hangs:
            self.held.set()
            self.release.wait(HELD)
        if self.status == 200:
            packed = headers.get("content-encoding") == "gzip"
            request = ExportTraceServiceRequest.FromString(gzip.decompress(body) if packed else body)
            with self._lock:
                for each in request.resource_spans:
                    self.resource = _attributes(each.resource.attributes)
                    self.spans += [_span(span) for scope in each.scope_spans for span in scope.spans]
        return self.status

    def trace(self, trace_id: str) -> dict[str, Record]:
        """The spans of one trace that are here, by their ids."""
        with self._lock:
            return {span["span_id"]: span for span in self.spans if span["trace_id"] == trace_id}

    def doubles(self) -> list[str]:
        """The ids of spans that were told more than once."""
        with self._lock:
            counted = Counter(span["span_id"] for span in self.spans)
        return [span_id for span_id, count in counted.items() if count > 1]


@contextmanager
def collector() -> Iterator[Collector]:
    made = Collector()
    try:
        yield made
    finally:
        made.close()


def _handler(owner: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = owner.take(self.path, headers, body)
            try:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                return  # who asked has gone

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name there
            """Say nothing."""

    return Handler


def _span(span: Any) -> Record:  # noqa: ANN401 -- protobuf
    """As `message --trace --json` shows it."""
    attributes = _attributes(span.attributes)
    outcome = attributes.pop("roost.outcome", None)
    attributes.pop("error.type", None)
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex() or None,
        "name": span.name,
        "kind": KINDS[span.kind],
        "start": _iso(span.start_time_unix_nano),
        "end": _iso(span.end_time_unix_nano),
        "took": round((span.end_time_unix_nano - span.start_time_unix_nano) // 1000 / 1e6, 3),
        "outcome": outcome,
        "error": span.status.code == ERROR,
        "attributes": attributes,
        "events": [{"name": each.name, "at": _iso(each.time_unix_nano)} for each in span.events],
        "links": [{"trace_id": each.trace_id.hex(), "span_id": each.span_id.hex()} for each in span.links],
    }


def _attributes(pairs: Any) -> Record:  # noqa: ANN401 -- protobuf
    return {
        pair.key: pair.value.string_value if pair.value.HasField("string_value") else pair.value.int_value
        for pair in pairs
    }


def _iso(nanoseconds: int) -> str:
    at = datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
