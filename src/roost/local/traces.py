"""`[traces]` of `config.toml`: where the traces of messages are exported to."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

from msgspec import Struct, field

_PATH = "/v1/traces"
"""Of OTLP over HTTP, where an address is of the collector as a whole."""


class TracesTable(Struct, frozen=True):
    """The table, checked. `certificate`: the file of an authority that signs the collector's."""

    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    certificate: str | None = None


def read_traces(table: Mapping[str, Any], fail: Callable[[str, str], NoReturn]) -> TracesTable | None:
    """The table; None when there is none. `fail` is told the word that is wrong, and why."""
    for key in table:
        if key not in {"endpoint", "headers", "certificate"}:
            fail(key, f"unknown key '{key}' in [traces]; known are certificate, endpoint, headers")
    if not table:
        return None
    headers: object = table.get("headers", {})
    if not isinstance(headers, dict) or not all(
        isinstance(value, str) and value.isprintable()
        for value in cast("dict[str, object]", headers).values()
    ):
        fail("headers", "'headers' of [traces] is a table of texts")
    certificate: object = table.get("certificate")
    if certificate is not None and not isinstance(certificate, str):
        fail("certificate", "'certificate' must be a text")
    return TracesTable(_endpoint(table.get("endpoint"), fail), cast("dict[str, str]", headers), certificate)


def _endpoint(address: object, fail: Callable[[str, str], NoReturn]) -> str:
    if not isinstance(address, str):
        fail("traces", "[traces] needs an endpoint, such as 'http://127.0.0.1:4318'")
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        fail("endpoint", f"'{address}' is no address; write it like 'http://127.0.0.1:4318'")
    if not usable or parts.query or parts.fragment:
        fail("endpoint", f"'{address}' is no address of a collector; write it like 'http://127.0.0.1:4318'")
    if parts.username is not None or parts.password is not None:
        fail("endpoint", "'endpoint' of [traces] holds a password; put it into [traces.headers]")
    return parts.geturl() if parts.path.strip("/") else f"{address.rstrip('/')}{_PATH}"
