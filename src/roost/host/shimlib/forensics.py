"""Why a process or a server was killed, as far as this machine tells."""

from __future__ import annotations

import os

from .machine import read
from .text import plain

TOP_PROCESSES = 15
LAST_LINES = 20
TAIL_BYTES = 16384
KERNEL_RECORDS = 20_000


def oom_kills() -> tuple[int | None, int | None]:
    """OOM kills counted by the kernel for (our cgroup, the machine); None where not readable."""
    return group_oom_kills(), counter(read("/proc/vmstat"), "oom_kill")


def group_oom_kills() -> int | None:
    """OOM kills counted by the kernel for our cgroup; None where not readable."""
    for line in read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found = counter(read(f"/sys/fs/cgroup{path}/memory.events"), "oom_kill")
        elif "memory" in controllers.split(","):
            found = counter(read(f"/sys/fs/cgroup/memory{path}/memory.oom_control"), "oom_kill")
        else:
            continue
        if found is not None:
            return found
    return None


def counter(text: str, name: str) -> int | None:
    """The number behind `name` in lines of `name number`."""
    _, found, rest = f"\n{text}".partition(f"\n{name} ")
    return int(rest.split(None, 1)[0]) if found else None


def oom_since(before: tuple[int | None, int | None]) -> bool | None:
    """Whether the kernel has killed for memory since; the machine is asked only where no cgroup tells."""
    group = group_oom_kills()
    told = before[0] is not None and group is not None
    return oom_evidence(before, (group, None) if told else oom_kills())


def oom_evidence(before: tuple[int | None, int | None], after: tuple[int | None, int | None]) -> bool | None:
    """Whether the kernel killed for memory in between: the cgroup's counter decides, else the machine's."""
    for earlier, later in zip(before, after, strict=True):
        if earlier is not None and later is not None:
            return later > earlier
    return None


def report(pane_log: str | None) -> str:
    """What explains a server that was killed: what the machine tells, and what the session last showed."""
    parts = [
        memory_report(),
        "# kernel messages about memory",
        *kernel_messages(),
        "# last lines of the screen",
    ]
    return "\n".join([*parts, *last_lines(pane_log)]) + "\n"


def last_lines(path: str | None, count: int = LAST_LINES) -> list[str]:
    """The last lines that a pane log shows, as plain text."""
    try:
        with open(path or "", "rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line.rstrip() for line in plain(text).splitlines() if line.strip()][-count:]


def kernel_messages() -> list[str]:
    """What the kernel's log tells of processes killed for memory, where we may read it."""
    try:
        descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        return [f"not readable: {error.strerror}"]
    found: list[str] = []
    try:
        for _ in range(KERNEL_RECORDS):
            try:
                record = os.read(descriptor, 8192).decode("utf-8", "replace")
            except BrokenPipeError:  # overwritten while it was read
                continue
            head, _, text = record.partition(";")
            if "oom" in text.lower() or "out of memory" in text.lower():
                found.append(f"{head.split(',')[2]} us: {text.splitlines()[0]}")
    except (OSError, IndexError):
        pass
    finally:
        os.close(descriptor)
    return found[-LAST_LINES:] or ["none"]


def cgroup_report() -> list[str]:
    """Memory of our control group, which is the server's too, where it is readable."""
    for line in read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers:
            continue
        parts = [path]
        for name in (
            "memory.current",
            "memory.max",
            "memory.swap.current",
            "memory.events",
            "memory.pressure",
        ):
            if text := read(f"/sys/fs/cgroup{path}/{name}").strip():
                parts += [f"{name}: {each}" for each in text.splitlines()]
        return parts
    return ["not readable"]


def memory_report() -> str:
    """Memory, swap, pressure, OOM counters, control group, largest processes."""
    wanted = ("MemTotal", "MemFree", "MemAvailable", "SwapTotal", "SwapFree", "Dirty", "Committed_AS")
    parts = ["# memory"]
    parts += [line for line in read("/proc/meminfo").splitlines() if line.split(":")[0] in wanted]
    parts += ["# swap", read("/proc/swaps").strip() or "not readable", "# control group", *cgroup_report()]
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
    return "\n".join(parts)
