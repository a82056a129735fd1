"""This host's way to the others of its fleet, as its membership says."""

from roost.core.vocabulary import commands as c
from roost.daemon.hosts.hosts import Hosts
from roost.daemon.hosts.keyring import Keyring
from roost.daemon.hosts.sealed import SealedCarrier
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.host.nats.carrier import NatsCarrier
from roost.local.membership import Membership


def connect(member: Membership, machine: Machine, fleet: Fleet, tasks: Tasks) -> Hosts:
    """The links of a member. Nothing runs yet."""
    ring = Keyring(bytes.fromhex(member.authority))

    def refused(origin: str, why: str) -> None:
        line = c.Journal("frame-refused", "", cause=why, data={"host": origin})
        tasks.start(fleet.record(line), "a frame was refused")

    options = {"nkeys_seed_str": member.seed} if member.seed else {}
    carrier = NatsCarrier(member.host, member.servers, **options)
    sealed = SealedCarrier(carrier, bytes.fromhex(member.key), ring, refused)
    return Hosts(member.host, sealed, ring, fleet, machine.store, machine.clock, machine.ids, tasks)
