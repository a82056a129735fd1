"""What of `config.toml` says how programs are started, as a file of its own: for a roost that is on trial."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

PROGRAMS = ("pass", "runtimes", "scope")
"""Whatever else stands there is of this roost alone: whom it tells, what it allows, who writes as whom."""


def excerpt(path: Path) -> str:
    """The text of that file. It is one that `load_config` takes, or there is none."""
    try:
        data: Mapping[str, object] = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return ""
    return "".join(f"{key} = {_value(data[key])}\n" for key in PROGRAMS if key in data)


def _value(value: object) -> str:
    """In TOML, on one line."""
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value).items()
        return f"{{{', '.join(f'{_text(key)} = {_value(each)}' for key, each in pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, cast('list[object]', value)))}]"
    if isinstance(value, str):
        return _text(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(text: str) -> str:
    """JSON has the same escapes; only DEL it writes as it is, which TOML does not take."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
