"""Durations as people write them: `500ms 20s 10m 1h 7d`; a number alone is seconds."""

from roost.errors import InvalidSettingError

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST = 3650 * 86400.0


def parse_duration(text: str) -> float:
    """Seconds of a duration such as `10m`, `1h30m` or `90`.

    Raises InvalidSettingError on anything else and on more than ten years.
    """
    compact = text.strip().lower()
    try:
        seconds = sum(_parts(compact))
    except ValueError as error:
        raise InvalidSettingError(
            f"'{text}' is not a duration; write it like 500ms, 20s, 10m, 1h or 7d, or as a number of seconds"
        ) from error
    if seconds > _LONGEST:
        raise InvalidSettingError(f"'{compact[:40]}' is longer than ten years; write at most 3650d")
    return seconds


def _parts(text: str) -> list[float]:
    """The seconds of each number with its unit. Raises ValueError. The command line must not load `re`."""
    parts: list[float] = []
    rest = text
    while rest or not text:
        behind = rest.lstrip("0123456789.")
        number = rest[: len(rest) - len(behind)]
        alone = number == text
        rest = behind.lstrip("dhms")
        unit = 1.0 if alone else _UNITS.get(behind[: len(behind) - len(rest)])
        if unit is None or not (number[:1].isdigit() and number[-1].isdigit()):
            raise ValueError(text)
        parts.append(float(number) * unit)
    return parts


def format_duration(seconds: float) -> str:
    """The shortest exact spelling that `parse_duration` reads back to the same whole milliseconds."""
    rest = round(seconds * 1000)
    if rest == 0:
        return "0s"
    words: list[str] = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count}{unit}")
    return "".join(words)


def rough_duration(seconds: float) -> str:
    """A duration for a reader: its largest unit, rounded (`2.1s`, `45s`, `3m`, `2h`, `5d`)."""
    if seconds < 10:  # noqa: PLR2004 -- below ten seconds a tenth is worth showing
        return f"{max(seconds, 0):.1f}s"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"
