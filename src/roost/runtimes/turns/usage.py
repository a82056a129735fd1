"""How many tokens the model of a conversation was given and wrote, as its program's record tells it."""

from typing import Any

from msgspec import Struct

from roost.runtimes.turns.entry import block


class Usage(Struct, frozen=True):
    """Tokens. `given` counts all that the model read, `cached` those of them that it still had."""

    given: int = 0
    cached: int = 0
    written: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.given + other.given, self.cached + other.cached, self.written + other.written)


class UsageCount:
    """Adds up what a record tells. `total` is None where it tells nothing."""

    def __init__(self) -> None:
        """Nothing was told."""
        self._before: Usage | None = None
        self._latest = Usage()
        self._key: str | None = None

    @property
    def total(self) -> Usage | None:
        """All of it."""
        return self._before + self._latest if self._before is not None else None

    def answer(self, key: str, usage: Usage) -> None:
        """What one answer of the model took; told again under the same key, the latest word counts."""
        if key != self._key:
            self._begin()
        self._key, self._latest = key, usage

    def so_far(self, usage: Usage) -> None:
        """What all answers took since the program began to count; less than before: it began anew."""
        if (usage.given, usage.written) < (self._latest.given, self._latest.written):
            self._begin()
        self._before = self._before or Usage()
        self._latest = usage

    def _begin(self) -> None:
        self._before = (self._before or Usage()) + self._latest
        self._latest = Usage()


def of_claude(usage: dict[str, Any]) -> Usage:
    """The `usage` of a message of Anthropic's API: what came from the cache is not in `input_tokens`."""
    cached, kept = _number(usage, "cache_read_input_tokens"), _number(usage, "cache_creation_input_tokens")
    return Usage(_number(usage, "input_tokens") + cached + kept, cached, _number(usage, "output_tokens"))


def of_codex(usage: dict[str, Any]) -> Usage:
    """A `total_token_usage` of Codex (0.171.0): `input_tokens` holds those of the cache."""
    return Usage(
        _number(usage, "input_tokens"), _number(usage, "cached_input_tokens"), _number(usage, "output_tokens")
    )


def of_gemini(tokens: dict[str, Any]) -> Usage:
    """The `tokens` of a message of Gemini CLI (0.61.0): `input` holds those of the cache."""
    written = _number(tokens, "output") + _number(tokens, "thoughts")
    return Usage(_number(tokens, "input"), _number(tokens, "cached"), written)


def of_opencode(tokens: dict[str, Any]) -> Usage:
    """The `tokens` of a message of OpenCode (1.18.33): `input` holds none of those of the cache."""
    cache = block(tokens.get("cache"))
    given = _number(tokens, "input") + _number(cache, "read") + _number(cache, "write")
    return Usage(given, _number(cache, "read"), _number(tokens, "output") + _number(tokens, "reasoning"))


def _number(found: dict[str, Any], name: str) -> int:
    value = found.get(name)
    return int(value) if isinstance(value, int | float) and value > 0 else 0
