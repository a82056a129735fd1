"""Values of a TOML file, each checked as it is taken; what is wrong is told with its line and column."""

import re
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, NoReturn, cast

from roost.core.vocabulary.durations import parse_duration
from roost.errors import ConfigError, InvalidSettingError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?")


class Checks:
    """Takes values out of the tables of one file. Raises ConfigError, which names the place."""

    def __init__(self, path: Path, text: str) -> None:
        """`text`: what stands in the file."""
        self._path = path
        self._text = text

    def _fail(self, word: str, what: str) -> NoReturn:
        for number, line in enumerate(self._text.splitlines(), 1):
            column = line.find(word)
            if column >= 0:
                raise ConfigError(f"{self._path}: {what} (at line {number}, column {column + 1})")
        raise ConfigError(f"{self._path}: {what}")

    def _known(self, table: dict[str, Any], known: AbstractSet[str], where: str) -> None:
        for key in table:
            if key not in known:
                place = f" in [{where}]" if where else ""
                self._fail(key, f"unknown key '{key}'{place}; known are {', '.join(sorted(known))}")

    def _table(self, table: dict[str, Any], key: str) -> dict[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            self._fail(key, f"'{key}' must be a table")
        return cast("dict[str, Any]", value)

    def _count(self, table: dict[str, Any], key: str, default: int) -> int:
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self._fail(key, f"'{key}' must be a whole number above 0")
        return value

    def _yes(self, table: dict[str, Any], key: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            self._fail(key, f"'{key}' must be true or false")
        return value

    def _text_of(self, table: dict[str, Any], key: str) -> str | None:
        value = table.get(key)
        if value is not None and not isinstance(value, str):
            self._fail(key, f"'{key}' must be a text")
        return value

    def _duration(self, table: dict[str, Any], key: str, default: float) -> float:
        text = self._text_of(table, key)
        try:
            return parse_duration(text) if text is not None else default
        except InvalidSettingError as error:
            self._fail(key, error.message)

    def _words(self, table: dict[str, Any], key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(
            isinstance(word, str) for word in cast("list[object]", value)
        ):
            self._fail(key, f"'{key}' must be a list of texts")
        return tuple(cast("list[str]", value))

    def _pattern(self, table: dict[str, Any], key: str) -> None:
        pattern = self._text_of(table, key)
        if pattern is None:
            return
        try:
            re.compile(pattern)
        except re.error as error:
            self._fail(key, f"'{key}' is not a regular expression: {error}")

    def _path_pattern(self, table: dict[str, Any], key: str) -> None:
        """`**` is any number of folders: beside other characters Python's versions differ in what it is."""
        path = self._text_of(table, key) or ""
        if any("**" in part and part != "**" for part in path.split("/")):
            self._fail(key, f"'**' in '{key}' stands for folders, and alone between two slashes: '{path}'")
        if "\0" in path:
            self._fail(key, f"'{key}' holds a NUL character")

    def _passes(self, data: dict[str, Any]) -> tuple[str, ...]:
        names = self._words(data, "pass")
        for name in names:
            if not _VARIABLE.fullmatch(name):
                self._fail(name, f"'pass' takes names of variables (a last * is any ending), not '{name}'")
        return names
