"""Why a process or a server was killed, as far as this machine tells."""

from __future__ import annotations

import os

from .machine import read

TOP_PROCESSES = 15


def oom_kills() -> tuple[int | None, int | None]:
    """OOM kills counted by the kernel for (our cgroup, the machine); None where not readable."""
    group = None
    for line in read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found = counter(read(f"/sys/fs/cgroup{path}/memory.events"), "oom_kill")
        elif "memory" in controllers.split(","):
            found = counter(read(f"/sys/fs/cgroup/memory{path}/memory.oom_control"), "oom_kill")
        else:
            continue
        group = found if found is not None else group
    return group, counter(read("/proc/vmstat"), "oom_kill")


def counter(text: str, name: str) -> int | None:
    """The number behind `name` in lines of `name number`."""
    for line in text.splitlines():
        if line.startswith(name + " "):
            return int(line.split()[1])
    return None


def oom_evidence(before: tuple[int | None, int | None], after: tuple[int | None, int | None]) -> bool | None:
    """Whether the kernel killed for memory in between: the cgroup's counter decides, else the machine's."""
    for earlier, later in zip(before, after, strict=True):
        if earlier is not None and later is not None:
            return later > earlier
    return None


def memory_report() -> str:
    """What explains a server that was killed: memory, swap, pressure, OOM counters, largest processes."""
    wanted = ("MemTotal", "MemFree", "MemAvailable", "SwapTotal", "SwapFree", "Dirty", "Committed_AS")
    parts = ["# memory"]
    parts += [line for line in read("/proc/meminfo").splitlines() if line.split(":")[0] in wanted]
    for name in ("memory", "cpu", "io"):
        parts += [f"# pressure {name}", read(f"/proc/pressure/{name}").strip() or "not readable"]
    cgroup, machine = oom_kills()
    parts += ["# oom kills since boot", f"cgroup {cgroup}", f"machine {machine}"]
    parts.append("# largest processes (kB resident, pid, name)")
    sizes: list[tuple[int, int]] = []
    for pid in os.listdir("/proc") if os.path.isdir("/proc/self") else []:
        if pid.isdigit():
            fields = read(f"/proc/{pid}/statm").split()
            if len(fields) > 1:
                sizes.append((int(fields[1]) * os.sysconf("SC_PAGE_SIZE") // 1024, int(pid)))
    for size, pid in sorted(sizes, reverse=True)[:TOP_PROCESSES]:
        parts.append(f"{size} {pid} {read(f'/proc/{pid}/comm').strip()}")
    return "\n".join(parts) + "\n"
