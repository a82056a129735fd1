"""A fleet whose hosts, and whose hub, have networks of their own; what is between them can be disturbed."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.daemon import Roost, roost_in
from tests.support.fleet import Hosts
from tests.support.home import make_home
from tests.support.nats import Hub
from tests.support.netns import SWITCH, Network, network
from tests.support.processes import kept
from tests.support.proxy import Forwarder

PORT, ROUTES = 4222, 6222
"""Of the first server of the hub; the others follow."""
DAEMON = "tests.support.elsewhere_daemon"


@dataclass
class Fleet:
    """Real daemons of hosts on a network, and their hub of one server or more."""

    hosts: Hosts
    hubs: list[Hub]
    net: Network
    forwarder: Forwarder

    def start(self, host: str) -> Roost:
        """Start a host's daemon."""
        holder = str(self.net.holder(host))
        return self.hosts[host].start(sys.executable, "-m", DAEMON, environ={"ROOST_TEST_NETWORK": holder})

    def ask(self, host: str, what: str, *given: object) -> None:
        """Do something to all that goes between a host and the hub (see `proxy.Way`)."""
        for number in range(len(self.hubs)):
            self.forwarder.ask(_way(host, number), what, *given)


def _way(host: str, number: int) -> str:
    return f"{host} {number}"


def _cluster(number: int, servers: int) -> str:
    """The configuration of one of several servers, which tell nobody of each other."""
    if servers == 1:
        return ""
    routes = ", ".join(f"nats://127.0.0.1:{ROUTES + each}" for each in range(servers))
    return (
        f"server_name: n{number}\n"
        f"cluster {{ name: roost, listen: 127.0.0.1:{ROUTES + number}, routes: [{routes}],"
        " no_advertise: true }\n"
    )


@contextmanager
def fleet_on_network(folder: Path, *names: str, servers: int = 1) -> Iterator[Fleet]:
    """Daemons of these hosts, started, on a hub of so many servers."""
    with ExitStack() as stack:
        net = stack.enter_context(network())
        address, hubs = net.join("hub"), list[Hub]()
        for number in range(servers):
            place = folder / f"n{number}"
            place.mkdir()
            extra = _cluster(number, servers)
            hubs.append(Hub(place, extra, inside=net.inside("hub"), address=address, port=PORT + number))
        stack.callback(_end, hubs)
        for hub in hubs:
            hub.start()
        fronts = [(address, hub.port) for hub in hubs]
        forwarder = stack.enter_context(closing(Forwarder(net.inside("switch"), fronts)))
        hosts = Hosts([f"nats://127.0.0.1:{port}" for port in forwarder.ports], servers)
        fleet = Fleet(hosts, hubs, net, forwarder)
        for name in names:
            net.join(name)
            ports = [
                forwarder.ask(_way(name, number), "open", address, PORT + number, SWITCH)
                for number in range(servers)
            ]
            home = stack.enter_context(make_home())
            stack.enter_context(kept(home.mark))
            hosts.roosts[name] = stack.enter_context(roost_in(home, started=False))
            hosts.enter(name, hosts[name].places.state, *(f"nats://{SWITCH}:{port}" for port in ports))
        for name in names:
            fleet.start(name)
        yield fleet


def _end(hubs: list[Hub]) -> None:
    for hub in hubs:
        if hub.process is not None:
            hub.kill()
