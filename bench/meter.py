"""What a server costs over a window: processor time, the whole core, memory, and who disturbed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.errors import Void
from bench.topology import CLIENT_CORE, SERVER_CORE

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
TICK_S = 1 / TICKS
"""The steps in which the kernel tells what the hypervisor kept."""
COMPANY = 0.1
"""The share of a core that others, or the hypervisor, may take before a run is void."""
ALONE = 0.02
"""What others may take before nothing can be said of the core as a whole."""
KEPT = 2.5
"""Times that, what the hypervisor may keep as a share of what the server used: about a third of what is
kept is charged to the server, so that a tenth of company adds less than a tenth to its cost."""


@dataclass(frozen=True)
class Usage:
    """One window."""

    seconds: float
    """By the clock on the wall."""
    server_s: float
    """Processor time of all server processes, softirq done on their behalf included."""
    core_s: float
    """Time in which the server's core was not idle, less what others used of it."""
    softirq_s: float
    """Part of `core_s` that the kernel counted as softirq; sampled at the tick."""
    others_s: float
    """What other processes used of the server's core."""
    client_core_s: float
    """Time in which the client's core was not idle."""
    steal_s: float
    """What the hypervisor kept of the server's core."""
    rss: int
    """Resident bytes of all server processes at the end."""


@dataclass(frozen=True)
class _Core:
    idle_s: float
    softirq_s: float
    steal_s: float


@dataclass(frozen=True)
class _Sample:
    at_s: float
    cores: tuple[_Core, _Core]
    processes: dict[int, int]
    """Processor time in ns of every process there is."""


class Meter:
    """Measures from `begin` to `end`. Takes some milliseconds of the client's core each time."""

    def __init__(
        self, pids: Iterable[int], own: Iterable[int] = (), company: float = COMPANY
    ) -> None:
        self._roots = frozenset(pids)
        self._company = company
        self._own = frozenset(own) | {os.getpid()}
        self._first: _Sample | None = None

    def begin(self) -> None:
        """Start a window."""
        self._first = _sample()

    def end(self) -> Usage:
        """Close the window. Raises Void when others or the hypervisor disturbed it."""
        last, first = _sample(), self._first
        if first is None:
            raise ValueError("no window was begun")
        seconds = last.at_s - first.at_s
        servers = _with_children(self._roots)
        own = _with_children(self._own)
        spent = {
            pid: (ns - first.processes.get(pid, 0)) / 1e9 for pid, ns in last.processes.items()
        }
        here, there = _company(spent, servers | own, seconds)
        core = [a.idle_s - b.idle_s for a, b in zip(last.cores, first.cores, strict=True)]
        steal_s = last.cores[0].steal_s - first.cores[0].steal_s
        usage = Usage(
            seconds=seconds,
            server_s=sum(spent.get(pid, 0.0) for pid in servers),
            core_s=max(0.0, seconds - core[0] - steal_s - here),
            softirq_s=last.cores[0].softirq_s - first.cores[0].softirq_s,
            others_s=here,
            client_core_s=max(0.0, seconds - core[1]),
            steal_s=steal_s,
            rss=sum(resident(pid) for pid in servers),
        )
        _judge(usage, there, self._company)
        return usage


def _judge(usage: Usage, on_client_core_s: float, company: float) -> None:
    for core, used_s in ((SERVER_CORE, usage.others_s), (CLIENT_CORE, on_client_core_s)):
        if used_s > company * usage.seconds:
            raise Void(f"other processes used {used_s / usage.seconds:.0%} of core {core}")
    kept_s = usage.steal_s
    if kept_s > company * usage.seconds:
        raise Void(f"the hypervisor kept {kept_s / usage.seconds:.0%} of the server's core")
    if kept_s > max(TICK_S, KEPT * company * usage.server_s):
        raise Void(
            f"the hypervisor kept {kept_s * 1e3:.0f} ms; the server had {usage.server_s * 1e3:.0f}"
        )


def _sample() -> _Sample:
    processes = {}
    for path in PROC.iterdir():
        if path.name.isdigit():
            try:
                processes[int(path.name)] = processor_ns(int(path.name))
            except (OSError, ValueError):
                continue  # it ended meanwhile
    return _Sample(time.monotonic(), _cores(), processes)


def processor_ns(pid: int) -> int:
    """All that a process has used, by all its threads, also those that have ended; to the ns.

    The clock that clock_getcpuclockid(3) names: `/proc/PID/stat` has only 10 ms steps, and
    `/proc/PID/task` forgets threads that ended.
    """
    return time.clock_gettime_ns((~pid << 3) | 2)


def _cores() -> tuple[_Core, _Core]:
    text = (PROC / "stat").read_text()

    def core(number: int) -> _Core:
        found = re.search(rf"^cpu{number} (.*)$", text, re.MULTILINE)
        if found is None:
            raise Void(f"core {number} is offline")
        _, _, _, idle, iowait, irq, softirq, steal, *_ = (int(n) / TICKS for n in found[1].split())
        return _Core(idle + iowait, irq + softirq, steal)

    return core(SERVER_CORE), core(CLIENT_CORE)


def _with_children(roots: Iterable[int]) -> frozenset[int]:
    """The processes and whatever they have started that still runs."""
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(_children(pid))
    return frozenset(found)


def _children(pid: int) -> list[int]:
    try:
        tasks = list((PROC / str(pid) / "task").iterdir())
        return [int(n) for task in tasks for n in (task / "children").read_text().split()]
    except OSError:
        return []


def _company(spent: dict[int, float], ours: frozenset[int], seconds: float) -> tuple[float, float]:
    """What others used of the server's and of the client's core, by where they ran last."""
    used = {SERVER_CORE: 0.0, CLIENT_CORE: 0.0}
    for pid, spent_s in spent.items():
        if pid in ours or spent_s < 0.002 * seconds or _is_kernel(pid):
            continue
        for core in used:
            used[core] += spent_s * _share_on(pid, core)
    return used[SERVER_CORE], used[CLIENT_CORE]


def _is_kernel(pid: int) -> bool:
    """A thread of the kernel works for whoever is measured."""
    try:
        return not (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return True


def _share_on(pid: int, core: int) -> float:
    """The share of a process's threads that ran last on this core."""
    try:
        tasks = [task / "stat" for task in (PROC / str(pid) / "task").iterdir()]
        cores = [int(path.read_text().rpartition(")")[2].split()[36]) for path in tasks]
    except (OSError, IndexError):
        return 0.0
    return cores.count(core) / len(cores) if cores else 0.0


def resident(pid: int) -> int:
    """Resident bytes of a process; 0 if it has ended."""
    try:
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
