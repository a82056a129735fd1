"""One session's terminal over its control connection."""

import asyncio
import contextlib
import itertools
import os
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from roost.core.vocabulary.identity import ProcessId
from roost.host.errors import PaneInMode, PasteRefused, TmuxError, TmuxGone, TmuxTimeout
from roost.host.files import PRIVATE_FILE
from roost.host.interfaces.processes import Processes
from roost.host.interfaces.terminals import Frame, Passed, PasteOutcome, Presence
from roost.host.tmux.config import JOINED, KEYED, NONE, PASTED, own_size
from roost.host.tmux.control import ControlClient
from roost.host.tmux.keys import check_key
from roost.host.tmux.pane_log import pane_log_script
from roost.host.tmux.quote import HELD, holding, line
from roost.host.tmux.status import caption_line, expire_line
from roost.host.tty import last_read

KILL_DEADLINE = 5.0
CLOSE_DEADLINE = 0.1
_CLIENTS = line("list-clients", "-F", "#{client_control_mode}#{client_readonly} #{client_activity}")
_ABOUT = "roost-pane "
_DEAD = "roost-pane-dead"
_MODE = "roost-pane-mode "
_SYNCHRONIZED = "#{pane_synchronized}"
_NOTHING = "if-shell -F 0 ''"
_LOGGED = "@roost-log-size"
"""Says that the pane's output goes through our bounded writer."""
_LOG_FLAGS = os.O_APPEND | os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_TEXT = re.compile(rb"[\x00\x1b]")
_buffers = itertools.count(1)


