"""This host's way to the others of its fleet, as its membership says."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import OPERATOR
from roost.daemon.hosts.hosts import Hosts
from roost.daemon.hosts.keyring import Keyring
from roost.daemon.hosts.members import Members
from roost.daemon.hosts.rows import Row, row_of
from roost.daemon.hosts.sealed import SealedCarrier
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.host.nats.carrier import NatsCarrier
from roost.host.nats.directory import NatsDirectory
from roost.host.nats.hub import Hub, shown_by
from roost.host.nats.subjects import host_inbox
from roost.local.membership import Membership


def connect(member: Membership, machine: Machine, fleet: Fleet, tasks: Tasks) -> Hosts:
    """The links of a member. Nothing runs yet."""
    ring = Keyring(bytes.fromhex(member.authority))

    def refused(origin: str, why: str) -> None:
        line = c.Journal("frame-refused", "", cause=why, data={"host": origin})
        tasks.start(fleet.record(line), "a frame was refused")

    def _told(peer: str) -> bool:
        return peer != OPERATOR and machine.config.fleet.shows(peer)

    def rows() -> list[Row]:
        now = machine.clock.now()
        return [row_of(state, now) for state in fleet.states() if _told(state.peer.name)]

    options = shown_by(member.seed, member.ca, host_inbox(member.host))
    provides = not member.seed  # a hub that knows its users has a registrar
    hub = Hub(member.host, member.servers, replicas=member.replicas, provides=provides, **options)
    sealed = SealedCarrier(NatsCarrier(member.host, hub), bytes.fromhex(member.key), ring, refused)
    run = machine.ids.new()
    directory = NatsDirectory(hub)
    members = Members(member.host, run, ring, directory, fleet, machine.store, machine.clock, rows)
    return Hosts(
        members, sealed, fleet, machine.store, machine.clock, machine.ids, tasks, machine.config.fleet
    )
