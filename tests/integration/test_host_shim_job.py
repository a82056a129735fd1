"""The shim in a person's own terminal: to their shell it is the program, with it and without it (issue 17).

Each case is played twice on a real bash on a pseudo-terminal, once with the program alone and once with the
shim as its parent, and what the terminal showed is compared.
"""

import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from roost.host.shim_spec import ShimSpec, read_death, shim_argv
from tests.support.home import Home, environment, make_home
from tests.support.pseudo_terminal import PseudoTerminal
from tests.support.wait import wait_until

PROGRAM = """
import os, signal, sys, time
def say(text):
    os.write(1, (text + "\\n").encode())
def told(number, _):
    say("got " + signal.Signals(number).name)
for number in (signal.SIGWINCH, signal.SIGCONT, signal.SIGUSR1):
    signal.signal(number, told)
if "hup" in sys.argv:
    signal.signal(signal.SIGHUP, lambda *_: (open("hup", "a").write("x"), os._exit(9)))
say("foreground " + str(os.tcgetpgrp(0) == os.getpgrp()))
say("ignores hup " + str(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN))
say("value " + os.environ.get("THEIRS", "-"))
while True:
    try:
        line = os.read(0, 100).decode().strip()
    except OSError:
        line = ""
    while not line:  # its terminal is gone; a plain pause could miss the signal that comes right before it
        time.sleep(0.05)
    word, _, rest = line.partition(" ")
    if word == "exit":
        sys.exit(int(rest))
    elif word == "die":
        os.kill(os.getpid(), int(rest))
    else:
        say("read " + line)
"""


class Terminal:
    """A bash on a terminal of its own, in which `prog` is the program, alone or below the shim."""

    def __init__(self, home: Home, *, shimmed: bool) -> None:
        self.folder = home.work / ("with" if shimmed else "without")
        self.folder.mkdir(parents=True)
        (self.folder / "prog.py").write_text(PROGRAM)
        argv = [sys.executable, "-S", "-E", str(self.folder / "prog.py")]
        self.spool = self.folder / "deaths"
        self.spool.mkdir()
        if shimmed:
            (self.folder / "run.py").write_text(_writer(self.folder, argv))
            argv = [sys.executable, str(self.folder / "run.py")]
        words = " ".join(argv)
        base = environment(os.environ, home)
        environ = {**base, "PS1": "% ", "TERM": "dumb", "THEIRS": "mine", "PROG": words}
        shell = shutil.which("bash") or "/bin/bash"
        self.pty = PseudoTerminal([shell, "--norc", "--noprofile", "--noediting", "-i"], environ)
        self.seen = ""
        self.expect("% ")
        self.type(f"stty -echo; cd {self.folder}; PS1='% '\n")
        self.expect("% ")
        self.seen = ""

    def type(self, text: str) -> None:
        self.pty.type(text.encode())

    def expect(self, text: str) -> None:
        """Wait until the terminal shows this; what it showed until then is kept."""
        found = self.pty.until(lambda: text.encode() in self.pty.output, repr(text))
        assert found
        shown, _, self.pty.output = self.pty.output.partition(text.encode())
        self.seen += (shown + text.encode()).decode()

    def start(self, line: str = "$PROG") -> None:
        self.type(line + "\n")
        self.expect("value mine")

    def reads_behind(self) -> None:
        """The program reads in the background, which stops it; the shell tells so at some later prompt.

        How many prompts that takes is not told: it depends on which of the two is quicker.
        """
        seen = self.seen

        def told() -> bool:
            if b"Stopped" not in self.pty.output:
                self.type("\n")
            return b"Stopped" in self.pty.output

        assert self.pty.until(told, "Stopped")
        self.expect("Stopped")
        self.type("fg >/dev/null\n")
        self.expect("got SIGCONT")
        self.seen = f"{seen}Stopped, got SIGCONT"

    def transcript(self) -> str:
        """All that was shown, without what differs by its nature: numbers of processes, the command line."""
        lines = self.seen.replace("\r", "").replace(str(self.folder), "FOLDER").split("\n")
        shown = "\n".join(line for line in lines if "$PROG" not in line or line.startswith("["))
        return re.sub(r"\b\d{3,}\b", "N", shown).lstrip("'\n")


def _writer(folder: Path, argv: list[str]) -> str:
    """A program that writes the shim's instructions and becomes the shim, as `roost run` does."""
    spec = ShimSpec(
        argv=argv,
        env={"OURS": "1"},
        cwd=folder,
        session="s1",
        peer="me",
        generation=1,
        nonce="n1",
        boot="boot",
        spool=folder / "deaths",
        exits_log=folder / "exits.log",
        forensics_dir=folder,
        teardown=folder / "teardown",
        started=folder / "started.json",
        own_terminal=True,
    )
    path = folder / "spec.json"
    spec.write(path)
    facts = json.loads(path.read_text())
    command = shim_argv(path)
    return (
        f"import json, os, sys\nspec = {facts!r}\nspec['argv'] += sys.argv[1:]\n"
        f"open({str(path)!r}, 'w').write(json.dumps(spec))\nos.execv({command[0]!r}, {command!r})\n"
    )


