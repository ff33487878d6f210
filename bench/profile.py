"""Where a server's processor time goes under a workload's fixed load, by `perf`."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.plan import SETTLING_S
from bench.stage import Harness, stage
from bench.topology import SERVER_CORE
from bench.traffic import Traffic
from bench.workloads import Rooms

SECONDS = 5
HERTZ = 4999
"""No divisor of anything periodic."""
IDLE = "swapper"
"""What `perf` calls the processor when it has nothing to do."""
OWN = "its own code"
PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "received at the client's socket",
        ("net_rx_action", "__netif_receive_skb_one_core", "process_backlog"),
    ),
    ("handed to the other end of the cable", ("veth_xmit", "enqueue_to_backlog")),
    ("runs cut up", ("__skb_gso_segment", "skb_segment", "__udp_gso_segment")),
    ("waiting, and waking up", ("do_epoll_wait", "__x64_sys_epoll_wait", "schedule")),
    ("reading", ("__sys_recvmmsg", "do_recvmmsg", "sock_recvmsg", "inet_recvmsg")),
    ("TCP", ("tcp_sendmsg", "tcp_write_xmit", "tcp_v4_rcv")),
    ("data copied in", ("ip_make_skb", "__ip_append_data", "ip_append_data")),
    ("UDP, IP and the route", ("udp_sendmsg", "udp_send_skb")),
    ("other system calls", ("do_syscall_64", "entry_SYSCALL_64_after_hwframe")),
    ("interrupts", ("handle_softirqs", "irqentry_exit", "asm_sysvec_apic_timer_interrupt")),
)
"""The kernel's parts by functions of theirs; a stack belongs to the first that it has one of."""


@dataclass(frozen=True)
class Profile:
    """Samples of the server's core, taken while the load client counted."""

    threads: Counter[str]
    """By the name of the thread; `swapper` is the idle processor."""
    parts: Counter[str]
    """Those of the busiest thread, by what it did."""
    received: int
    """Packets that arrived meanwhile."""

    def text(self) -> str:
        """Two tables: what the core did, and what its busiest thread did."""
        all_samples, ns = self.threads.total(), SECONDS * 1e9
        lines = ["| thread | of the core | ns/packet |", "|---|---|---|"]
        for name, count in self.threads.most_common(5):
            share = count / all_samples
            cost = "" if name == IDLE else f"{ns * share / self.received:,.0f}"
            lines.append(f"| {'idle' if name == IDLE else name} | {share:.1%} | {cost} |")
        lines += ["", "| busiest thread | of it | ns/packet |", "|---|---|---|"]
        for name, count in self.parts.most_common():
            each = ns * count / all_samples / self.received
            lines.append(f"| {name} | {count / self.parts.total():.1%} | {each:,.0f} |")
        return "\n".join(lines)


def part_of(stack: Iterable[str]) -> str:
    """What a stack of functions was about."""
    functions = set(stack)
    for name, signs in PARTS:
        if not functions.isdisjoint(signs):
            return name
    return OWN


def read(script: str, received: int) -> Profile:
    """What `perf script -F comm,ip,sym` printed: a line with the thread, and a line per function."""
    samples = [sample.splitlines() for sample in script.split("\n\n") if sample.strip()]
    threads = Counter(lines[0].strip() for lines in samples)
    busy = [name for name, _ in threads.most_common() if name != IDLE]
    if not busy or not received:
        raise BenchError("the server did nothing while it was watched")
    stacks = (lines[1:] for lines in samples if lines[0].strip() == busy[0])
    parts = Counter(part_of(line.split(None, 1)[-1].strip() for line in stack) for stack in stacks)
    return Profile(threads, parts, received)


async def take(harness: Harness, workload: Rooms, way_name: str, case_name: str) -> Profile:
    """Fill the rooms, send the case's fixed load, and watch the server's core.

    Raises BenchError if there is no such way or case, or no `perf`.
    """
    way = {way.name: way for way in workload.ways}.get(way_name)
    case = {case.name: case for case in workload.cases}.get(case_name or workload.cases[0].name)
    if way is None or case is None:
        raise BenchError(f"{workload.name} has no {case_name if way else way_name}")
    if shutil.which("perf") is None:
        raise BenchError("perf is not installed: apt install linux-perf")
    file = harness.place.folder / "perf.data"
    async with stage(harness, way) as on:
        await workload.fill(on)
        await on.send(case.pattern)
        await asyncio.sleep(SETTLING_S)
        told, _ = await asyncio.gather(on.load.measure(SECONDS, streams=False), _record(file))
    return read(
        await _perf("script", "-i", str(file), "-F", "comm,ip,sym"), Traffic.of(told).received
    )


async def _record(file: Path) -> None:
    words = f"record -q -g -F {HERTZ} -e cpu-clock -C {SERVER_CORE} -o {file} -- sleep {SECONDS}"
    await _perf(*words.split())


async def _perf(*words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "perf", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, complaint = await process.communicate()
    if process.returncode != 0:
        raise BenchError(f"perf {words[0]}: {complaint.decode()[-300:].strip()}")
    return output.decode()
