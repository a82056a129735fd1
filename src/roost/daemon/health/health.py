"""What can be asked of the daemon about itself, put together."""

from collections.abc import Callable, Mapping

from roost.daemon.health.alarms import Alarms
from roost.daemon.health.checks.daemon import DaemonCheck
from roost.daemon.health.checks.enclosures import EnclosuresCheck
from roost.daemon.health.checks.links import LinksCheck
from roost.daemon.health.checks.notify import NotifyCheck
from roost.daemon.health.checks.open_files import OpenFilesCheck
from roost.daemon.health.checks.peers import PeersCheck
from roost.daemon.health.checks.processes import ProcessesCheck
from roost.daemon.health.checks.registry import RegistryCheck
from roost.daemon.health.checks.store import StoreCheck
from roost.daemon.health.checks.terminals import TerminalsCheck
from roost.daemon.health.checks.traces import TracesCheck
from roost.daemon.health.doctor import Doctor
from roost.daemon.health.environment import AgentEnvironment
from roost.daemon.health.gc_report import GcReport
from roost.daemon.health.program import Program
from roost.daemon.health.status import Status
from roost.daemon.notify.notifications import Notifications
from roost.daemon.registry.orphans import Orphans
from roost.daemon.registry.sweep import Sweeper
from roost.daemon.session.foreign import Foreign
from roost.daemon.session.live_sessions import LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.lineage import Lineage
from roost.daemon.state.machine import Machine
from roost.daemon.traces.outcome import Exported


class Health:
    """The status, the alarms, the doctor, `gc`'s report, and the environment that agents are given of."""

    def __init__(  # noqa: PLR0913, PLR0917 -- all that can be asked about
        self,
        machine: Machine,
        fleet: Fleet,
        foreign: Foreign,
        sweeper: Sweeper,
        orphans: Orphans,
        lineage: Lineage,
        live_sessions: LiveSessions,
        url: str,
        exported: Exported,
        links: Callable[[], Mapping[str, str]],
    ) -> None:
        """Build each from what it looks at; `url` is the loopback address in use.

        `links`: other hosts for which something waits that does not arrive there, and why.
        """
        program = Program(machine)
        self.notifications = Notifications(machine, fleet, lineage.problem)
        self.alarms = Alarms(machine.store, lineage, sweeper, orphans, links)
        self.status = Status(machine, fleet, orphans, self.alarms, program, self.notifications, url)
        self.gc_report = GcReport(fleet, sweeper, orphans, machine.places)
        self.environment = AgentEnvironment(machine, fleet)
        self.doctor = Doctor(
            (
                DaemonCheck(machine, program, url),
                OpenFilesCheck(fleet),
                EnclosuresCheck(machine, fleet),
                ProcessesCheck(),
                StoreCheck(machine, fleet, lineage),
                RegistryCheck(orphans, sweeper),
                TerminalsCheck(machine.terminals, live_sessions),
                PeersCheck(fleet, live_sessions, foreign, machine.clock),
                NotifyCheck(machine, self.notifications),
                TracesCheck(exported),
                LinksCheck(links),
            )
        )
