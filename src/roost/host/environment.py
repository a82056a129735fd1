"""The environment of a child: an allow-list, so that nothing of a surrounding session leaks in."""

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

TERMINAL = "tmux-256color"
OLD_TERMINAL = "screen-256color"

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY")
PASSED = (
    *("HOME", "PATH", "SHELL", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "XDG_*"),
    *("SSH_AUTH_SOCK", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *_PROXIES,
    *(name.lower() for name in _PROXIES),
    *("ROOST_DEMO_LOG", "ROOST_TEST_RUN"),
)
# An agent program that finds these believes that it runs inside another one: a Claude Code child with
# CLAUDECODE set writes no transcript; TMUX points to a foreign server; a ROOST token is another peer's.
STRIPPED = ("CLAUDECODE", "CLAUDE_CODE_*", "TMUX", "TMUX_*", "ROOST_*")


def child_environment(
    base: Mapping[str, str],
    extra: Mapping[str, str],
    pass_names: Iterable[str] = (),
    *,
    terminal: str = TERMINAL,
) -> dict[str, str]:
    """What of `base` a child may see, then TERM and COLORTERM, then `extra` as it is.

    `pass_names` allows more names of `base`, as patterns (`AWS_*`); names in STRIPPED stay out even so.
    Values that no environment can hold (with a NUL) are dropped.
    """
    allowed = (*PASSED, *pass_names)
    child = {
        name: value
        for name, value in base.items()
        if _matches(name, allowed) and (name in PASSED or not _matches(name, STRIPPED)) and "\0" not in value
    }
    return {**child, "TERM": terminal, "COLORTERM": "truecolor", **extra}


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def terminal_name(environ: Mapping[str, str] | None = None) -> str:
    """The TERM for programs in our panes: `tmux-256color`, or `screen-256color` where terminfo lacks it."""
    environ = os.environ if environ is None else environ
    folders = [
        Path(environ[name]) / tail
        for name, tail in (("TERMINFO", ""), ("HOME", ".terminfo"))
        if environ.get(name)
    ]
    folders += [Path(folder) for folder in environ.get("TERMINFO_DIRS", "").split(":") if folder]
    folders += [
        Path(prefix) / "terminfo"
        for prefix in ("/etc", "/lib", "/usr/share", "/usr/local/share", "/usr/lib", "/opt/homebrew/share")
    ]
    # Most systems file entries under their first letter, macOS under its hexadecimal code.
    letters = (TERMINAL[0], f"{ord(TERMINAL[0]):x}")
    found = any((folder / letter / TERMINAL).exists() for folder in folders for letter in letters)
    return TERMINAL if found else OLD_TERMINAL
