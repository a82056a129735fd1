"""Where Claude Code keeps the record of a conversation: `projects/FOLDER/ID.jsonl` (2.1.332, measured).

FOLDER is made from the directory that the conversation is in. `/cd` moves it; it can be resumed from any
folder.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from roost.runtimes.context import Context
from roost.runtimes.lines import changed_since, records

ASIDE = re.compile(rb'"type":"(?:queue-operation|last-prompt)"|"promptSubmitEnding"')
"""Lines that hold a prompt which its program has not given to its model, or has given it before."""


def config_folder(environ: Mapping[str, str]) -> Path:
    """Where Claude Code keeps its files: `$CLAUDE_CONFIG_DIR`, or `.claude` in the home folder."""
    given = environ.get("CLAUDE_CONFIG_DIR")
    return Path(given) if given else Path(environ.get("HOME") or Path.home()) / ".claude"


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
