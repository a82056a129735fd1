"""`python -m benchmarks [--json] [names]`: run the benchmarks; exits 1 when a target is missed.

`--peer NAME` measures roost beside another program instead, which it installs from PyPI.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from subprocess import CalledProcessError

from benchmarks import (
    accept,
    at_work,
    backup,
    beside_hcom,
    busy,
    call,
    command,
    comparison,
    crowd,
    deaths,
    delivery,
    fleet,
    hooks,
    latency,
    page,
    parted,
    reconcile,
    start,
    task,
    threads,
    wake,
)
from benchmarks.comparison import Comparison
from benchmarks.result import Result, show, show_json
from roost.errors import RoostError

BENCHMARKS: Mapping[str, Callable[[], Result]] = {
    "delivery": delivery.run,
    "delivery-busy": busy.run,
    "delivery-call": call.run,
    "accept-one": accept.one,
    "accept-many": accept.many,
    "accept-latency": latency.run,
    "backup": backup.run,
    "up": start.run,
    "wake": wake.run,
    "task": task.run,
    "list": command.listing,
    "send": command.sending,
    "idle": crowd.idle,
    "top-idle": crowd.topped,
    "page-idle": crowd.watched,
    "at-work": at_work.run,
    "page": page.run,
    "memory": crowd.memory,
    "adopt": crowd.adopt,
    "reconcile": reconcile.run,
    "death": deaths.death,
    "death-p99": deaths.death_worst,
    "exits": deaths.exits,
    "death-joined": parted.run,
    "threads": threads.run,
    "hook": hooks.by_http,
    "hook-command": hooks.by_command,
    "fleet": fleet.run,
    "fleet-idle": fleet.idle,
    "fleet-local": fleet.local,
}
_FAILURES = (RoostError, OSError, RuntimeError, CalledProcessError)
PEERS: Mapping[str, Callable[[], Comparison]] = {"hcom": beside_hcom.run}


def main(
    arguments: Sequence[str],
    benchmarks: Mapping[str, Callable[[], Result]] = BENCHMARKS,
    peers: Mapping[str, Callable[[], Comparison]] = PEERS,
) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one of {', '.join(benchmarks)}; default: all"
    )
    parser.add_argument("--peer", choices=peers, help="measure roost beside this program instead")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args(arguments)
    unknown = set(asked.names) - set(benchmarks)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(benchmarks)}")
    if asked.peer:
        if asked.names:
            parser.error("--peer takes no names of benchmarks")
        return _beside(asked.peer, peers[asked.peer], json=asked.json)
    results: list[Result] = []
    failed = False
    for name in asked.names or benchmarks:
        sys.stderr.write(f"{name} ...\n")
        try:
            results.append(benchmarks[name]())
        except _FAILURES as error:
            failed = True
            sys.stderr.write(f"{name} could not be measured: {error}\n")
    (show_json if asked.json else show)(results)
    return 0 if not failed and all(result.passed for result in results) else 1


def _beside(name: str, compare: Callable[[], Comparison], *, json: bool) -> int:
    sys.stderr.write(f"{name} ...\n")
    try:
        found = compare()
    except _FAILURES as error:
        sys.stderr.write(f"{name} could not be measured: {error}\n")
        return 1
    (comparison.show_json if json else comparison.show)(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
