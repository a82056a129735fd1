"""Bodies of requests, with a bound."""

from starlette.requests import Request

BODY = 8 * 1024 * 1024
"""The largest request body, in bytes."""


async def bounded_body(request: Request) -> bytes | None:
    """The request's body; None as soon as it is longer than it may be."""
    if int(request.headers.get("content-length") or 0) > BODY:
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > BODY:
            return None
        parts.append(part)
    return b"".join(parts)
