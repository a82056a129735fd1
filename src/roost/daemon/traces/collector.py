"""An OpenTelemetry collector: spans go to it by OTLP over HTTP, with the SDK that `roost[traces]` brings.

Loaded late and only where `[traces]` asks for it. Nothing of the SDK runs by itself: no provider, no
processor, no thread, nothing at the end of the process. Its exporter is called, and that is all (SDK 1.45).
"""

import logging
import os
import socket
from collections.abc import Iterable
from typing import Any

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

import roost
from roost.core.vocabulary.trace_context import TraceContext
from roost.daemon.traces.outcome import Answer
from roost.local.traces import TracesTable
from roost.present.spans import Span

TIMEOUT = 10.0
"""Seconds for one batch."""
_REFUSED = frozenset({400, 413, 422})
"""Answers that speak of the spans themselves. Any other may change: its load, our token, the address."""
_KINDS = {"internal": SpanKind.INTERNAL, "producer": SpanKind.PRODUCER, "consumer": SpanKind.CONSUMER}
_TAKEN = range(200, 300)


class Collector:
    """One collector. Its methods block."""

    def __init__(self, table: TracesTable, instance: str) -> None:
        """`instance`: which roost tells, for `service.instance.id`. Nothing is connected yet."""
        for name in [name for name in os.environ if name.startswith("OTEL_")]:
            del os.environ[name]  # `[traces]` is the one place; what agents are given was taken before
        for logger in ("opentelemetry", "urllib3"):
            logging.getLogger(logger).setLevel(logging.CRITICAL)  # each failure is told once, by who asks
        self._resource = Resource(
            {
                "service.name": "roost",
                "service.version": roost.__version__,
                "service.instance.id": instance,
                "host.name": socket.gethostname(),
            }
        )
        self._scope = InstrumentationScope("roost", roost.__version__)
        session = _Session()
        session.trust_env = False  # no proxy of this environment, no password file of this user
        self._session = session
        self._exporter = OTLPSpanExporter(
            endpoint=table.endpoint,
            headers=dict(table.headers),
            certificate_file=table.certificate,
            timeout=TIMEOUT,
            compression=Compression.Gzip,
            session=session,
        )

    def tell(self, spans: Iterable[Span]) -> tuple[Answer, str]:
        """Export them; what became of them, and why, in words for a person."""
        seen = self._session
        seen.status, seen.failure = 0, ""
        result = self._exporter.export([self._made(span) for span in spans])
        if result is SpanExportResult.SUCCESS:
            return Answer.TAKEN, ""
        why = f"it answers {seen.status}" if seen.status else seen.failure or "it does not answer"
        return Answer.NEVER if seen.status in _REFUSED else Answer.LATER, why

    def _made(self, span: Span) -> ReadableSpan:
        outcome = {"roost.outcome": span.outcome} if span.outcome is not None else {}
        error = {"error.type": span.outcome} if span.failed and span.outcome is not None else {}
        parent = _context(TraceContext(span.context.trace, span.parent)) if span.parent is not None else None
        return ReadableSpan(
            span.name,
            context=_context(span.context),
            parent=parent,
            resource=self._resource,
            attributes={**span.attributes, **outcome, **error},
            events=[Event(name, timestamp=_nanoseconds(at)) for name, at in span.events],
            links=[Link(_context(link)) for link in span.links],
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR) if span.failed else Status(StatusCode.UNSET),
            start_time=_nanoseconds(span.start),
            end_time=_nanoseconds(span.end if span.end is not None else span.start),
            instrumentation_scope=self._scope,
        )


class _NotTakenError(requests.RequestException):
    """The batch was not taken. The exporter would try again by itself after other errors: only we do."""


class _Session(requests.Session):
    """Remembers what came of a request, which the exporter keeps to itself (and takes 3xx for a success)."""

    failure = ""
    status = 0

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401 -- passed on
        try:
            response = super().request(*args, **kwargs)
        except (OSError, ValueError) as error:  # what requests raises, and what it does not catch
            self.failure = _reason(error)
            raise _NotTakenError from error
        self.status = response.status_code
        if self.status not in _TAKEN:
            raise _NotTakenError
        return response


def _reason(error: OSError | ValueError) -> str:
    """In words, without what a header holds, which may be secret."""
    if isinstance(error, requests.Timeout):
        return f"it has not answered within {TIMEOUT:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not valid here"
    if isinstance(error, requests.ConnectionError):
        return "it cannot be reached"
    if isinstance(error, UnicodeError):
        return "`headers` of [traces] has a letter that no header can hold (it is not in Latin-1)"
    if isinstance(error, ValueError | requests.RequestException):
        return f"it cannot be asked ({type(error).__name__})"
    return str(error)  # the file of `certificate` is missing


def _context(context: TraceContext) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT)
    return SpanContext(int(context.trace, 16), int(context.span, 16), is_remote=False, trace_flags=flags)


def _nanoseconds(at: float) -> int:
    """Whole microseconds: what a float of Unix seconds holds."""
    return round(at * 1_000_000) * 1000
