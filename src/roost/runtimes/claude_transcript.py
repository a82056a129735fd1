"""Where Claude Code keeps the record of a conversation: `projects/FOLDER/ID.jsonl` (2.1.332, measured).

FOLDER is made from the directory that the conversation is in. `/cd` moves it; it can be resumed from any
folder. A variable has none written; settings set it, too, and what stands in ours counts over the user's.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from roost.runtimes.context import Context
from roost.runtimes.lines import changed_since, records, status_object

SETTINGS = "claude-settings.json"
"""The settings of one run, in its session's folder."""
UNRECORDED = "CLAUDE_CODE_SKIP_PROMPT_HISTORY"
_ON = frozenset({"1", "true", "yes", "on"})
ASIDE = re.compile(rb'"type":"(?:queue-operation|last-prompt)"|"promptSubmitEnding"')
"""Lines that hold a prompt which its program has not given to its model, or has given it before."""


def config_folder(environ: Mapping[str, str]) -> Path:
    """Where Claude Code keeps its files: `$CLAUDE_CONFIG_DIR`, or `.claude` in the home folder."""
    given = environ.get("CLAUDE_CONFIG_DIR")
    return Path(given) if given else Path(environ.get("HOME") or Path.home()) / ".claude"


def is_on(value: object) -> bool:
    """Whether this value switches a variable of Claude Code on."""
    return str(value).strip().lower() in _ON


def is_kept(context: Context) -> bool:
    """Blocking: whether a transcript is written: the user's own settings may say that none is."""
    said: object = None
    user, folder = config_folder(context.environ), context.directory / ".claude"
    for path in (
        user / "settings.json",
        folder / "settings.json",
        folder / "settings.local.json",
        context.home / SETTINGS,
    ):
        said = _variable(path, UNRECORDED, said)
    return not is_on(said)


def _variable(path: Path, name: str, otherwise: object) -> object:
    """What a file of settings sets a variable to."""
    try:
        variables: object = (status_object(path.read_bytes()) or {}).get("env")
    except OSError:
        return otherwise
    return (
        cast("dict[str, object]", variables).get(name, otherwise)
        if isinstance(variables, dict)
        else otherwise
    )


def transcript_path(context: Context, conversation: str) -> Path:
    """Where the transcript is by rule: all characters of the folder but letters and digits become dashes."""
    folder = re.sub(r"[^a-zA-Z0-9]", "-", context.settings.dir)
    return config_folder(context.environ) / "projects" / folder / f"{conversation}.jsonl"


def find_transcript(context: Context, conversation: str) -> Path | None:
    """Blocking: the transcript, also in a folder named otherwise (long paths, links); None: there is none."""
    path = transcript_path(context, conversation)
    if path.exists():
        return path
    projects = config_folder(context.environ) / "projects"
    return next(iter(changed_since(projects.glob(f"*/{conversation}.jsonl"), 0.0)), None)


def written_since(environ: Mapping[str, str], since: float) -> Sequence[Path]:
    """Blocking: the transcripts of all conversations that were written since (Unix seconds), latest first.

    Raises OSError for a folder that cannot be listed: what is in it is not known.
    """
    return changed_since(_all(config_folder(environ) / "projects"), since)


def _all(projects: Path) -> Iterator[Path]:
    for folder in projects.iterdir() if projects.exists() else ():
        if folder.is_dir():
            yield from (entry for entry in folder.iterdir() if entry.name.endswith(".jsonl"))


def holds_a_turn(path: Path) -> bool:
    """Blocking: whether a transcript holds a prompt: one without any cannot be resumed."""
    try:
        with path.open("rb") as file:
            lines = (line for line in file if b'"type":"user"' in line)
            return any(record.get("type") == "user" for line in lines for record in records([line]))
    except OSError:
        return False
