"""The address of a Codex app-server, of the forms that its `--listen` takes (0.171.0)."""

import ipaddress
from urllib.parse import urlsplit

from msgspec import Struct

from roost.errors import InvalidSettingError

FORMS = "unix:/PATH/OF/A/SOCKET or ws://127.0.0.1:PORT"


class Address(Struct, frozen=True):
    """Where a server listens: the socket `path`, or a loopback `url`. `text`: as it was given."""

    text: str
    path: str | None
    url: str

    @property
    def remote(self) -> str:
        """What `codex --remote` takes."""
        return f"unix://{self.path}" if self.path is not None else self.url


def read_address(text: str) -> Address:
    """Take an address apart. Raises InvalidSettingError."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        path = "/" + path.lstrip("/") if path.startswith("//") else path
        if not path.startswith("/") or path == "/":
            raise InvalidSettingError(f"'{text}' names no socket by its absolute path; a server is {FORMS}")
        return Address(text, path, "ws://localhost/")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme != "ws" or port is None or parts.path not in ("", "/"):
        raise InvalidSettingError(f"'{text}' is no address of a server; one is {FORMS}")
    if not _is_loopback(host):
        raise InvalidSettingError(f"'{text}' is not on this machine; a server is {FORMS}")
    return Address(text, None, f"ws://{parts.netloc}/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