class TmuxTerminal:
    """The contract is `roost.host.interfaces.Terminal`."""

    def __init__(
        self,
        control: ControlClient,
        processes: Processes,
        server: ProcessId,
        pane: str,
        pane_pid: int,
        version: str,
    ) -> None:
        """Take a connection and what it told about the server and its first pane."""
        self._control = control
        self._processes = processes
        self._server = server
        self._pane = pane
        self._pane_pid = pane_pid
        self._version = version

    @property
    def socket(self) -> Path:
        """The tmux socket."""
        return self._control.socket

    @property
    def server(self) -> ProcessId:
        """The tmux server process."""
        return self._server

    @property
    def pane_pid(self) -> int:
        """The pid of the pane's root process."""
        return self._pane_pid

    @property
    def version(self) -> str:
        """The version of the tmux server."""
        return self._version

    async def capture(self, *, escapes: bool = False, history: int = 0) -> str:
        """The visible screen."""
        words = ["capture-pane", "-p", "-t", self._pane]
        if escapes:
            words.append("-e")
        if history > 0:
            words += ["-S", f"-{history}"]
        return "\n".join(await self._control.command(line(*words)))

    async def paste(self, text: bytes, label: str = "") -> PasteOutcome:
        """Paste as one bracketed paste.

        The text comes in the command line that pastes it: there is no file that a full disk could refuse, and
        one answer to wait for. tmux 3.3a: a paste into a dead pane crashes the server, so it tests the pane.
        """
        if not text or _NO_TEXT.search(text):
            raise PasteRefused("a paste must hold text without NUL and ESC, which would end it early")
        buffer = f"roost{next(_buffers)}"
        fill = line("set-buffer", "-b", buffer, "--", text.decode("utf-8", "surrogateescape"))
        # -r keeps newlines: without bracketed paste a carriage return would be Enter.
        paste = line("paste-buffer", "-p", "-r", "-d", "-b", buffer, "-t", self._pane)
        refuse = line("display-message", "-p", _DEAD)
        try:
            answer = await self._guarded("#{pane_dead}", refuse, paste, _labelled(PASTED, label), first=fill)
        except TmuxTimeout:
            raise
        except TmuxError:
            await self._drop(buffer)
            raise
        if _DEAD in answer:
            await self._drop(buffer)
            return PasteOutcome.DEAD
        return PasteOutcome.PASTED

    async def _guarded(
        self, unless: str, refuse: str, act: str, note: str, *, runs: int = 1, first: str = ""
    ) -> list[str]:
        """Have tmux act and make a note of it at one moment, unless a format is true; the lines it prints.

        `runs`: how many commands `act` runs. `first` is a command that comes before in any case.
        """
        if note:
            act, runs = f"{act} ; {note}", runs + 1
        guarded = self._either(unless, [refuse, *[_NOTHING] * (runs - 1)], [act])
        commands = [first, guarded] if first else [guarded]
        return await self._control.command(" ; ".join(commands), blocks=len(commands) + runs)

    def _either(self, condition: str, yes: Sequence[str], no: Sequence[str]) -> str:
        """A command that runs these, or those. Both are as many: an answer has a block for each."""
        return line("if-shell", "-F", "-t", self._pane, condition, " ; ".join(yes), " ; ".join(no))

    def _apart(self, press: str) -> tuple[str, int]:
        """`press`, without the panes beside ours that a person has synchronized; how many commands it runs.

        A key for one of those is pressed in all: our Enter would run what is typed there. Then it is as it
        was, by an option of the window or of our pane.
        """
        ours = ("-t", self._pane, "synchronize-panes")
        leave, by_window = line("set-option", "-p", *ours, "off"), line("set-option", "-p", "-u", *ours)
        by_pane = self._either(_SYNCHRONIZED, [_NOTHING], [line("set-option", "-p", *ours, "on")])
        apart = [leave, press, by_window, by_pane]
        return self._either(_SYNCHRONIZED, apart, [press, *[_NOTHING] * len(apart)]), len(apart) + 2

    async def _drop(self, buffer: str) -> None:
        with contextlib.suppress(TmuxError):
            await self._control.command(line("delete-buffer", "-b", buffer))

    async def log_to(self, path: Path, size: int) -> None:
        """Append the pane's output to `path` by a shell beside the server.

        A file that cannot be made now, as on a full disk, is made by that shell later.
        """
        with contextlib.suppress(OSError):
            os.close(os.open(path, _LOG_FLAGS, PRIVATE_FILE))
        pipe = holding(pane_log_script(path, size), "pipe-pane", "-O", "-t", self._pane, HELD)
        note = line("set-option", "-s", "--", _LOGGED, str(size))
        await self._control.command(f"{pipe} ; {note}", blocks=3)

    async def look(self, *, escapes: bool = False) -> Frame:
        """The visible screen and what it is, in one go."""
        logged = f"#{{&&:#{{pane_pipe}},#{{{_LOGGED}}}}}"
        size, mode = f"{_ABOUT}#{{pane_width}} #{{pane_height}}", "#{?pane_in_mode,#{pane_mode},-}"
        about = f"{size} {logged} {mode} #{{pane_title}}"
        show = line("display-message", "-p", "-t", self._pane, about)
        capture = line("capture-pane", "-p", *(["-e"] if escapes else []), "-t", self._pane)
        told = await self._control.command(f"{_CLIENTS} ; {show} ; {capture}", blocks=3)
        first = next(number for number, each in enumerate(told) if each.startswith(_ABOUT))
        columns, rows, logged, mode, title = told[first].removeprefix(_ABOUT).split(" ", 4)
        mode, keyed = "" if mode == "-" else mode, max(_keys_of_humans(told[:first]), default=None)
        screen = "\n".join(told[first + 1 :])
        return Frame(screen, title, int(columns), int(rows), mode, logged == "1", keyed)

    async def caption(self, text: str, until: float) -> None:
        """Show `text` to whoever is attached."""
        await self._control.command(caption_line(text, until), blocks=2)

    async def keys(self, *names: str, label: str = "") -> None:
        """Press keys in order; the same command that presses them tests for a mode."""
        checked = [check_key(name) for name in names]
        if not checked:
            return
        press, runs = self._apart(line("send-keys", "-t", self._pane, "--", *checked))
        refuse = line("display-message", "-p", "-t", self._pane, f"{_MODE}#{{pane_mode}}")
        answer = await self._guarded("#{pane_in_mode}", refuse, press, _labelled(KEYED, label), runs=runs)
        if answer and answer[0].startswith(_MODE):
            raise PaneInMode(f"tmux's {answer[0].removeprefix(_MODE)} is open in its terminal")

    async def settle(self) -> bool:
        """Leave modes and small sizes that nobody is there to use."""
        if await self._humans():
            return False
        await self._control.command(line("copy-mode", "-q", "-t", self._pane))
        await self._control.command(own_size(self._pane))
        return True

    async def clients(self) -> int:
        """Humans attached."""
        return len(await self._humans())

    async def last_input(self) -> float | None:
        """When a human last pressed a key, to the second."""
        return max(await self._humans(), default=None)

    async def presence(self) -> Presence:
        """Who is or was at the keys."""
        told, humans = await asyncio.gather(
            self._show(f"#{{session_activity}} #{{{JOINED}}}"), self._humans()
        )
        stirred, _, joined = told[0].partition(" ")
        return Presence(float(joined or 0), max(humans, default=None), float(stirred))

    async def passed(self) -> Passed | None:
        """What was labelled last, by the server's own options."""
        [told] = await self._show(f"#{{{PASTED}}} #{{{KEYED}}}")
        pasted, _, keyed = told.partition(" ")
        return Passed(pasted.removeprefix(NONE), keyed.removeprefix(NONE)) if pasted else None

    async def last_read(self) -> float | None:
        """When the program read its terminal, by the terminal's device."""
        [tty] = await self._show("#{pane_tty}")
        return last_read(tty)

    async def ping(self) -> None:
        """Return when tmux answers."""
        await self._show("")

    async def _show(self, template: str) -> list[str]:
        return await self._control.command(line("display-message", "-p", "-t", self._pane, template))

    async def _humans(self) -> list[float]:
        return _keys_of_humans(await self._control.command(_CLIENTS))

    async def kill(self) -> None:
        """End the server and wait for its process; its socket file goes too."""
        gone = asyncio.Event()
        watch = self._processes.watch(self._server, gone.set)
        try:
            try:
                await self._control.command("kill-server", deadline=KILL_DEADLINE)
            except TmuxTimeout:
                raise
            except TmuxGone:
                # Without a connection, SIGTERM makes a tmux server leave in the same way.
                self._processes.signal(self._server, signal.SIGTERM)
            async with asyncio.timeout(KILL_DEADLINE):
                await gone.wait()
        except TimeoutError as error:
            raise TmuxTimeout(f"the tmux server {self._server.pid} did not leave when asked") from error
        finally:
            watch.cancel()
        self.socket.unlink(missing_ok=True)
        await self.close()

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Call back once when the connection ends without `close`."""
        self._control.on_gone(callback)

    async def close(self) -> None:
        """Drop our connection; what we told of the session is not renewed any more."""
        if self._control.connected:
            with contextlib.suppress(TmuxError):
                await self._control.command(expire_line(), deadline=CLOSE_DEADLINE)
        await self._control.close()


def _keys_of_humans(rows: Sequence[str]) -> list[float]:
    """When each human pressed a key last, of the clients that tmux lists."""
    return [float(row.split()[1]) for row in rows if row.startswith("00 ")]


def _labelled(option: str, label: str) -> str:
    return line("set-option", "-s", "--", option, label) if label else ""
