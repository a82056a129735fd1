"""What one death was: its cause, code or signal, and the last lines that the session showed."""

from pathlib import Path

from roost.core.session import Cause, Death, Session
from roost.daemon.live import Live
from roost.host.shim_spec import DeathRecord
from roost.host.shimlib import forensics

LAST_LINES = 20
_RECORDED = {
    "boot-failed": Cause.BOOT_FAILED,
    "server-exit": Cause.SERVER_EXIT,
    "terminal-closed": Cause.CRASHED,
    "teardown": Cause.UNKNOWN,
    "terminated": Cause.CRASHED,
}


def death_of(
    session: Session, record: DeathRecord | None, why: str, lines: tuple[str, ...], now: float, boot: str
) -> Death:
    """The death of a session as its shim recorded it, or, without a record, as what else is known tells.

    `now`: Unix seconds. `boot`: the running boot; a session of another one ended with that.
    """
    code = signum = None
    at = now
    if record is None:
        known = session.processes
        if known is not None and known.agent.boot != boot:
            cause = Cause.REBOOT
        else:
            # A launch that failed has named its cause; without any, the daemon ended before it had launched.
            cause = Cause.SHIM_LOST if known else Cause.UNKNOWN
    else:
        cause = _RECORDED.get(record.cause or "", Cause.COMPLETED if record.exit_code == 0 else Cause.CRASHED)
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


def last_lines(live: Live | None, log: Path) -> tuple[str, ...]:
    """Blocking: the last lines that the session showed, from the latest look or else from its pane log."""
    shown = [line.rstrip() for line in live.screen.splitlines() if line.strip()] if live is not None else []
    return tuple(shown[-LAST_LINES:] or forensics.last_lines(str(log), LAST_LINES))
