"""What a resume does to the records of its conversation, and what keeps that (Gemini CLI 0.61.0, measured).

A start that resumes begins as one that does not: it makes a second record of the same conversation, of the
minute that it is now, with no more than the message that its program makes, and only then goes on in the
first. The second one stays. Every start in the same project removes what holds no prompt, and with it all
records of the same conversation: the next start of any other loses this one whole. In the minute in which
the conversation began both are one file: whoever is killed in between leaves the conversation empty, and a
program that is hung up then removes it.
So a record gets a name that no start makes before it is resumed; until it is loaded another name of the same
file, which its program does not know, keeps it; then the second record is removed. The first one is not
written before it is loaded.
"""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from roost.runtimes.gemini_chats import conversation_in, find_chat, holds_a_turn, kept_beside


def prepare(environ: Mapping[str, str], conversation: str) -> None:
    """Blocking: before a resume that nobody else has begun. Raises OSError."""
    chat = find_chat(environ, conversation)
    if chat is None:
        return
    kept = kept_beside(chat, conversation)
    chat = chat.replace(chat.with_name(f"session-{conversation}-{conversation[:8]}.jsonl"))
    kept.unlink(missing_ok=True)
    _remove_empty(chat, conversation)
    with contextlib.suppress(OSError):  # a file system without links
        kept.hardlink_to(chat)


def restore(chat: Path, conversation: str) -> None:
    """Blocking: give a record that was removed while it was loaded its place again."""
    with contextlib.suppress(FileNotFoundError, FileExistsError):
        chat.hardlink_to(kept_beside(chat, conversation))


def finish(chat: Path, conversation: str) -> None:
    """Blocking: once it is loaded."""
    _remove_empty(chat, conversation)
    kept_beside(chat, conversation).unlink(missing_ok=True)


def _remove_empty(chat: Path, conversation: str) -> None:
    for path in _others(chat, conversation):
        if not holds_a_turn(path):
            path.unlink(missing_ok=True)


def _others(chat: Path, conversation: str) -> Iterator[Path]:
    for path in chat.parent.glob(f"session-*-{conversation[:8]}.jsonl"):
        if path != chat and conversation_in(path) == conversation:
            yield path
