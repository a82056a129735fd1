"""What an operator's rules allow without asking anybody. Pure.

A rule goes by what a program says of the tool and the command in so many words, never by a screen. A command
that a shell would take for more than one, or would put anything into, is never covered by its first words.
"""

import shlex
from collections.abc import Sequence

from roost.core.vocabulary.question import AllowRule, Asking, Source

_SHELL = frozenset(";&|<>()$`\\\n\r*?[]{}~#!=\x00")
"""Characters with which a shell makes something else of a command than its words."""


def allowed_by(rules: Sequence[AllowRule], asking: Asking, peer: str) -> AllowRule | None:
    """The first rule that allows it; None: a person is asked."""
    if asking.source is Source.SCREEN:
        return None
    return next((rule for rule in rules if _covers(rule, asking, peer)), None)


def _covers(rule: AllowRule, asking: Asking, peer: str) -> bool:
    if rule.peer and rule.peer != peer:
        return False
    if rule.tool and rule.tool != asking.tool:
        return False
    return not rule.command or _begins(asking.command, rule.command)


def _begins(command: str, words: Sequence[str]) -> bool:
    if not command or not _SHELL.isdisjoint(command):
        return False
    try:
        return tuple(shlex.split(command)[: len(words)]) == tuple(words)
    except ValueError:
        return False
