"""The rules of `[[notify]]`: what people are told of, and by which way."""

import binascii
import re
from base64 import b64decode
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

from msgspec import Struct

from roost.errors import ConfigError
from roost.local.checks import Checks

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_HEADER = re.compile(r"^\s*\[\[\s*notify\s*\]\]", re.MULTILINE)
_KEYS = frozenset(
    {
        *("name", "on", "peers", "body", "most", "per", "timeout"),
        *("command", "pass", "webhook", "secret", "secret_file", "desktop"),
    }
)
_TARGETS = ("command", "webhook", "desktop")
SECRET = "whsec_"  # noqa: S105 -- what a secret begins with
_SECRET_BYTES = range(24, 65)
MOST = 10
MOST_EVER = 100
PER = 60.0
TIMEOUT = 10.0
LONGEST = 120.0
DESKTOP = ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY")
"""Variables by which notify-send finds the desktop, beside XDG_RUNTIME_DIR."""


class Happening(StrEnum):
    """What a person can be told of."""

    ALARM = "alarm"
    BLOCKED = "blocked"
    DEAD_LETTER = "dead-letter"
    MAIL = "mail"
    QUARANTINED = "quarantined"
    QUESTION = "question"
    RESTARTED = "restarted"


class NotifyRule(Struct, frozen=True):
    """One rule; it has one of `command`, `webhook` and `desktop`.

    `peers`: names or patterns (`rev-*`) of those that it is about; empty: all. `body`: whether words of
    agents and people go along. At most `most` notifications go out in `per` seconds. `timeout`: the seconds
    that one may take. `passes`: more variables for its program.
    """

    name: str
    on: frozenset[Happening]
    peers: tuple[str, ...] = ()
    body: bool = False
    most: int = MOST
    per: float = PER
    timeout: float = TIMEOUT
    command: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    webhook: str = ""
    secret: bytes = b""
    secret_file: Path | None = None
    desktop: bool = False

    @property
    def target(self) -> str:
        """Where it leads, without what could be a secret: neither arguments nor the path of an address."""
        if self.desktop:
            return "desktop"
        if self.command:
            return f"command {self.command[0]}"
        place = urlsplit(self.webhook)
        return f"webhook {place.scheme}://{place.netloc}"


def parse_secret(text: str) -> bytes:
    """The key of a secret: `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks). Raises ValueError."""
    try:
        key = b64decode(text.strip().removeprefix(SECRET), validate=True)
    except binascii.Error as error:
        raise ValueError("it is not base64") from error
    if not text.strip().startswith(SECRET) or len(key) not in _SECRET_BYTES:
        raise ValueError("it must be whsec_ and 24 to 64 bytes in base64")
    return key


class NotifyReader(Checks):
    """Reads the rules, and tells what is wrong with one at its place."""

    _begins = 0

    def rules(self, data: dict[str, Any]) -> tuple[NotifyRule, ...]:
        """All of them, in their order. Raises ConfigError."""
        tables: object = data.get("notify", [])
        if not isinstance(tables, list) or not all(
            isinstance(each, dict) for each in cast("list[object]", tables)
        ):
            self._fail("notify", "each rule is a table of its own: [[notify]]")
        headers = [found.start() for found in _HEADER.finditer(self._text)]
        rules: list[NotifyRule] = []
        for number, table in enumerate(cast("list[dict[str, Any]]", tables)):
            self._begins = headers[number] if number < len(headers) else 0
            rule = self._rule(table)
            if rule.name in {other.name for other in rules}:
                self._fail("name", f"there are two rules of [[notify]] called '{rule.name}'")
            rules.append(rule)
        return tuple(rules)

    def _fail(self, word: str, what: str) -> NoReturn:
        """As for all of the file, but from the beginning of the rule on."""
        if not self._begins:
            super()._fail(word, what)
        place = self._text.find(word, self._begins)
        place = self._begins if place < 0 else place
        line = self._text.count("\n", 0, place) + 1
        column = place - self._text.rfind("\n", 0, place)
        raise ConfigError(f"{self._path}: {what} (at line {line}, column {column})")

    def _rule(self, table: dict[str, Any]) -> NotifyRule:
        self._known(table, _KEYS, "notify")
        name = self._text_of(table, "name") or ""
        if not _NAME.fullmatch(name):
            self._fail(
                "name" if "name" in table else "notify", f"a rule needs a name (a-z, 0-9, -): '{name}'"
            )
        targets = [key for key in _TARGETS if table.get(key)]
        if len(targets) != 1:
            which = ", ".join(_TARGETS)
            self._fail(
                targets[-1] if targets else "notify", f"rule '{name}' needs one of {which}, and only one"
            )
        most = self._count(table, "most", MOST)
        if most > MOST_EVER:
            self._fail("most", f"'most' can be {MOST_EVER} at most")
        timeout = self._duration(table, "timeout", TIMEOUT)
        if not 0 < timeout <= LONGEST:
            self._fail("timeout", f"'timeout' must be above 0 and at most {LONGEST:g}s")
        self._only(table, "webhook", "secret", "secret_file")
        self._only(table, "command", "pass")
        return NotifyRule(
            name,
            self._happenings(table),
            self._words(table, "peers"),
            self._yes(table, "body"),
            most,
            self._duration(table, "per", PER),
            timeout,
            self._words(table, "command"),
            (*self._passes(table), *(DESKTOP if table.get("desktop") else ())),
            self._address(table),
            self._secret(table),
            self._secret_file(table),
            self._yes(table, "desktop"),
        )

    def _only(self, table: dict[str, Any], target: str, *keys: str) -> None:
        for key in keys:
            if key in table and target not in table:
                self._fail(key, f"'{key}' goes with '{target}' only")

    def _happenings(self, table: dict[str, Any]) -> frozenset[Happening]:
        words = self._words(table, "on")
        if not words:
            self._fail("on" if "on" in table else "notify", f"'on' takes some of {', '.join(Happening)}")
        for word in words:
            if word not in tuple(Happening):
                self._fail(f'"{word}"', f"'on' takes {', '.join(Happening)}, not '{word}'")
        return frozenset(Happening(word) for word in words)

    def _address(self, table: dict[str, Any]) -> str:
        address = self._text_of(table, "webhook") or ""
        if not address:
            return ""
        try:
            place = urlsplit(address)
            well = place.scheme in ("http", "https") and bool(place.hostname) and place.port != 0
        except ValueError:
            well = False
        else:
            well = well and place.username is None and not place.fragment
        if not well or not address.isascii() or not address.isprintable() or " " in address:
            self._fail("webhook", "'webhook' takes an address like https://host/path, without a password")
        return address

    def _secret(self, table: dict[str, Any]) -> bytes:
        text = self._text_of(table, "secret")
        if text is None:
            return b""
        if "secret_file" in table:
            self._fail("secret_file", "a rule has 'secret' or 'secret_file', not both")
        try:
            return parse_secret(text)
        except ValueError as error:
            self._fail("secret", f"'secret' cannot be used: {error}")

    def _secret_file(self, table: dict[str, Any]) -> Path | None:
        text = self._text_of(table, "secret_file")
        if text is None:
            return None
        path = Path(text).expanduser()
        if not path.is_absolute():
            self._fail("secret_file", "'secret_file' must be an absolute path")
        return path
