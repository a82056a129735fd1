"""Requests that are nearly right: what a fuzz of the daemon's doors sends, drawn from a seed."""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from tests.support.nasty import PIECES

NAMES = (
    "me",
    "box",
    "third",
    "nobody",
    "operator",
    "",
    "a b",
    "x" * 300,
    "../me",
    "#(touch never)",
    "\udcff",
    "é",
)
FIELDS: Mapping[str, tuple[str, ...]] = {
    "status": (),
    "add": ("name", "settings"),
    "set": ("name", "pairs"),
    "list": (),
    "show": ("name",),
    "send": (
        "to",
        "body",
        "from",
        "topic",
        "reply_to",
        "attach",
        "ttl",
        "when",
        "key",
        "wait",
        "timeout",
        "traceparent",
        "quote",
        "reply_within",
    ),
    "send_many": (
        "to",
        "body",
        "from",
        "topic",
        "reply_to",
        "attach",
        "ttl",
        "when",
        "key",
        "wait",
        "yes",
        "thread",
    ),
    "thread": ("thread", "limit"),
    "leave_thread": ("thread", "name"),
    "messages": ("name", "state", "limit"),
    "message": ("id", "body", "trace"),
    "resend": ("id",),
    "drop": ("id",),
    "inbox": ("name", "ack"),
    "listen": ("name", "from", "topic", "reply_to", "limit", "timeout"),
    "mcp": ("request", "name", "protocol"),
    "watch": ("name", "kind", "topic", "file", "watcher", "once", "ttl"),
    "unwatch": ("id",),
    "watches": (),
    "wake": ("name", "mode"),
    "restart": ("name",),
    "stop": ("name",),
    "start": ("name",),
    "refresh": ("name",),
    "interrupt": ("name",),
    "compact": ("name",),
    "rename": ("old", "new", "force"),
    "move": ("name", "host", "dir", "force"),
    "remove": ("name", "force"),
    "attach": ("name",),
    "screen": ("name",),
    "logs": ("name",),
    "events": ("after", "before", "peer", "limit"),
    "deaths": ("name",),
    "transcript": ("name", "first", "last", "topic", "whole"),
    "usage": (),
    "search": ("text", "in", "peer", "to", "from", "state", "topic", "since", "limit"),
    "done": ("summary",),
    "fresh": (),
    "join": ("name", "adopt"),
    "leave": (),
    "hooks": (),
    "hooks_add": ("program",),
    "hooks_remove": ("program",),
    "doctor": (),
    "notify_rules": (),
    "notify_test": ("rule",),
    "fleet": (),
    "fleet_token": ("ttl", "uses"),
    "fleet_revoke": ("host",),
    "gc": ("end",),
    "adopt": ("session", "store"),
    "no such method": ("name",),
    "": (),
}
"""What each method takes, but for what never ends by itself (`follow`) or ends others (`down`, `all`)."""
_SLOW = frozenset({"doctor"})
TOOLS: Mapping[str, tuple[str, ...]] = {
    "send_message": (
        "to",
        "body",
        "topic",
        "thread",
        "reply_to",
        "attachments",
        "key",
        "quote",
        "reply_within",
    ),
    "list_peers": (),
    "read_inbox": ("since",),
    "watch": ("peer", "what", "topic", "file", "once", "seconds"),
    "unwatch": ("id",),
    "no_such_tool": ("x",),
    "": (),
}
HOOKS = (
    "Stop",
    "UserPromptSubmit",
    "SessionStart",
    "PreToolUse",
    "Notification",
    "x" * 200,
    "%00",
    "..%2f..",
    "é",
)


