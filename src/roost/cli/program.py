"""Whether the daemon that runs is of the code that this command is of."""

from roost.cli.client import Record

REPLACE = "roost up --replace"


def other_program(status: Record) -> str | None:
    """What the running daemon is instead, in words; None: the same code as this command."""
    from roost import __version__
    from roost.program import FOLDER, code

    its: Record = status.get("program") or {}
    own = code()
    if own is not None and its.get("code") == own and its.get("current", True):
        return None
    if its.get("path") == str(FOLDER):
        return f"it runs {its.get('version')} as it was before its program at {FOLDER} was replaced"
    theirs = (
        f"{its.get('version')} of {its['path']}"
        if its.get("path")
        else f"{status.get('version')}, which is older"
    )
    return f"it runs {theirs}; this command is {__version__} of {FOLDER}"
