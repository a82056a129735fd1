"""The daemon's operations, put together: the same ones behind the socket and MCP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roost.daemon.hosts.addresses import Addresses
from roost.daemon.hosts.views import Views
from roost.daemon.serve.api.added_hooks import AddedHooks
from roost.daemon.serve.api.changes import Changes
from roost.daemon.serve.api.joining import Joining
from roost.daemon.serve.api.mail import Mail
from roost.daemon.serve.api.messages import Messages
from roost.daemon.serve.api.moving import Moving
from roost.daemon.serve.api.others import Others
from roost.daemon.serve.api.own_session import OwnSession
from roost.daemon.serve.api.peers import Peers
from roost.daemon.serve.api.questions import Questions
from roost.daemon.serve.api.quotes import Quotes
from roost.daemon.serve.api.reading import Reading
from roost.daemon.serve.api.runs import PersonalRuns
from roost.daemon.serve.api.sessions import Sessions
from roost.daemon.serve.api.terminals import Terminals
from roost.daemon.serve.api.transcripts import Transcripts
from roost.daemon.serve.api.usage import Usages
from roost.daemon.serve.api.waiting import Waiting
from roost.daemon.serve.api.wakes import Wakes
from roost.daemon.serve.api.watches import WatchList
from roost.daemon.serve.sending.participants import Participants
from roost.daemon.serve.sending.recipients import Recipients
from roost.daemon.serve.sending.sender import Sender
from roost.daemon.serve.sending.several import Several

if TYPE_CHECKING:
    from roost.daemon.death.supervisor import Supervisor
    from roost.daemon.hosts.hosts import Hosts
    from roost.daemon.serve.api.sessions import EndUnstored
    from roost.daemon.serve.journal import JournalFeed
    from roost.daemon.session.foreign import Foreign
    from roost.daemon.session.launcher import Launcher
    from roost.daemon.session.live_sessions import LiveSessions
    from roost.daemon.state.fleet import Fleet
    from roost.daemon.state.machine import Machine
    from roost.daemon.state.tasks import Tasks
    from roost.daemon.state.waits import Waits


class Api:
    """What people and agents can ask, by what it is about."""

    def __init__(  # noqa: PLR0913, PLR0917 -- what all operations work on
        self,
        machine: Machine,
        fleet: Fleet,
        live_sessions: LiveSessions,
        waits: Waits,
        launcher: Launcher,
        supervisor: Supervisor,
        foreign: Foreign,
        feed: JournalFeed,
        end_unstored: EndUnstored,
        tasks: Tasks,
        hosts: Hosts | None,
    ) -> None:
        """Build each from what it works on; `hosts`: None where this one is in no fleet."""
        clock = machine.clock
        self.addresses = Addresses(fleet, hosts)
        views = Views(hosts.members, hosts.trouble) if hosts is not None else Views(None)
        self.peers = Peers(machine, fleet, live_sessions, waits, foreign, views)
        self.changes = Changes(fleet, self.peers)
        self.terminals = Terminals(machine, fleet, live_sessions, self.peers)
        self.wakes = Wakes(machine.store, fleet, waits, launcher, self.peers, self.terminals)
        self.runs = PersonalRuns(machine, fleet, waits, self.peers, launcher.contexts)
        self.joining = Joining(machine, fleet, waits, self.peers, launcher, supervisor)
        self.added_hooks = AddedHooks(machine)
        self.sessions = Sessions(fleet, waits, clock, self.peers, end_unstored)
        self.waiting = Waiting(fleet, waits, clock, self.peers)
        self.sender = Sender(machine, fleet, waits, self.addresses, views, self.terminals.misplaced, tasks)
        self.participants = Participants(machine.store, fleet, self.sender.recipient)
        recipients = Recipients(self.sender.recipient, machine.config.groups)
        self.several = Several(self.sender, recipients, self.participants)
        self.messages = Messages(machine, fleet, self.peers, self.sender)
        self.mail = Mail(machine, fleet, self.peers, feed)
        self.reading = Reading(fleet, waits, clock, self.mail, tasks)
        self.questions = Questions(fleet, waits)
        self.watches = WatchList(machine, fleet)
        self.others = Others(hosts)
        self.transcripts = Transcripts(machine, fleet, launcher.contexts)
        self.quotes = Quotes(self.transcripts)
        self.usages = Usages(fleet, self.transcripts)
        self.own_session = OwnSession(fleet)
        self.moving = Moving(fleet, waits, machine.ids, hosts)
