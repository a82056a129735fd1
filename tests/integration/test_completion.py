"""15.7: bash, zsh and fish complete with a real daemon, from the file that `install` writes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.support.daemon import PATIENCE, Roost, shared_roost
from tests.support.home import Home
from tests.support.inside import status_of
from tests.support.pseudo_terminal import PseudoTerminal
from tests.support.wait import wait_until

SHELLS = {
    "bash": (".bashrc", "source {path}\n", ["-i"]),
    "zsh": (".zshrc", "fpath=(~/.zfunc $fpath)\nautoload -Uz compinit\ncompinit -u\n", ["-i"]),
    "fish": (".config/fish/config.fish", "", ["-i"]),
}
"""File that the shell reads at its start, what stands there for completion, and how it is started."""
ODD = 'it\'s $5 `x` a\\b: "q"; (c)*'
_STAND_IN = """import json, os, sys
from roost.cli.completion import answer
from roost.cli.completion.known import Named
found = answer.candidates
odd = Named({odd!r}, "odd")
answer.candidates = lambda words: (
    ([odd] if odd.name.startswith(words[-1]) else []) if words[0] == "pick" else found(words)
)
if sys.argv[1:3] == ["completion", "complete"]:
    sys.exit(answer.answer(sys.argv[3:]))
with open({log!r} + "-", "w") as log:
    json.dump(sys.argv[1:], log)
os.rename({log!r} + "-", {log!r})
"""


@pytest.fixture(scope="module")
def roost() -> Iterator[Roost]:
    with shared_roost() as made:
        program(made.home, "-m roost")
        made.add("zoe")
        made.add("zachary")
        made.add("me", "human")
        yield made


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """One that is here; a missing one is skipped, or fails where it is required (CI)."""
    if shutil.which(request.param) is None:
        problem = f"there is no {request.param}; `scripts/test` installs it"
        if os.environ.get("CI"):
            pytest.fail(problem)
        pytest.skip(problem)
    return request.param


def program(home: Home, words: str) -> None:
    """Make a `roost` of a Python command."""
    path = home.root / "bin/roost"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
    path.chmod(0o755)


def environment_of(home: Home, base: Mapping[str, str]) -> dict[str, str]:
    path = f"{home.root / 'bin'}:{base['PATH']}"
    return {
        **base,
        "PATH": path,
        "TERM": "xterm",
        "PS1": "ready> ",
        "LC_ALL": "C.UTF-8",
        "ZDOTDIR": base["HOME"],
    }


@contextmanager
def shell_in(home: Home, base: Mapping[str, str], shell: str) -> Iterator[PseudoTerminal]:
    """The shell on a terminal, with completion as `install` leaves it and its user then finishes it."""
    environ = environment_of(home, base)
    command = [sys.executable, "-m", "roost", "--json", "completion", "install", shell]
    wrote = json.loads(subprocess.run(command, env=environ, capture_output=True, check=True).stdout)
    name, text, words = SHELLS[shell]
    path = home.user / name
    path.parent.mkdir(parents=True, exist_ok=True)
    prompt = "PS1='ready> '\n" if shell != "fish" else "function fish_prompt; printf 'ready> '; end\n"
    path.write_text(prompt + text.format(path=wrote["path"]))
    # Else fish reads all manual pages of the machine at its first start, and goes on when it has ended.
    (home.user / ".local/share/fish/generated_completions").mkdir(parents=True, exist_ok=True)
    terminal = PseudoTerminal([str(shutil.which(shell)), *words], environ)
    try:
        terminal.sees("ready> ")
        yield terminal
    finally:
        terminal.end()


def completed(roost: Roost, *words: str) -> list[list[str]]:
    """Word and meaning of each candidate."""
    done = roost.cli("completion", "complete", "zsh", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_peers_messages_questions_and_answers_of_the_daemon(roost: Roost) -> None:
    peers = {word: meaning for word, meaning in completed(roost, "send", "")}  # noqa: C416 -- typed pairs
    assert {"zoe", "zachary", "me"} <= set(peers)
    assert peers["zoe"] == roost.row("zoe")["state"] == "asleep"
    assert completed(roost, "events", "--peer=za") == [["--peer=zachary", "asleep"]]
    sent = roost.send("me", "some words")["id"]
    assert [sent[:16], "operator to me, queued: some words"] in completed(roost, "message", "")
    assert [sent[:16]] == [word for word, _ in completed(roost, "send", "--reply-to", sent[:16])]
    assert [word for word, _ in completed(roost, "message", sent[:20])] == [sent]
    roost.add("asks", "demo-acp")
    roost.send("asks", "@@ask@@\nfirst")
    wait_until(lambda: roost.call("questions"), timeout=PATIENCE, why="it asks")
    (question,) = roost.call("questions")
    for command in ("answer", "deny"):
        assert [[word, said.partition(":")[0]] for word, said in completed(roost, command, "")] == [
            [question["id"], "asks"]
        ]
    assert ["yes", "Allow once"] in completed(roost, "answer", question["id"][:6], "")
    assert roost.cli("answer", question["id"], "yes").returncode == 0


def test_a_shell_completes_the_name_of_a_peer(roost: Roost, shell: str) -> None:
    with shell_in(roost.home, roost.environ, shell) as terminal:
        terminal.type(b"roost sho\tzo\t")
        terminal.sees("show.*zoe")
        terminal.type(b"\r")
        terminal.sees("asleep")
        terminal.sees("ready> ")
        terminal.type(b"roost wait z\t\t")
        terminal.sees("achary.*asleep" if shell != "bash" else "achary")


def test_a_shell_quotes_what_is_odd_and_completes_paths_by_itself(home: Home, shell: str) -> None:
    """Each line is completed and run; what the program was given is what counts."""
    log = home.root / "log"
    (home.root / "odd.py").write_text(_STAND_IN.format(odd=ODD, log=str(log)))
    program(home, str(home.root / "odd.py"))
    (home.work / "a folder").mkdir()
    (home.work / "a-file").write_text("")
    lines = [
        *((f"pick {written}\t", ["pick", ODD]) for written in ("", "it", '"it')),
        ("wait --for=gon\t", ["wait", "--for=gone"]),
        ('wait --for="gon\t', ["wait", "--for=gone"]),
        ("add --dir a\t", ["add", "--dir", "a folder"]),
        ("add --dir=a\t", ["add", "--dir=a folder"]),
        ("send zoe --attach a-\t", ["send", "zoe", "--attach", "a-file"]),
    ]
    with shell_in(home, os.environ, shell) as terminal:
        terminal.type(f"cd {home.work}\r".encode())
        terminal.sees("ready> ")
        for line, expected in lines:
            terminal.type(f"roost {line}\r".encode())
            terminal.until(log.exists, f"{line!r} was run")
            terminal.sees("ready> ")
            assert [word.rstrip("/") for word in json.loads(log.read_text())] == expected
            log.unlink()


def test_a_hung_daemon_holds_no_shell(roost: Roost) -> None:
    roost.daemon.send_signal(signal.SIGSTOP)
    try:
        for words in (["show", ""], ["message", ""], ["answer", "0190", ""]):
            assert completed(roost, *words) == []
        assert ["show", "Show all that is known of one peer"] in completed(roost, "sho")
        assert status_of(roost.daemon.pid, "State").startswith("T")
    finally:
        roost.daemon.send_signal(signal.SIGCONT)
    assert completed(roost, "show", "zo") == [["zoe", "asleep"]]