class Cases:
    """An endless row of requests. Each is legal for its door, or broken in one or several places."""

    def __init__(self, random: Random) -> None:
        """Draw everything from here."""
        self.random = random
        self._known: dict[str, Callable[[], Any]] = {
            "name": self._name,
            "to": self._name,
            "old": self._name,
            "new": self._name,
            "peer": self._name,
            "from": self._name,
            "limit": lambda: self.random.choice([0, 1, 5, -1, 2**63 - 1, 2**63, 10**30, 1.5]),
            "after": lambda: self.random.choice([0, 10, -1, 2**63 - 1, 2**64, "0"]),
            "timeout": lambda: self.random.choice([0, 0.001, -1, "1", True, []]),
            "ttl": lambda: self.random.choice([0, 0.001, 60, -1, 1e308, 10**400, "60"]),
            "wait": lambda: self.random.choice(["stored", "done", "replied", "never", "", 1]),
            "when": lambda: self.random.choice(["next", "now", "idle", "", 5]),
            "mode": lambda: self.random.choice(["natural", "fresh", "resume", "", 5]),
            "first": lambda: self.random.choice([1, 2, 0, -1, 2**63, "1", None]),
            "last": lambda: self.random.choice([1, 5, 0, -1, 2**70, "1", None]),
            "in": lambda: [self.random.choice(["messages", "events", "transcripts", "", 5])],
            "kind": lambda: self.random.choice(["ended", "idle", "blocked", "topic", "file", "", 5]),
            "watcher": self._name,
            "state": lambda: self.random.choice(["queued", "done", "read", "", 5]),
            "key": lambda: self.random.choice(["k", "k" * 500, "", "\n", 5]),
            "pairs": lambda: [[self._setting(), self._text()] for _ in range(self.random.randrange(4))],
            "settings": lambda: {"runtime": "human"} | {self._setting(): self._text() for _ in range(2)},
            "attach": lambda: [self.random.choice(["/nowhere", "/dev/zero", "/", "", "x" * 5000, 5])],
            "ack": lambda: self.random.choice([True, False, 1, "yes"]),
        }

    def line(self, number: int) -> bytes:
        """One line for the socket, with this number as its id where it has one; never a line break in it."""
        method = self.random.choice(tuple(FIELDS))
        if method in _SLOW and self.random.random() < 0.99:
            method = "list"
        params = {field: self._value(field) for field in FIELDS[method] if self.random.random() < 0.8}
        if "wait" in params:
            params.setdefault("timeout", 0.001)
        if self.random.random() < 0.1:
            params[self._text()[:20]] = self._any(3)
        request: Any = {"id": number, "method": method, "params": params}
        if self.random.random() < 0.1:
            request["token"] = self._text()
        return self._broken(self._encoded(request)).replace(b"\n", b" ")

    def call(self) -> bytes:
        """One body for the door of the tools."""
        tool = self.random.choice(tuple(TOOLS))
        arguments = {field: self._value(field) for field in TOOLS[tool] if self.random.random() < 0.8}
        if self.random.random() < 0.1:
            arguments[self._text()[:20]] = self._any(3)
        method = self.random.choice(
            ["tools/call"] * 6 + ["tools/list", "initialize", "ping", "prompts/list", "", "notifications/x"]
        )
        request: Any = {
            "jsonrpc": self.random.choice(["2.0"] * 9 + ["1.0", 2]),
            "id": self.random.choice([1, 1, 1, "x", None, 1.5, [], 2**70]),
            "method": method,
            "params": self.random.choice(
                [{"name": tool, "arguments": arguments}] * 8 + [self._any(3), {"name": tool}]
            ),
        }
        return self._broken(self._encoded(request))

    def hook(self) -> tuple[str, bytes]:
        """The name and the body of a hook."""
        body = {
            field: self._any(2)
            for field in ("session_id", "transcript_path", "prompt", "cwd", "hook_event_name", "tool_name")
            if self.random.random() < 0.7
        }
        return self.random.choice(HOOKS), self._broken(self._encoded(body))

    def _value(self, field: str) -> Any:  # noqa: ANN401 -- anything that JSON can say
        known = self._known.get(field, self._text)
        return known() if self.random.random() < 0.85 else self._any(3)

    def _name(self) -> str:
        return self.random.choice(NAMES)

    def _setting(self) -> str:
        return self.random.choice(
            ["idle", "quiet", "wake", "env.X", "description", "runtime", "nonsense", ""]
        )

    def _text(self) -> str:
        return (
            self.random.choice(PIECES)
            if self.random.random() < 0.7
            else "t" * self.random.choice([1, 99, 9999])
        )

    def _any(self, depth: int) -> Any:  # noqa: ANN401 -- anything that JSON can say
        drawn = self.random.randrange(9 if depth else 7)
        if drawn == 7:
            return [self._any(depth - 1) for _ in range(self.random.randrange(4))]
        if drawn == 8:
            return {self._text()[:30]: self._any(depth - 1) for _ in range(self.random.randrange(4))}
        number = self.random.choice([0, -1, 2**31, 2**63, -(2**63) - 1, 10**100])
        return [None, True, False, number, 1.5e308, self._text(), self._name()][drawn]

    @staticmethod
    def _encoded(request: Any) -> bytes:  # noqa: ANN401 -- anything that JSON can say
        return json.dumps(request, ensure_ascii=False).encode(errors="surrogatepass")

    def _broken(self, text: bytes) -> bytes:
        """Most texts as they are, some cut, doubled, nested without end, or with bytes changed."""
        drawn = self.random.randrange(40)
        if drawn == 0:
            return text[: self.random.randrange(len(text))]
        if drawn == 1:
            place = self.random.randrange(len(text))
            return text[:place] + self.random.randbytes(3) + text[place + 1 :]
        if drawn == 2:
            return text + text
        if drawn == 3:
            return b"[" * self.random.choice([1, 100, 5000]) + text
        if drawn == 4:
            return b'{"id":' + b'{"a":' * self.random.choice([10, 3000]) + b"1"
        if drawn == 5:
            return self.random.choice(
                [b"", b"null", b"0", b'""', b"{}", b"[]", b"\0", b"\xff\xfe", b"NaN", b"1e999"]
            )
        return text
