"""What one death was: what the session left, its cause, code or signal, the last lines that it showed."""

from roost.core.vocabulary.session import Cause, Death, Session
from roost.daemon.session.evidence import on_disk
from roost.daemon.session.launcher import pane_log
from roost.daemon.session.live_sessions import Leftovers, LiveSession
from roost.daemon.state.machine import Machine
from roost.host.interfaces.processes import Liveness
from roost.host.shim_spec import DeathRecord
from roost.host.shimlib import forensics
from roost.host.spool import Spool
from roost.local.paths import Places
from roost.runtimes.context import Context

LAST_LINES = 20
_RECORDED = {
    "boot-failed": Cause.NOT_STARTED,
    "companion-ended": Cause.CRASHED,
    "server-exit": Cause.SERVER_EXIT,
    "terminal-closed": Cause.CRASHED,
    "teardown": Cause.UNKNOWN,
    "terminated": Cause.CRASHED,
}


class Postmortem:
    """Looks at what ended sessions have left on this machine."""

    def __init__(self, machine: Machine, spool: Spool) -> None:
        """Look at this machine, and for records in this spool."""
        self._machine = machine
        self._spool = spool

    def examine(self, session: Session, live: LiveSession | None, context: Context | None) -> Leftovers:
        """Blocking: all that one look tells. `context`: None when it is not known how it was launched.

        A record that was heard of may not be on the disk yet.
        """
        record, unread = live.record if live is not None else None, None
        if record is None:
            record, unread = self._written(session)
        lines = last_lines(self._machine.places, session, live)
        resumable = False
        if context is not None and session.conversation is not None:
            resumable = on_disk(self._machine.runtimes, context)
        return Leftovers(*self._over(session), record, unread, lines, resumable)

    def _written(self, session: Session) -> tuple[DeathRecord | None, OSError | None]:
        """The record that its shim has written, or why it can neither be read nor be put aside."""
        try:
            written = self._spool.read(session.id)
        except OSError as error:
            return None, error
        if isinstance(written, DeathRecord) and written.nonce == session.nonce:
            return written, None
        return None, None

    def _over(self, session: Session) -> tuple[bool, bool]:
        """Whether the agent is dead for certain, and whether nothing of the session can be left."""
        processes = session.processes
        if processes is None or self._machine.processes.probe(processes.agent).liveness is not Liveness.DEAD:
            return False, False
        return True, processes.agent.boot != self._machine.processes.boot_id()


def death_of(
    session: Session,
    record: DeathRecord | None,
    why: str,
    lines: tuple[str, ...],
    now: float,
    boot: str,
    *,
    asked: bool = False,
) -> Death:
    """The death of a session as its shim recorded it, or, without a record, as what else is known tells.

    `now`: Unix seconds. `boot`: the running boot; a session of another one ended with that. `asked`: a daemon
    had begun to end it, which the store may not know: its disk was full.
    """
    code = signum = None
    at = now
    if record is None:
        known = session.processes
        if known is not None and known.agent.boot != boot:
            cause = Cause.REBOOT
        elif asked:
            cause, why = Cause.UNKNOWN, f"{why}; its end had been asked for"
        else:
            # A launch that failed has named its cause; without any, the daemon ended before it had launched.
            cause = Cause.SHIM_LOST if known else Cause.UNKNOWN
    else:
        cause = _RECORDED.get(record.cause or "", Cause.COMPLETED if record.exit_code == 0 else Cause.CRASHED)
        if session.own_terminal and record.cause == "terminal-closed":
            cause = Cause.TERMINAL_CLOSED
        if record.oom:
            cause = Cause.OOM
        how = f"exit code {record.exit_code}" if record.signal is None else f"signal {record.signal}"
        told = (f"the shim's record says {how}", record.error or record.cause, why)
        why = "; ".join(part for part in told if part)
        at, code, signum = record.at, record.exit_code, record.signal
    return Death(
        session=session.id,
        peer=session.peer,
        generation=session.generation,
        at=at,
        cause=cause,
        exit_code=code,
        signal=signum,
        evidence=why,
        last_lines=lines,
    )


def last_lines(places: Places, session: Session, live: LiveSession | None = None) -> tuple[str, ...]:
    """Blocking: the last lines that the session showed, from the latest look or else from its pane log.

    What runs in a person's own terminal shows nothing here. Of one that was never launched nothing was
    shown either: the log at its place is still that of the peer's session before.
    """
    if session.own_terminal or (live is None and session.processes is None):
        return ()
    shown = [line.rstrip() for line in live.screen.splitlines() if line.strip()] if live is not None else []
    log = pane_log(places, session)
    return tuple(shown[-LAST_LINES:] or forensics.last_lines(str(log), LAST_LINES))
