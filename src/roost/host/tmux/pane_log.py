"""What writes a pane's output to its log: a few lines of shell beside the tmux server."""

import shlex
from pathlib import Path

_BLOCK = 512
"""Bytes of the unit of `ulimit -f`; a shell that counts in another allows more, and the size is compared."""
_SCRIPT = """\
exec 2>/dev/null
PATH=$PATH:/usr/bin:/bin
umask 077
trap '' XFSZ
ulimit -f {blocks}
until cat >> {log}; do
  [ "$(wc -c < {log})" -ge {size} ] && mv -f {log} {log}.1 && continue
  case $(LC_ALL=C dd bs=65536 count=8 of=/dev/null 2>&1) in
    0+0*) exit ;;
    *records*) ;;
    *) exit ;;
  esac
done"""


def pane_log_script(path: Path, size: int) -> str:
    """A shell script that appends its input to `path`, and moves it to `<path>.1` at `size` bytes.

    The kernel keeps the bound: a write beyond it fails. A `cat` that is killed is started again. Where the
    file cannot be written, as on a full disk, the output is taken and dropped, so that tmux need not hold it
    (tmux 3.3a: all of it, in memory), and the next is tried again. Up to 128 KiB are lost at each move.
    """
    blocks = max(1, -(-size // _BLOCK))
    return _SCRIPT.format(blocks=blocks, size=blocks * _BLOCK, log=shlex.quote(str(path)))
