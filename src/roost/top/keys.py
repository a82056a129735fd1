"""The keys of the view, and what each does."""

from textual.binding import Binding

HELP = """\
arrows, j, k   go to another peer          m   write to it
Enter          all that is known of it     w   wake it
/              show only what has words    z   put it to sleep
Esc            show all again              x   stop it, after a question
s              another order               t   start it: it may be woken again
?              what agents ask             i   end its turn
a              join its terminal           q   leave
"""


def _key(key: str, action: str, shown: str = "") -> Binding:
    """A command: it is done before the next key is looked at, which may be meant for what it has opened."""
    return Binding(key, action, shown, show=bool(shown), priority=True)


COMMANDS = [
    _key("q", "leave", "leave"),
    _key("enter", "detail"),
    _key("j", "down"),
    _key("k", "up"),
    _key("m", "compose", "write"),
    _key("w", "ask('wake')", "wake"),
    _key("z", "ask('sleep')"),
    _key("t", "ask('start')"),
    _key("i", "ask('interrupt')"),
    _key("x", "stop", "stop"),
    _key("a", "attach", "join"),
    _key("question_mark", "questions", "questions"),
    _key("slash", "filter", "find"),
    _key("s", "order", "sort"),
    _key("escape", "unfilter"),
    _key("f1", "keys", "keys"),
]

ACTIONS = frozenset(binding.action.partition("(")[0] for binding in COMMANDS)
"""What they do, as actions of the view."""
