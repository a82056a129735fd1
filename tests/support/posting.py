"""HTTP requests to the daemon's loopback address, as agents' programs make them."""

import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:  # a program that a test starts has no need of it
    from tests.support.daemon import Roost

PATIENCE = 30.0
LISTING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
"""A call over MCP that every client makes first."""


def post(roost: "Roost", path: str, body: object = None, **headers: str) -> tuple[int, str]:
    """One HTTP request to the daemon; header names with underscores for dashes."""
    return post_to(roost.call("status")["url"], path, body, **headers)


def post_to(url: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
    """The same to a daemon of which the address is known."""
    place = urlsplit(url)
    assert place.hostname == "127.0.0.1"
    connection = http.client.HTTPConnection(place.hostname, place.port or 0, timeout=PATIENCE)
    try:
        connection.request(
            "POST",
            path,
            json.dumps(body or {}),
            {
                "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()
