"""`config.toml`: bounds of the host and runtimes of other programs. Strict: an unknown key is an error."""

import re
import shlex
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from msgspec import Struct, field

from roost.core.sessions.evidence import Patience
from roost.core.vocabulary.identity import REMOTE
from roost.core.vocabulary.limits import POINTER_BYTES
from roost.core.vocabulary.question import AllowRule
from roost.errors import ConfigError
from roost.local.checks import Checks
from roost.local.grants import Grants, read_grants
from roost.local.groups import read_groups
from roost.local.notify import NotifyReader, NotifyRule
from roost.local.traces import TracesTable, read_traces

_RUNTIME_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
RESERVED = frozenset({"claude", "codex", "codex-thread", "demo", "demo-acp", "gemini", "human", "opencode"})
"""Runtimes that are built in."""
_PATTERNS = ("ready", "busy", "blocked", "turn_done")
_RUNTIME_KEYS = frozenset(
    {
        "argv",
        "resume_argv",
        "accept_log",
        "submit_delay",
        "env",
        "interrupt",
        "compact",
        "ready_is_empty",
        "longest_paste",
        "pass",
        *_PATTERNS,
    }
)
_ACP_KEYS = frozenset({"acp", "env", "meta", "pass"})


_SUBMIT_DELAY = 0.05
_LOG_SIZE = 5 * 1024 * 1024
_LOG_FILES = 5
_POOL_HOST = 16
_POOL_SENDER = 4
_DAY = 86400.0
_KEEP_MESSAGES = 90 * _DAY
_KEEP_EVENTS = 30 * _DAY


class RuntimeTable(Struct, frozen=True):
    """One `[runtimes.NAME]` table, checked. `submit_delay` is in seconds, `interrupt` names keys of tmux.

    `ready_is_empty`: `ready` never matches while a text stands in the input line. `passes`: variables that
    its program needs, by name or as `PREFIX_*`. `longest_paste`: bytes of a body above which it becomes a
    file that the agent is told to read.
    """

    name: str
    argv: tuple[str, ...]
    ready: str
    resume_argv: tuple[str, ...] | None = None
    busy: str | None = None
    blocked: str | None = None
    accept_log: str | None = None
    turn_done: str | None = None
    submit_delay: float = _SUBMIT_DELAY
    interrupt: str = "Escape"
    compact: str | None = None
    ready_is_empty: bool = False
    longest_paste: int = POINTER_BYTES
    passes: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def program(self) -> str:
        """What is started."""
        return self.argv[0]


class AcpTable(Struct, frozen=True):
    """One `[runtimes.NAME]` table of a program that speaks ACP on its standard input and output.

    `passes`: as above. `meta` is passed on as `_meta` of the session that is opened: some agents are
    configured by it.
    """

    name: str
    acp: tuple[str, ...]
    passes: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    meta: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def program(self) -> str:
        """What is started."""
        return self.acp[0]


AnyTable = RuntimeTable | AcpTable


class ScopeMode(StrEnum):
    """Whether sessions get systemd scopes of their own: where they can be had, or never."""

    AUTO = "auto"
    NEVER = "never"