@pytest.fixture
def terminals() -> Iterator[Callable[[bool], Terminal]]:
    made: list[Terminal] = []
    with make_home() as home:

        def make(shimmed: bool) -> Terminal:
            made.append(Terminal(home, shimmed=shimmed))
            return made[-1]

        try:
            yield make
        finally:
            for terminal in made:
                terminal.pty.end()


def ends(terminal: Terminal) -> None:
    """Exit codes, deaths by a signal, the key that interrupts."""
    for line in ("exit 0", "exit 7", "die 15", "die 9"):
        terminal.start()
        terminal.type(f"{line}\n")
        terminal.expect("% ")
        terminal.type("echo status $?\n")
        terminal.expect("% ")
    for key in ("\x03", "\x1c"):
        terminal.start()
        terminal.type(key)
        terminal.expect("% ")
        terminal.type("echo status $?\n")
        terminal.expect("% ")


def stops(terminal: Terminal) -> None:
    """Ctrl-Z, `fg`, `bg`, reading in the background, a resize, `kill %1`."""
    terminal.start()
    terminal.type("\x1a")
    terminal.expect("% ")
    terminal.type("jobs | sed 's/   .*//'\n")
    terminal.expect("% ")
    terminal.type("fg >/dev/null\n")
    terminal.expect("got SIGCONT")
    terminal.type("hello\n")
    terminal.expect("read hello")
    terminal.pty.resize(90, 20)
    terminal.expect("got SIGWINCH")
    terminal.type("\x1a")
    terminal.expect("% ")
    terminal.type("bg >/dev/null\n")
    terminal.expect("got SIGCONT")
    terminal.reads_behind()
    terminal.type("again\n")
    terminal.expect("read again")
    terminal.type("\x1a")
    terminal.expect("% ")
    terminal.type("fg >/dev/null\n")
    terminal.expect("got SIGCONT")
    terminal.type("exit 3\n")
    terminal.expect("% ")
    terminal.type("echo status $?\n")
    terminal.expect("% ")


def scripts(terminal: Terminal) -> None:
    """Within a script: the terminal is its own again afterwards, and a key that ends both does so."""
    terminal.start("sh -c '$PROG; read word; echo its $word'")
    terminal.type("exit 0\n")
    terminal.type("own\n")
    terminal.expect("its own")
    terminal.start("sh -c '$PROG; echo goes on'")
    terminal.type("\x03")
    terminal.expect("% ")
    terminal.type("echo status $?\n")
    terminal.expect("% ")


def nohup(terminal: Terminal) -> None:
    """What a person has it ignore stays ignored; an environment is theirs."""
    terminal.start("(trap '' HUP; $PROG)")
    terminal.type("exit 0\n")
    terminal.expect("% ")


@pytest.mark.parametrize("case", [ends, stops, scripts, nohup])
def test_H6_a_shell_cannot_tell_the_program_with_its_shim_from_the_program(
    terminals: Callable[[bool], Terminal], case: Callable[[Terminal], None]
) -> None:
    shown: list[str] = []
    for shimmed in (False, True):
        terminal = terminals(shimmed)
        case(terminal)
        shown.append(terminal.transcript())
    assert shown[1] == shown[0]


def test_P9_a_closed_terminal_ends_the_program_as_it_wants_and_is_the_cause(
    terminals: Callable[[bool], Terminal],
) -> None:
    terminal = terminals(True)
    terminal.start("$PROG hup")
    terminal.pty.hang_up()
    record = terminal.spool / "s1.json"
    wait_until(record.exists, timeout=20, why="the record")
    death = read_death(record)
    assert (death.cause, death.exit_code) == ("terminal-closed", 9)
    assert (terminal.folder / "hup").read_text().startswith("x")


def test_P9_a_signal_to_what_the_shell_sees_is_the_programs_own(
    terminals: Callable[[bool], Terminal],
) -> None:
    terminal = terminals(True)
    terminal.start()
    shim = json.loads((terminal.folder / "started.json").read_text())["shim"]["pid"]
    os.kill(shim, signal.SIGUSR1)
    terminal.expect("got SIGUSR1")
    os.kill(shim, signal.SIGTERM)
    record = terminal.spool / "s1.json"
    wait_until(record.exists, timeout=20, why="the record")
    death = read_death(record)
    assert (death.cause, death.signal) == (None, signal.SIGTERM)


def test_P9_a_program_that_is_killed_while_it_is_stopped_is_recorded_once_its_shim_goes_on(
    terminals: Callable[[bool], Terminal],
) -> None:
    terminal = terminals(True)
    terminal.start()
    terminal.type("\x1a")
    terminal.expect("% ")
    started = json.loads((terminal.folder / "started.json").read_text())
    os.kill(started["agent"]["pid"], signal.SIGKILL)
    os.kill(started["shim"]["pid"], signal.SIGCONT)
    record = terminal.spool / "s1.json"
    wait_until(record.exists, timeout=20, why="the record")
    assert read_death(record).signal == signal.SIGKILL
