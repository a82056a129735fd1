"""The line at the bottom of an attached terminal: whose it is, how to leave, what it does.

It takes a row of the human's terminal, so a pane that is attached has one row less than its client; the size
that a pane has while nobody is attached does not change (tmux 3.3a, measured).
"""

from roost.host.tmux.quote import line

_CAPTION = "@roost-caption"
_UNTIL = "@roost-until"
_LONGEST = 400
_LEAVE = "Ctrl-b d leaves it running"
_NESTED = "#{||:#{m:tmux*,#{client_termname}},#{m:screen*,#{client_termname}}}"
_WAY_OUT = f"#{{?{_NESTED},{_LEAVE} (in a tmux with the same prefix: Ctrl-b Ctrl-b d),{_LEAVE}}}"
_HOLDS = f"#{{e|<:%s,#{{{_UNTIL}}}}}"
STATUS = (
    f"#[align=left] #{{?client_readonly,read-only: ,}}{_WAY_OUT} | "
    f"#{{?{_HOLDS},,roost's daemon does not answer; last seen: }}#{{q/h:{_CAPTION}}}"
)
"""The option `status-format[0]`. What the daemon says counts until a time: without a daemon nobody renews it.

`q/h` doubles each `#`: tmux draws the expanded line and would take `#[...]` in it for a style.
"""


def caption_line(text: str, until: float) -> str:
    """The two commands that show `text`, true until the Unix time `until`, without what does not print."""
    shown = "".join(character for character in text if character.isprintable())[:_LONGEST]
    caption = line("set-option", "-s", "--", _CAPTION, shown)
    return f"{line('set-option', '-s', '--', _UNTIL, str(int(until)))} ; {caption}"


def expire_line() -> str:
    """The command that says that nobody renews the caption any more."""
    return line("set-option", "-s", "--", _UNTIL, "0")
