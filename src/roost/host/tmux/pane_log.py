"""What writes a pane's output to its log: a few lines of shell beside the tmux server."""

import shlex
from pathlib import Path

_BLOCK = 65536
_LEAST = 512
_SCRIPT = """\
exec 2>/dev/null
PATH=$PATH:/usr/bin:/bin
LC_ALL=C
export LC_ALL
umask 077
log={log}
over() {{
  read=${{1%% records in*}}
  read=${{read##*[!0-9+]}}
  case $read in
    *+*) [ "$(($read))" -ge "$2" ] || exit 0 ;;
    *) exit 1 ;;
  esac
}}
while :; do
  size=$(wc -c < "$log") || size=0
  count=$(( ({size} - size) / {block} ))
  if [ "$count" -lt 1 ] && mv -f "$log" "$log.1"; then
    tail -c {kept} "$log.1" >> "$log"
    continue
  fi
  if [ "$count" -ge 1 ]; then
    said=$(dd bs={block} count="$count" 2>&1 >> "$log")
    case $? in
      0) over "$said" "$count"; continue ;;
      129|13?|14?) continue ;;
    esac
  fi
  over "$(dd bs={block} count=8 of=/dev/null 2>&1)" 8
done"""


def pane_log_script(path: Path, size: int) -> str:
    """A shell script that appends its input to `path`, which becomes `<path>.1` before it exceeds `size`.

    `dd` makes a write of each read, and reads so often that its blocks cannot exceed what is left
    (bytes). One that is killed is started again. The next file begins with the end of the last, so that
    it always tells something. Where the file cannot be written, as on a full disk, the output is taken
    and dropped, eight reads at a time, so that tmux need not hold it (tmux 3.3a: all of it, in memory).
    The script ends with its input: where `dd` read less often than it was to.
    """
    block = max(_LEAST, min(_BLOCK, size // 4))
    size = max(size, 4 * block)
    return _SCRIPT.format(log=shlex.quote(str(path)), size=size, block=block, kept=block // 2)
