"""F14, G8: the log of a terminal is bounded, with the daemon and without, and comes back by itself."""

import json
import os
import shlex
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.support.daemon import Roost, environ_of, roost_in, signal_pid
from tests.support.home import Home
from tests.support.small_disk import fill, small_disk
from tests.support.wait import wait_until

PATIENCE = 30.0
SIZE = 128 * 1024
SHELL = """
[logs]
size = 131072
[runtimes.sh]
argv = ["/bin/bash", "--norc", "--noprofile", "-i"]
ready = '(?m)^inside> $'
[runtimes.sh.env]
PS1 = "inside> "
"""


def configure(home: Home) -> None:
    home.roost.mkdir(mode=0o700, exist_ok=True)
    (home.roost / "config.toml").write_text(SHELL)


def shell(roost: Roost) -> tuple[Path, str]:
    """A peer whose program is a shell, awake; its log and its tmux socket."""
    roost.add("a", "sh")
    roost.call("wake", name="a")
    return roost.places.pane_log("a"), roost.session("a")["socket"]


def type_in(socket: str, command: str) -> None:
    keys = ["tmux", "-S", socket, "send-keys", "-t", ":"]
    subprocess.run([*keys, "-l", "--", command], check=True, timeout=PATIENCE)
    subprocess.run([*keys, "Enter"], check=True, timeout=PATIENCE)


def logged(log: Path, text: str) -> None:
    def there() -> bool:
        with suppress(FileNotFoundError):  # between its end and its beginning anew
            return text.encode() in log.read_bytes()
        return False

    wait_until(there, timeout=PATIENCE, why=f"{text!r} is in {log}")


def bounded(log: Path) -> None:
    files = {path.name: path.stat().st_size for path in log.parent.iterdir()}
    assert set(files) <= {log.name, f"{log.name}.1"}
    assert max(files.values()) <= SIZE, files


def test_F13_places_settings_and_texts_of_any_name(home: Home) -> None:
    """A home, a folder, a variable, a description and a body that tmux, a shell or strftime would read."""
    name = "c#S ##x#{pane_id}#(touch ran)%H'\";~\n$(touch ran)`touch ran`;"
    roost = Roost(home, {**os.environ, "ROOST_HOME": str(home.root / name)})
    assert roost.places.run.is_relative_to(home.root)
    folder = home.work / name
    folder.mkdir()
    try:
        roost.start()
        settings = {"runtime": "demo", "dir": str(folder), "description": name, "env.ODD": name}
        roost.call("add", name="a", settings=settings)
        body = f"{name}\n#{{E:@x}} #[fg=red] %%H"
        sent = roost.send("a", body, topic="#(touch ran)#S", wait="replied", timeout=PATIENCE)
        assert sent["reply"]["body"] == f"echo: {body.splitlines()[0]}"
        assert [prompt["text"] for prompt in roost.prompts(sent["id"])] == [roost.pasted(sent["id"], body)]
        assert environ_of(roost.session("a")["agent_pid"])["ODD"] == name
        logged(roost.places.pane_log("a"), "echo: c#S ##x#{pane_id}#(touch ran)%H")
    finally:
        roost.finish()
    for place in (home.root, home.work, folder, home.user, Path("/")):
        assert not (place / "ran").exists()


def writers(log: Path) -> dict[str, int]:
    """Who has the log open or writes it, by name."""
    found: dict[str, int] = {}
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            name = (process / "comm").read_text().strip()
            if name == "sh" and any(shlex.quote(str(log)) in word for word in words):
                found["sh"] = int(process.name)
            elif name == "dd" and (process / "fd/1").readlink() == log:
                found["dd"] = int(process.name)
    return found


def killed(log: Path, name: str) -> bool:
    """Kill that writer, if there is one at this moment: one `dd` follows another."""
    with suppress(KeyError, ProcessLookupError):
        signal_pid(writers(log)[name], signal.SIGKILL)
        return True
    return False


def test_F14_G8_a_log_is_bounded_without_a_daemon_and_begun_anew(home: Home) -> None:
    """Megabytes, the writer's `dd` killed, all of the writer killed, the file deleted."""
    configure(home)
    with roost_in(home) as roost:
        log, socket = shell(roost)
        roost.kill()
        type_in(socket, "head -c 2000000 /dev/zero | tr '\\0' x; echo; echo first''mark")
        logged(log, "firstmark")
        bounded(log)
        wait_until(lambda: killed(log, "dd"), timeout=PATIENCE, why="its `dd` is killed")
        type_in(socket, "echo second''mark")
        logged(log, "secondmark")
        roost.start()
        roost.until_state("a", "idle")
        for pid in writers(log).values():
            signal_pid(pid, signal.SIGKILL)
        type_in(socket, "echo lost")
        wait_until(lambda: len(writers(log)) == 2, timeout=PATIENCE, why="the terminal is logged again")
        type_in(socket, "echo third''mark")
        logged(log, "thirdmark")
        type_in(socket, "head -c 2000000 /dev/zero | tr '\\0' y; echo; echo much''mark")
        logged(log, "muchmark")
        bounded(log)
        log.unlink()
        logged(log, "muchmark")
        assert "muchmark" in roost.cli("logs", "a").stdout
        type_in(socket, "echo fourth''mark")
        logged(log, "fourthmark")


def test_F14_a_full_log_disk_is_named_and_room_again_is_enough(home: Home) -> None:
    configure(home)
    with small_disk(home.roost / "logs", "1m"), roost_in(home) as roost:
        log, socket = shell(roost)
        ballast = home.roost / "logs" / "ballast"
        fill(ballast)
        type_in(socket, "head -c 300000 /dev/zero | tr '\\0' x; touch drawn")
        wait_until((home.work / "a/drawn").exists, timeout=PATIENCE, why="the shell is not held up")
        findings = {one["check"]: one for one in json.loads(roost.cli("doctor", "--json").stdout)}
        assert findings["disk"]["ok"]
        assert findings["log disk"]["ok"] is False
        assert str(roost.places.logs) in findings["log disk"]["detail"]
        ballast.unlink()

        def again() -> bool:
            type_in(socket, "echo room''mark")
            return b"roommark" in log.read_bytes()

        wait_until(again, timeout=PATIENCE, why="the terminal is logged again")
        bounded(log)