class Config(Struct, frozen=True):
    """The whole file. Sizes are bytes.

    `sender`: the mailbox that the person at the command line writes and reads as (None: the operator's).
    `pool_host` pooled sessions there are at most on this host, `pool_sender` of them for any one sender.
    `passes`: more variables that agents are given, by name or as `PREFIX_*`.
    `keep_messages` and `keep_events`: for how long what has ended is kept (seconds).
    `expire`: seconds until a question that nobody has answered is denied (None: never). `allow`: what is
    allowed without being asked. `notify`: whom to tell of what. `groups`: names of peers by the name of their
    group. `fleet`: what other hosts may do here.
    """

    log_size: int = _LOG_SIZE
    log_files: int = _LOG_FILES
    scope: ScopeMode = ScopeMode.AUTO
    patience: Patience = field(default_factory=Patience)
    pool_host: int = _POOL_HOST
    pool_sender: int = _POOL_SENDER
    keep_messages: float = _KEEP_MESSAGES
    keep_events: float = _KEEP_EVENTS
    sender: str | None = None
    runtimes: tuple[AnyTable, ...] = ()
    passes: tuple[str, ...] = ()
    expire: float | None = None
    allow: tuple[AllowRule, ...] = ()
    traces: TracesTable | None = None
    notify: tuple[NotifyRule, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    fleet: Grants = field(default_factory=Grants)

    @property
    def notify_passes(self) -> tuple[str, ...]:
        """Variables that the programs of rules need, by name or as `PREFIX_*`."""
        return tuple(name for rule in self.notify for name in rule.passes)


def load_config(path: Path) -> Config:
    """Read and check the file; a missing one means the defaults. Raises ConfigError with line and column."""
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; make it readable") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:  # of what is nested some 300 levels deep
        raise ConfigError(f"{path}: {error}; mend the file or move it away") from error
    return _Reader(path, text).config(data)


def load_table(path: Path) -> tuple[AnyTable, dict[str, str]]:
    """Read a file with one `[runtimes.NAME]` table and an `[about]` table of texts. Raises ConfigError."""
    text = path.read_text("utf-8")
    data = tomllib.loads(text)
    about: dict[str, str] = data.pop("about")
    [table] = _Reader(path, text).config(data).runtimes
    return table, about


class _Reader(Checks):
    """Turns the parsed file into a Config, naming the place of what is wrong."""

    def config(self, data: dict[str, Any]) -> Config:
        self._known(
            data,
            {
                *(
                    "fleet",
                    "from",
                    "groups",
                    "keep",
                    "logs",
                    "notify",
                    "pass",
                    "pool",
                    "questions",
                    "registry",
                ),
                *("runtimes", "scope", "traces"),
            },
            "",
        )
        logs, pool = self._table(data, "logs"), self._table(data, "pool")
        self._known(logs, {"size", "files"}, "logs")
        self._known(pool, {"host", "sender"}, "pool")
        keep = self._table(data, "keep")
        self._known(keep, {"messages", "events"}, "keep")
        registry = self._table(data, "registry")
        self._known(registry, {"grace", "ttl"}, "registry")
        asked = self._table(data, "questions")
        self._known(asked, {"expire", "allow"}, "questions")
        runtimes = self._table(data, "runtimes")
        return Config(
            self._count(logs, "size", _LOG_SIZE),
            self._count(logs, "files", _LOG_FILES),
            self._scope(data),
            Patience(
                self._duration(registry, "grace", Patience().grace),
                self._duration(registry, "ttl", Patience().ttl),
            ),
            self._count(pool, "host", _POOL_HOST),
            self._count(pool, "sender", _POOL_SENDER),
            self._duration(keep, "messages", _KEEP_MESSAGES),
            self._duration(keep, "events", _KEEP_EVENTS),
            self._text_of(data, "from"),
            tuple(self._runtime(name, runtimes) for name in runtimes),
            self._passes(data),
            self._duration(asked, "expire", 0.0) or None,
            self._allow(asked),
            read_traces(self._table(data, "traces"), self._fail),
            NotifyReader(self._path, self._text).rules(data),
            read_groups(self._table(data, "groups"), self._fail),
            read_grants(self._table(data, "fleet"), self._fail),
        )

    def _allow(self, asked: dict[str, Any]) -> tuple[AllowRule, ...]:
        rules: object = asked.get("allow", [])
        if not isinstance(rules, list) or not all(
            isinstance(rule, dict) for rule in cast("list[object]", rules)
        ):
            self._fail("allow", "each rule is a table of its own: [[questions.allow]]")
        tables = cast("list[dict[str, Any]]", rules)
        return tuple(self._rule(number, table) for number, table in enumerate(tables, 1))

    def _rule(self, number: int, table: dict[str, Any]) -> AllowRule:
        self._known(table, {"tool", "command", "peer"}, "questions.allow")
        tool, command = self._text_of(table, "tool") or "", self._text_of(table, "command") or ""
        try:
            words = tuple(shlex.split(command))
        except ValueError:
            self._fail(command, f"'{command}' is no command: a quote is open")
        if not tool and not words:
            self._fail(
                "allow", "a rule of [[questions.allow]] needs a tool or a command: it would allow everything"
            )
        return AllowRule(number, tool, words, self._text_of(table, "peer") or "")

    def _scope(self, data: dict[str, Any]) -> ScopeMode:
        try:
            return ScopeMode(data.get("scope", ScopeMode.AUTO))
        except ValueError:
            self._fail("scope", f"'scope' must be one of {', '.join(ScopeMode)}")

    def _runtime(self, name: str, tables: dict[str, Any]) -> AnyTable:
        if not _RUNTIME_NAME.fullmatch(name) or name in RESERVED | {REMOTE}:
            self._fail(name, f"'{name}' cannot be the name of a runtime")
        table = self._table(tables, name)
        if "acp" in table:
            return self._acp(name, table)
        self._known(table, _RUNTIME_KEYS, f"runtimes.{name}")
        argv = self._words(table, "argv")
        ready = self._text_of(table, "ready")
        if not argv or ready is None:
            self._fail(name, f"[runtimes.{name}] needs argv and ready")
        for key in _PATTERNS:
            self._pattern(table, key)
        self._path_pattern(table, "accept_log")
        seconds = self._duration(table, "submit_delay", _SUBMIT_DELAY)
        return RuntimeTable(
            name=name,
            argv=argv,
            ready=ready,
            resume_argv=self._words(table, "resume_argv") or None,
            busy=self._text_of(table, "busy"),
            blocked=self._text_of(table, "blocked"),
            accept_log=self._text_of(table, "accept_log"),
            turn_done=self._text_of(table, "turn_done"),
            submit_delay=seconds,
            interrupt=self._text_of(table, "interrupt") or "Escape",
            compact=self._text_of(table, "compact") or None,
            ready_is_empty=self._yes(table, "ready_is_empty"),
            longest_paste=self._count(table, "longest_paste", POINTER_BYTES),
            passes=self._passes(table),
            env={key: str(value) for key, value in self._table(table, "env").items()},
        )

    def _acp(self, name: str, table: dict[str, Any]) -> AcpTable:
        self._known(table, _ACP_KEYS, f"runtimes.{name}")
        argv = self._words(table, "acp")
        if not argv:
            self._fail(name, f"[runtimes.{name}] needs a program in acp")
        env = {key: str(value) for key, value in self._table(table, "env").items()}
        return AcpTable(name, argv, self._passes(table), env, self._table(table, "meta"))
