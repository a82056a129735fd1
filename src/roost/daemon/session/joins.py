"""Programs that somebody else has started and that join: recognised, and held as live sessions."""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, stand_in
from roost.daemon.session import hook_settings, joined_files
from roost.daemon.session.contexts import Contexts
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.machine import Machine
from roost.errors import RefusedError
from roost.runtimes.joining import HookSettings
from roost.runtimes.runtime import Claim, Runtime

UNKNOWN = (
    "nothing that can join has started this command; run `roost join` by the shell tool of a session of"
    " Claude Code or Codex that you have started. Another program takes part as a mailbox: `roost add NAME"
    " --runtime human`, then `roost listen NAME` or `roost mcp --as NAME` in it"
)


class Guest(Struct, frozen=True):
    """A program that runs already: what it is, the conversation that it has open, where it works.

    `reads`: it takes no hooks while it runs, and reads its mail itself. `server`: where it is a thread of a
    server, the address of that.
    """

    runtime: str
    conversation: str
    process: ProcessId
    dir: str
    reads: bool
    server: str = ""


class Joins:
    """Recognises programs and holds their sessions."""

    def __init__(self, machine: Machine, contexts: Contexts) -> None:
        """Look on this machine."""
        self._machine = machine
        self._contexts = contexts

    def recognise(self, pid: int, environ: Mapping[str, str], folder: str) -> Guest:
        """Blocking: the program that has started the process `pid`, by its own evidence.

        What it is and which conversation it has is said by a variable, and believed of a process above `pid`
        alone that, by what its program leaves behind, has that conversation open. Raises RefusedError,
        SensorError, OSError.
        """
        above = self._machine.processes.ancestors(pid)
        found = [
            (above.index(process), guest)
            for runtime in self._runtimes()
            for process, guest in self._candidates(runtime, above, environ, folder)
        ]
        if not found:
            raise RefusedError(UNKNOWN)
        guest = min(found, key=lambda each: each[0])[1]  # a program may have started another
        joining = self._machine.runtimes.get(guest.runtime).controls.joining
        words = self._machine.processes.command_line(guest.process.pid)
        served = joining.served(words, environ) if joining is not None else None
        return guest if served is None else replace(guest, runtime=served.runtime, server=served.address)

    def _runtimes(self) -> list[Runtime]:
        names = set(self._machine.runtimes.names()) - {"human"}
        found = [self._machine.runtimes.get(name) for name in sorted(names)]
        return [runtime for runtime in found if runtime.controls.joining is not None]

    def _candidates(
        self, runtime: Runtime, above: list[ProcessId], environ: Mapping[str, str], folder: str
    ) -> list[tuple[ProcessId, Guest]]:
        joining = runtime.controls.joining
        conversation = environ.get(joining.variable) if joining is not None else None
        if joining is None or not conversation:
            return []
        settings = Settings(dir=folder, runtime=runtime.name)
        session = stand_in("", "", 0, conversation)
        context = replace(
            self._contexts.of(session, settings), environ=self._contexts.passed(settings, environ)
        )
        return [
            (
                process,
                Guest(
                    runtime.name,
                    conversation,
                    process,
                    joining.folder(context, claim.pid) or folder,
                    joining.reads,
                ),
            )
            for claim in runtime.claims(context)
            for process in above
            if _is_of(claim, process)
        ]

    def hold(self, session: Session, settings: Settings) -> LiveSession:
        """The live session of one that has joined."""
        runtime = self._machine.runtimes.get(settings.runtime)
        context = self._contexts.of(session, settings)
        pid = session.agent.pid if session.agent is not None else 0
        return LiveSession(context, runtime, runtime.sensor(context), None, pid)

    async def hold_again(self, session: Session, settings: Settings) -> LiveSession:
        """The live session of one that had joined a daemon before this one. Raises OSError."""
        live, places = self.hold(session, settings), self._machine.places
        live.found_by = await self._machine.work.files.run(joined_files.find, places.joined, session.id)
        return live

    async def hook(self, live: LiveSession, token: str) -> bool:
        """Write our hooks into its program's settings, or have those find it that a person has added.

        Whether there are hooks that may call. Raises RefusedError, OSError.
        """
        joining, files, places = live.runtime.controls.joining, self._machine.work.files, self._machine.places
        wanted = joining.hooks(live.context, token) if joining is not None else None
        if wanted is not None:
            await files.run(hook_settings.put, places.hooks, live.session.id, wanted)
            return True
        lasting = joining.lasting(live.context.environ, places.joined) if joining is not None else None
        if lasting is None or not await files.run(_stand, lasting):
            return False
        named = live.session.conversation or ""
        said = live.context.url, token, live.session.id
        live.found_by = await files.run(joined_files.put, places.joined, named, *said)
        return live.found_by is not None

    async def taken_up(self, guest: Guest) -> None:
        """Wait until its program runs hooks that were just written."""
        joining = self._machine.runtimes.get(guest.runtime).controls.joining
        if joining is not None:
            await self._machine.clock.sleep(joining.takes_up)


def _stand(lasting: HookSettings) -> bool:
    """Whether these hooks were added; settings that cannot be read hold none that runs."""
    try:
        return hook_settings.stand(lasting)
    except (RefusedError, OSError):
        return False


def _is_of(claim: Claim, process: ProcessId) -> bool:
    return claim.pid == process.pid and claim.start in (None, process.start)
