"""A home with rules of `[[notify]]` for each way and each trouble, and how a test looks at them."""

import sys
from pathlib import Path
from typing import Any

from tests.support.daemon import PATIENCE, Record, Roost
from tests.support.home import Home
from tests.support.lines import json_lines
from tests.support.receiver import SECRET, Received, Receiver
from tests.support.wait import wait_until

PROJECT = Path(__file__).parents[2]
HOOKS = (
    "plain",
    "said",
    "flaky",
    "redirect",
    "drip",
    "hang",
    "large",
    "late",
    "storm",
    "crash",
    "dead",
    "gone",
)
RULE = """
[[notify]]
name = "{name}"
on = ["mail", "dead-letter", "question", "blocked", "quarantined"]
peers = ["{name}", "{name}-*"]
webhook = "http://127.0.0.1:{port}/{name}?token=not-to-be-shown"
"""
MORE = {
    "plain": f'secret = "{SECRET}"',
    "said": 'body = true\nsecret_file = "{secret}"',
    "drip": 'timeout = "300ms"',
    "hang": 'timeout = "300ms"',
    "storm": 'most = 3\nper = "1500ms"',
}
COMMANDS = """
[[notify]]
name = "started"
on = ["restarted"]
webhook = "http://127.0.0.1:{port}/started"
[[notify]]
name = "tool"
on = ["mail"]
peers = ["tool"]
command = ["{tool}", "it's one word", "$HOME"]
pass = ["NOTIFY_*"]
timeout = "600ms"
[[notify]]
name = "absent"
on = ["mail"]
peers = ["absent"]
command = ["{absent}"]
[[notify]]
name = "desk"
on = ["mail"]
peers = ["desk"]
desktop = true
body = true
"""
TOOL = """#!/bin/sh
exec {python} {script} "$@"
"""
SECURE = """
[[notify]]
name = "{name}"
on = ["mail"]
peers = ["{name}"]
webhook = "https://127.0.0.1:{port}/{name}"
"""
SCRIPT = """
import json, os, subprocess, sys, time
told = json.load(sys.stdin)
wish = open({wish!r}).read() if os.path.exists({wish!r}) else ""
with open({seen!r}, "a") as file:
    file.write(json.dumps([sys.argv[1:], dict(os.environ), told, os.getpid(), os.getpgid(0)]) + "\\n")
if wish == "hang":
    time.sleep(600)
if wish == "fail":
    sys.stderr.write("\\x1b[31mno such phone\\n")
    sys.exit(3)
if wish == "flood":
    while True:
        os.write(2, b"x" * 65536)
if wish == "stay":
    stays = subprocess.Popen(["/bin/sleep", "600"], env={{"NOTIFY_STAYS": "1", **os.environ}})
    open({seen!r} + ".stays", "w").write(str(stays.pid))
"""
DESK = """#!{python}
import json, sys
with open({seen!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
"""


def prepare(home: Home, hooks: Receiver, closed: Receiver, known: Receiver, strange: Receiver) -> None:
    """The rules, and what they lead to."""
    home.roost.mkdir(mode=0o700)
    secret = home.root / "secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    (home.root / "script.py").write_text(
        SCRIPT.format(wish=str(home.root / "wish"), seen=str(home.root / "seen"))
    )
    executable(home.root / "tool", TOOL.format(python=sys.executable, script=home.root / "script.py"))
    (home.root / "bin").mkdir()
    executable(
        home.root / "bin" / "notify-send",
        DESK.format(python=sys.executable, seen=str(home.root / "shown")),
    )
    ports = dict.fromkeys(HOOKS, hooks.port) | {"late": closed.port}
    rules = [
        RULE.format(name=name, port=ports[name]) + MORE.get(name, "").format(secret=secret) for name in HOOKS
    ]
    rules.append(COMMANDS.format(port=hooks.port, tool=home.root / "tool", absent=home.root / "absent"))
    rules += [
        SECURE.format(name=name, port=each.port) for name, each in (("known", known), ("strange", strange))
    ]
    (home.roost / "config.toml").write_text("\n".join(rules))


def executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def rule(roost: Roost, name: str) -> Record:
    return next(each for each in roost.call("notify_rules") if each["rule"] == name)


def until_rule(roost: Roost, name: str, **facts: Any) -> Record:  # noqa: ANN401 -- JSON
    """Wait until a rule shows these facts; one is True or False where it only has to be there or not."""

    def there() -> Record | None:
        found = rule(roost, name)
        right = [found[key] == want or (want is True and bool(found[key])) for key, want in facts.items()]
        return found if all(right) else None

    found = wait_until(
        there, timeout=PATIENCE, why=f"{name}: {facts}", describe=lambda: roost.call("notify_rules")
    )
    assert found is not None
    return found


def until_settled(roost: Roost) -> None:
    """Wait until the rules are in force."""
    wait_until(lambda: roost.call("notify_rules"), timeout=PATIENCE, why="the rules are loaded")


def lines(path: Path, count: int) -> list[Any]:
    """Wait for so many lines of JSON in a file."""

    def there() -> list[Any]:
        found = json_lines(path)
        return found if len(found) >= count else []

    return wait_until(there, timeout=PATIENCE, why=f"{count} lines in {path.name}")


def mail(roost: Roost, to: str, *bodies: str, **options: Any) -> list[str]:  # noqa: ANN401 -- JSON
    """Mail to a mailbox that is made for it; the ids."""
    if to not in {row["name"] for row in roost.call("list")}:
        roost.add(to, "human")
    return [roost.send(to, body, **options)["id"] for body in bodies or ("hello",)]


def data(received: Received) -> Record:
    return received.told["data"]
