"""Where the copy of a conversation's record has to lie, so that its program goes on with it.

Claude Code 2.1.332 resumes by the id alone what lies in the folder of its project; what the record says of
the folder that it was written in does not matter.
"""

from pathlib import Path

from roost.runtimes.claude_transcript import transcript_path
from roost.runtimes.context import Context


def place_of(runtime: str, context: Context, name: str) -> Path | None:
    """Where a record of this name belongs; None: a copy is not known to be enough."""
    conversation = context.session.conversation
    if conversation is None or Path(conversation).name != conversation:
        return None
    if runtime == "claude":
        return transcript_path(context, conversation)
    if runtime == "demo":
        return context.shared / name
    return None
