"""The way into Claude Code at rest: a plugin of this one run that is handed a prompt (2.1.332, measured).

A plugin's module may run a program and submit a prompt. Ours waits on a named pipe in the session's folder,
in a shell that costs a megabyte, starts nothing while it waits, and ends with the session. The prompt stands
in the transcript as any other (`origin` plugin), and a draft in the input line stays as it is. A module that
passes `$` on is refused: Claude Code reads its text first. What does not end with END was cut off on its way
and is not submitted.
"""

import json
from pathlib import Path

PLUGIN = "claude-plugin"
"""Its folder, in the session's."""
PIPE = "pipe"
END = "\x04"
_WAIT = 600_000
"""Milliseconds that one shell waits; then the next one does."""
_AGAIN = 250
"""Milliseconds until the next one waits."""
_SCRIPT = """\
[ -p "$0" ] || mkfifo -m 600 "$0"
while IFS= read -r line || [ -n "$line" ]; do told="$told$line$2"; done <"$0"
told=${told%"$2"}
case "$told" in *"$1") ;; *) exit 0 ;; esac
mine="$0.${told%%"$2"*}"
mv "$mine" "$mine.taken" 2>/dev/null && printf %s "${told#*"$2"}"
"""
"""Reads all that is written, and prints it once the claim in its first line is taken."""
_MODULE = """\
let begun = false;
export function register(on) {
  on('session.start', async ($, e, next) => {
    if (!begun) {
      begun = true;
      let waits = false;
      $.clock.every(%(again)d, async () => {
        if (waits) return;
        waits = true;
        try {
          const given = await $.process.run(%(argv)s, {cwd: '/', timeoutMs: %(wait)d});
          const text = String(given.stdout || '');
          if (text.endsWith(%(end)s)) await $.prompt.submit({text: text.slice(0, -1), asUser: true});
        } catch (error) {
          // The host was asleep, or nothing came: the next one waits.
        }
        waits = false;
      });
    }
    return next(e);
  });
}
"""


def files(home: Path) -> dict[str, str]:
    """The plugin's files, by their names in the session's folder `home`."""
    argv = json.dumps(["/bin/sh", "-c", _SCRIPT, str(home / PIPE), END, "\n"])
    module = _MODULE % {"again": _AGAIN, "argv": argv, "wait": _WAIT, "end": json.dumps(END)}
    about = {"name": "roost", "version": "1.0.0", "description": "Messages of roost for this session."}
    return {
        f"{PLUGIN}/.claude-plugin/plugin.json": json.dumps(about),
        f"{PLUGIN}/hooks/hooks.json": json.dumps({"modules": ["./register.js"]}),
        f"{PLUGIN}/hooks/register.js": module,
    }
