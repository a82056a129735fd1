"""A daemon that is forked for a test is a process as its own command line makes it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import prefork
from tests.support.daemon import Roost, environ_of, roost_in
from tests.support.home import Home, environment

FACTS = """
import json, os, random, signal, sys
from pathlib import Path

ready = int(sys.argv[sys.argv.index("--ready-fd") + 1])
os.umask(umask := os.umask(0))
print(json.dumps({
    "command": Path("/proc/self/cmdline").read_text().split("\\0")[:-2],
    "environ": sorted(Path("/proc/self/environ").read_text().split("\\0")),
    "words": (sys.argv[:-1], sys.orig_argv[:-1], sys.path, __name__),
    "variables": sorted(os.environ.items()),
    "place": (os.getcwd(), umask, os.getppid(), os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()),
    "signals": [str(signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM)],
    "open": [
        os.readlink(f"/proc/self/fd/{n}") if n < 3 else os.fstat(n).st_ino
        for n in sorted(int(n) for n in os.listdir("/proc/self/fd"))
        if n == ready or os.path.exists(f"/proc/self/fd/{n}")
    ],
    "inherited": os.get_inheritable(ready),
    "drawn": random.random(),
}), flush=True)
os.write(ready, b"ready\\n")
sys.exit(7)
"""
"""A program that tells what it was started as."""


def told(home: Home, environ: dict[str, str], *, forked: bool) -> dict[str, Any]:
    """What it tells when it is started in this way."""
    program, output = home.root / "facts.py", home.root / "facts.out"
    program.write_text(FACTS)
    reader, writer = os.pipe()
    with output.open("wb") as out:
        if forked:
            process = prefork.start([sys.executable, str(program)], environ, out.fileno(), writer)
        else:
            process = subprocess.Popen(
                [sys.executable, str(program), "--ready-fd", str(writer)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=environ,
                pass_fds=(writer,),
                start_new_session=True,
            )
    assert process is not None
    inode = os.fstat(writer).st_ino
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        assert answer.read() == b"ready\n", output.read_text()
    assert process.wait(10) == 7
    facts = json.loads(output.read_text())
    assert facts["open"].pop() == inode
    return facts


@pytest.mark.skipif(sys.platform != "linux", reason="only there")
def test_it_is_started_as_from_its_command_line(home: Home) -> None:
    environ = environment(os.environ, home) | {"NAMED": "ä=1", "PYTHONPATH": sys.path[-1]}
    first = told(home, environ, forked=True)
    before = os.umask(0o027)
    try:
        own, forked = (told(home, environ, forked=forked) for forked in (False, True))
    finally:
        os.umask(before)
    assert len({facts.pop("drawn") for facts in (first, own, forked)}) == 3
    assert forked == own


def test_a_killed_one_is_seen_by_its_parent_and_others_are_not_forked(home: Home) -> None:
    with roost_in(home) as roost:
        assert environ_of(roost.daemon.pid) == roost.environ
        assert is_forked(roost)
        roost.kill()
        assert roost.daemon.returncode == -signal.SIGKILL
        roost.start(*prefork.DAEMON)
        assert not is_forked(roost)
        roost.kill()
        roost.start(environ={"PYTHONPATH": str(home.root)})
        assert not is_forked(roost)


def is_forked(roost: Roost) -> bool:
    """Whether all is loaded that only an agent's first call needs."""
    return "pydantic_core" in Path(f"/proc/{roost.daemon.pid}/maps").read_text()
