"""A notification to a web address: one POST, signed as Standard Webhooks 1.0 says.

A small client of its own: the answer is a status line and headers, within one bound of time, whatever the
other side does. Redirects are not followed, the body of the answer is not read.
"""

import asyncio
import hashlib
import hmac
import socket
import ssl
import stat
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import roost
from roost.daemon.notify.failure import NotDeliveredError
from roost.daemon.state.machine import Machine
from roost.local.notify import NotifyRule, parse_secret

_HEAD = 32 * 1024
"""Bytes of an answer's status line and headers."""
_LINES = 200
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_GONE = 410


def signature(key: bytes, ident: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: HMAC-SHA256 of `id.timestamp.body` in base64, behind `v1,`."""
    signed = f"{ident}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


async def post(machine: Machine, rule: NotifyRule, ident: str, body: bytes) -> None:
    """Send it, and return when the receiver has taken it. Raises NotDeliveredError."""
    key = rule.secret or await _key(machine, rule.secret_file)
    timestamp = int(machine.clock.now())
    headers = {
        "content-type": "application/json",
        "user-agent": f"roost/{roost.__version__}",
        "webhook-id": ident,
        "webhook-timestamp": str(timestamp),
    }
    if key:
        headers["webhook-signature"] = signature(key, ident, timestamp, body)
    try:
        async with asyncio.timeout(rule.timeout):
            status, answered = await _exchange(machine, urlsplit(rule.webhook), headers, body)
    except TimeoutError:
        raise NotDeliveredError(f"no answer within {rule.timeout:g} s") from None
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        raise NotDeliveredError(_words(error)) from error
    _judge(status, answered)


def _judge(status: int, headers: Mapping[str, str]) -> None:
    if 200 <= status < 300:  # noqa: PLR2004 -- the class of success
        return
    if 300 <= status < 400:  # noqa: PLR2004 -- the class of redirects
        raise NotDeliveredError(f"it redirects ({status}), which is not followed: name its last address")
    later = headers.get("retry-after", "")
    seconds = float(later) if later.isascii() and later.isdigit() and len(later) < 8 else 0.0  # noqa: PLR2004
    raise NotDeliveredError(f"it answered {status}", later=seconds, final=status == _GONE)


def _words(error: Exception) -> str:
    """What went wrong, without the address: that of a webhook is often its secret."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with it: {error.reason or 'it failed'}"
    if isinstance(error, socket.gaierror):
        return "the name of its host cannot be resolved"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, asyncio.IncompleteReadError | ConnectionError):
        return "it closed the connection without an answer"
    if isinstance(error, OSError):
        return error.strerror or "it cannot be reached"
    return "its answer is not HTTP"


async def _exchange(
    machine: Machine, place: SplitResult, headers: Mapping[str, str], body: bytes
) -> tuple[int, dict[str, str]]:
    """The status and the headers of the answer."""
    secure = place.scheme == "https"
    context = (
        await machine.work.launches.run(_context, machine.environ.get("SSL_CERT_FILE")) if secure else None
    )
    host, port = place.hostname or "", place.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=_HEAD)
    try:
        target = (place.path or "/") + (f"?{place.query}" if place.query else "")
        lines = [f"POST {target} HTTP/1.1", f"host: {place.netloc}", "connection: close", "accept: */*"]
        lines += [f"content-length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        status = 100
        answered: dict[str, str] = {}
        while status < 200:  # noqa: PLR2004 -- those before are about an answer that is yet to come
            status, answered = await _head(reader)
        return status, answered
    finally:
        writer.transport.abort()


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Raises ValueError for what is not HTTP."""
    version, _, rest = (await reader.readuntil(b"\n")).decode("latin-1").partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit()):
        raise ValueError(version)
    headers: dict[str, str] = {}
    for _ in range(_LINES):
        line = (await reader.readuntil(b"\n")).decode("latin-1").strip()
        if not line:
            return int(code), headers
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    raise ValueError(version)


def _context(more: str | None) -> ssl.SSLContext:
    """Blocking: what is trusted here."""
    context = ssl.create_default_context()
    if more:
        context.load_verify_locations(cafile=more)
    return context


async def _key(machine: Machine, path: Path | None) -> bytes:
    """The key in a file, read anew each time: it can be replaced at any time."""
    if path is None:
        return b""
    try:
        return await machine.work.files.run(_read_key, path)
    except OSError as error:
        raise NotDeliveredError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise NotDeliveredError(f"{path}: {error}") from error


def _read_key(path: Path) -> bytes:
    with path.open("rb") as file:
        if stat.S_IMODE(path.stat().st_mode) & _OTHERS:
            raise ValueError("others can read this secret; chmod 600 it")
        return parse_secret(file.read(4096).decode())
