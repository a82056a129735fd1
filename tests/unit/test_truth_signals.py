"""N5: nothing is signalled by name or by bare pid: every place in the source that sends a signal is known."""

import ast
from collections import Counter
from pathlib import Path

import pytest

import roost

SOURCE = Path(roost.__file__).parent
SENDERS = frozenset(
    {"kill", "killpg", "pidfd_send_signal", "send_signal", "terminate", "signal_pid", "sigqueue"}
)
NAMES = ("pkill", "killall", "skill", "fuser")
ALLOWED = {
    # the verified ways: identity is compared on the very handle that is signalled
    "host/process_linux.py pidfd_send_signal": 1,
    # where there are no handles: right after the comparison; signal 0 reaches nobody
    "host/process_linux.py kill": 2,
    "host/process_macos.py kill": 1,
    "host/process.py send_signal": 1,
    # the shim's own unreaped children: their pids and their group cannot be anyone else's
    "host/shimlib/child.py killpg": 2,
    # an unreaped child, and the shim itself, which ends as its agent did
    "host/shimlib/agent.py kill": 1,
    "host/shimlib/shim.py kill": 1,
    # in a person's own terminal: what a key did to its program, done to itself and its own group
    "host/shimlib/shim.py killpg": 1,
    "host/shimlib/job.py kill": 1,
    "host/shimlib/job.py killpg": 1,
    # the same: the group of an ACP agent, and its client, which ends as its agent did
    "acp/agent.py killpg": 1,
    # the same, of a command that notifies a person, and of a program that is asked for its version
    "daemon/door.py kill": 1,  # its own child, not yet reaped
    "local/proven.py killpg": 1,
    "host/child_group.py killpg": 1,
    "acp/program.py kill": 1,
    # programs that were started a moment ago: unreaped children of the event loop
    "host/tmux/control.py kill": 1,
    "host/tmux/server.py kill": 1,
    "host/scope.py kill": 1,
    # the same, of the first process of a container: the daemon is its child
    "cli/first_process.py kill": 1,
    # the same, of a command: what answers for a daemon that is down, and what unpacks a record
    "cli/read_only.py kill": 1,
    "runtimes/turns/record.py kill": 1,
    # the clients of the page that show a terminal: unreaped children of its event loop
    "top/aside.py terminate": 1,
    "web/pty.py kill": 1,
    "web/pty.py send_signal": 1,
    "web/pty.py terminate": 1,
    # the demo ends what it started, by identity; its agent obeys an order against itself
    "stage/leftovers.py send_signal": 1,
    "demo_agent/turn.py kill": 1,
    "demo/steps.py kill": 2,
    # a probe ends its own agent by identity, as the demo does
    "probe/checks.py kill": 1,
    # what the fake model passes over in a prompt of Codex: `<skill>`, no program
    "fake_model/openai.py skill": 1,
}


def sends(source: str) -> list[str]:
    """What in a module sends signals, or names a program that does so by name."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            target = node.func
            name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
            if name in SENDERS:
                found.append(name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += [name for name in NAMES if node.value.split() and name in node.value.split()[0]]
    return found


def test_N5_every_place_that_sends_a_signal_is_known() -> None:
    counted = Counter(
        f"{path.relative_to(SOURCE)} {name}"
        for path in sorted(SOURCE.rglob("*.py"))
        if any(word in (source := path.read_text()) for word in (*SENDERS, *NAMES))
        for name in sends(source)
    )
    assert dict(counted) == ALLOWED


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.kill(pid, 9)",
        "from os import killpg\nkillpg(1, 9)",
        "run(['pkill', '-f', 'x'])",
        "child.terminate()",
    ],
)
def test_N5_the_guard_sees_a_signal_by_name_or_by_pid(code: str) -> None:
    assert len(sends(code)) == 1
