"""Settings as an operator writes them: `idle=10m`, `wake=ephemeral`, `env.KEY=value`."""

import re
import shlex
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from msgspec.structs import fields, replace

from roost.core.vocabulary.durations import format_duration, parse_duration
from roost.core.vocabulary.identity import HUMAN
from roost.core.vocabulary.peer import AwayPolicy, ResumePolicy, Settings, WakePolicy
from roost.errors import InvalidSettingError

_DURATIONS = frozenset({"idle", "quiet", "silence", "work_limit", "restart_window"})
_COUNTS = {
    "queue_limit": (1, 100_000),
    "sender_limit": (1, 100_000),
    "restarts": (1, 1000),
    "chain_limit": (0, 100_000),
    "pool": (0, 32),
}
_DIGITS = 9
"""Of a number: Python refuses to read one of thousands of them."""
_CHOICES: dict[str, type[StrEnum]] = {"wake": WakePolicy, "resume": ResumePolicy, "away": AwayPolicy}
_TEXTS = frozenset({"dir", "runtime", "description", "prompt", "server", "thread"})
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
KEYS = tuple(field.name for field in fields(Settings) if field.name != "env")
"""All settings but `env`, which is written `env.NAME`."""


def apply_settings(settings: Settings, pairs: Iterable[tuple[str, str]]) -> Settings:
    """The settings with each `key, value` applied in order.

    An empty value of `env.NAME` removes the variable. Raises InvalidSettingError for an unknown key, a value
    of the wrong shape, or settings that contradict each other.
    """
    for key, value in pairs:
        if key.startswith("env."):
            settings = _with_env(settings, key[4:], value)
        else:
            settings = replace(settings, **{key: _parse(key, value)})
    check_settings(settings)
    return settings


def check_settings(settings: Settings) -> None:
    """Raise InvalidSettingError when settings contradict each other (P4)."""
    if settings.wake is WakePolicy.EPHEMERAL and settings.resume is ResumePolicy.ALWAYS:
        raise InvalidSettingError(
            "wake=ephemeral starts every task fresh and resume=always never does; choose one of the two"
        )
    if settings.pool and settings.runtime == HUMAN:
        raise InvalidSettingError("a mailbox (runtime human) has no sessions to keep in a pool; use pool=0")
    if settings.wake is WakePolicy.NEVER and (
        settings.pool or settings.threaded or settings.runtime == HUMAN
    ):
        raise InvalidSettingError(
            "wake=never is for one program that a person runs with `roost run`;"
            " a pool, a server's thread and a mailbox are not for it"
        )
    if settings.threaded and (settings.pool or settings.wake is WakePolicy.EPHEMERAL):
        raise InvalidSettingError(
            "a thread of a server is one conversation that goes on; pool and wake=ephemeral are not for it"
        )
    if settings.thread and not settings.threaded:
        raise InvalidSettingError("'thread' names a thread of a server; give its address as 'server'")


def _with_env(settings: Settings, name: str, value: str) -> Settings:
    if not _ENV_NAME.fullmatch(name):
        raise InvalidSettingError(f"'{name}' is not a name of an environment variable")
    if name.startswith("ROOST_") and name != "ROOST_DEMO_LOG":
        raise InvalidSettingError(f"'{name}' is set by roost itself and cannot be chosen")
    if "\0" in value:
        raise InvalidSettingError(f"the value of 'env.{name}' holds a NUL character")
    rest = tuple(pair for pair in settings.env if pair[0] != name)
    return replace(settings, env=(*rest, (name, value)) if value else rest)


def _parse(key: str, value: str) -> Any:  # noqa: ANN401 -- each field has its own type
    if "\0" in value:
        raise InvalidSettingError(f"the value of '{key}' holds a NUL character")
    if key in _TEXTS:
        return value
    if key in _DURATIONS:
        return _positive(key, value)
    if key in _COUNTS:
        least, most = _COUNTS[key]
        sound = value.isascii() and value.isdigit() and len(value) <= _DIGITS
        if not sound or not least <= int(value) <= most:
            raise InvalidSettingError(f"'{key}' takes a whole number from {least} to {most}, not '{value}'")
        return int(value)
    if key in _CHOICES:
        known = [str(choice) for choice in _CHOICES[key]]
        if value not in known:
            raise InvalidSettingError(f"'{key}' is one of {', '.join(known)}, not '{value}'")
        return _CHOICES[key](value)
    if key == "args":
        try:
            return tuple(shlex.split(value))
        except ValueError as error:
            raise InvalidSettingError(f"'args' has an unclosed quotation: {value}") from error
    raise InvalidSettingError(f"unknown setting '{key}'; known are {', '.join(KEYS)} and env.NAME")


def _positive(key: str, value: str) -> float:
    seconds = round(parse_duration(value), 3)
    if seconds <= 0:
        raise InvalidSettingError(f"'{key}' must be at least 1ms, not '{value}'")
    return seconds


def show_settings(settings: Settings, *, reveal: bool = False) -> dict[str, str]:
    """Settings as `set` would take them back; values of the environment are hidden unless `reveal`."""
    shown: dict[str, str] = {}
    for key in KEYS:
        value = getattr(settings, key)
        if key in _DURATIONS:
            shown[key] = format_duration(value)
        elif key == "args":
            shown[key] = shlex.join(value)
        else:
            shown[key] = str(value)
    for name, value in settings.env:
        shown[f"env.{name}"] = value if reveal else "(set)"
    return shown
