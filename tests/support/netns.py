"""Hosts in network namespaces of their own, each with a cable to one switch, which can be pulled.

A namespace has no name: it lasts as long as the process that holds it, which ends with the process that made
it, however that ends. So nothing is left behind, and two runs never meet. Within the private network of
`scripts/test` it works as outside; who is not root makes a user namespace first.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.wait import wait_until

SWITCH = "10.111.0.254"
"""The switch's own address, for what runs in the middle of the network."""
_PREFIX = 24
_PATIENCE = 60.0
Command = list[str]


class NotAllowedError(Exception):
    """This machine lets this user make no network namespaces."""


class Network:
    """A switch and the hosts on it."""

    def __init__(self) -> None:
        """Make the switch. Raises NotAllowedError."""
        self._mine = os.geteuid() != 0
        self._holders: dict[str, subprocess.Popen[bytes]] = {}
        self._cables: dict[str, str] = {}
        new = ["unshare", *(["--user", "--map-root-user"] if self._mine else []), "--net", "--"]
        try:
            self._hold("switch", new)
            self._ip(
                "switch",
                "link set lo up",
                "link add bridge type bridge",
                f"addr add {SWITCH}/{_PREFIX} dev bridge",
                "link set bridge up",
            )
        except (OSError, NotAllowedError) as error:
            self.close()
            raise NotAllowedError(str(error)) from error

    def join(self, name: str) -> str:
        """A new host with a cable to the switch; its address."""
        address = f"10.111.0.{len(self._holders)}"
        self._hold(name, [*self.inside("switch"), "unshare", "--net", "--"])
        cable = f"c{len(self._holders) - 1}"
        self._ip(
            "switch",
            f"link add {cable} type veth peer name cable netns {self._holders[name].pid}",
            f"link set {cable} master bridge up",
        )
        self._ip(name, "link set lo up", f"addr add {address}/{_PREFIX} dev cable", "link set cable up")
        self._cables[name] = cable
        return address

    def inside(self, name: str) -> Command:
        """What a command begins with that is to run on a host, or on the "switch"."""
        place = f"/proc/{self._holders[name].pid}/ns"
        user = [f"--user={place}/user", "--preserve-credentials"] if self._mine else []
        return ["nsenter", *user, f"--net={place}/net", "--"]

    def holder(self, name: str) -> int:
        """The process that holds a host's namespaces."""
        return self._holders[name].pid

    def pull(self, name: str) -> None:
        """Nothing reaches a host and nothing leaves it; nobody is told."""
        self._ip("switch", f"link set {self._cables[name]} down")

    def plug(self, name: str) -> None:
        """Put its cable back."""
        self._ip("switch", f"link set {self._cables[name]} up")

    def close(self) -> None:
        """Let go of all namespaces; what still runs there keeps its own, without a way to any other."""
        for holder in self._holders.values():
            holder.communicate()
        self._holders.clear()

    def _hold(self, name: str, words: Sequence[str]) -> None:
        outside = Path("/proc/self/ns/net").readlink()
        within = self._holders.get("switch")
        holder = subprocess.Popen(
            [*words, "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self._holders[name] = holder
        others = {outside, *([_net(within.pid)] if within is not None else [])}

        def there() -> bool:
            if holder.poll() is not None:
                assert holder.stderr is not None
                raise NotAllowedError(holder.stderr.read().decode().strip())
            found = Path(f"/proc/{holder.pid}/comm").read_text().strip()
            return found == "cat" and _net(holder.pid) not in others

        wait_until(there, timeout=_PATIENCE, why=f"{name} has namespaces of its own")

    def _ip(self, name: str, *orders: str) -> None:
        done = subprocess.run(
            [*self.inside(name), "ip", "-batch", "-"],
            input="\n".join(orders).encode() + b"\n",
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise NotAllowedError(done.stderr.decode().strip())


def _net(pid: int) -> Path:
    return Path(f"/proc/{pid}/ns/net").readlink()


@contextmanager
def network() -> Iterator[Network]:
    """A network that is gone when the block ends; without one the test is skipped aloud, or fails in CI."""
    problem = "" if sys.platform == "linux" else "network namespaces are of Linux"
    made = None
    try:
        made = Network() if not problem else None
    except NotAllowedError as error:
        problem = f"this user may make no network namespaces: {error}"
    if made is None:
        if os.environ.get("CI"):
            pytest.fail(problem)
        pytest.skip(problem)
    try:
        yield made
    finally:
        made.close()
