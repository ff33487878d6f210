"""What this machine can do at all, in the set-up in which the servers are measured.

`roomline-limit` (crates/dev/limit) stands where a server stands. It opens what comes, and for each
destination writes a header, seals with AES-128-GCM under a key of its own and sends; no rooms, no
feedback, no timers, no retransmission.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench.errors import BenchError, Void
from bench.meter import ALONE, Meter, Usage
from bench.results import Run, Sheet
from bench.search import highest
from bench.topology import CLIENT_CORE, CLIENT_V4, SERVER_CORE, SERVER_V4, Topology

PORT = 5000
FIRST_PORT = 20_000
LOSS = 0.001
BUSY = 0.8
"""The share of its core above which the feeder's word counts no more."""
TOP_PPS = 3_000_000.0
SETTLING_S = 0.5
PROBE_S = 1.5


@dataclass(frozen=True)
class Shape:
    """What is sent to everybody."""

    name: str
    bytes: int
    """Of an RTP packet before SRTP."""
    burst: int
    """Packets that come at once."""
    runs: tuple[int, ...]
    """Packets to a buffer, as tried."""


SHAPES = (
    Shape("frames", 1200, 10, (10, 4, 1)),
    Shape("even", 1200, 1, (1,)),
    Shape("even-160", 160, 1, (1,)),
)


@dataclass(frozen=True)
class Method:
    """How packets leave."""

    run: int
    socket: str
    """`one` for all destinations, or one connected to `each`."""

    @property
    def name(self) -> str:
        """As in the results."""
        how = "UDP_SEGMENT, runs of " + str(self.run) if self.run > 1 else "single packets"
        return f"{how}, {'one socket' if self.socket == 'one' else 'a socket each'}"


def methods(shape: Shape, every: bool = True) -> list[Method]:
    """All that are tried with a shape, or those that were best where it was tried."""
    runs = shape.runs if every else shape.runs[:1]
    return [Method(run, socket) for run in runs for socket in ("one", "each")]


@dataclass(frozen=True)
class Feed:
    """What came of one feeding."""

    sent: int
    received: int
    cpu: float
    """Share of its core that the feeder used."""


class Forwarder:
    """A running `roomline-limit serve`."""

    def __init__(self, limit: Limit, method: Method) -> None:
        place, binary, count = limit.place, limit.binary, limit.count
        self._place, self._binary, self._count, self._gro = place, binary, count, limit.gro
        words = {
            "listen": f"{SERVER_V4}:{PORT}",
            "to": CLIENT_V4,
            "first_port": FIRST_PORT,
            "count": count,
            "run": method.run,
            "socket": method.socket,
        }
        command = ["taskset", "-c", str(SERVER_CORE), str(binary), "serve", *_words(words)]
        self.process = place.server.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if _line(self.process.stdout) != "ready":
            raise BenchError("roomline-limit did not start")

    def sent(self) -> int:
        """Datagrams so far."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"?\n")
        self.process.stdin.flush()
        told: dict[str, int] = json.loads(_line(self.process.stdout))
        return told["sent"]

    def feed(self, shape: Shape, pps: float, seconds: float) -> Feed:
        """Offer so many packets in all, counted at the receivers, and wait until they came."""
        words = {
            "to": f"{SERVER_V4}:{PORT}",
            "from": CLIENT_V4,
            "first_port": FIRST_PORT,
            "count": self._count,
            "bytes": shape.bytes,
            "burst": shape.burst,
            "pps": pps / self._count,
            "seconds": seconds,
            "gro": int(self._gro),
        }
        feeder = ["taskset", "-c", str(CLIENT_CORE), str(self._binary), "feed", *_words(words)]
        done = subprocess.run(
            self._place.client.command(feeder), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise BenchError(done.stderr.strip())
        told = json.loads(done.stdout)
        return Feed(told["sent"] * self._count, told["received"], told["cpu"])

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def _words(words: dict[str, Any]) -> list[str]:
    return [f"{name}={value}" for name, value in words.items()]


def _line(stream: IO[bytes] | None) -> str:
    assert stream is not None
    return stream.readline().decode().strip()


@contextmanager
def forwarder(limit: Limit, method: Method) -> Iterator[Forwarder]:
    """A forwarder for as long as the block lasts."""
    running = Forwarder(limit, method)
    try:
        yield running
    finally:
        running.close()


@dataclass(frozen=True)
class Limit:
    """How the ceiling is taken."""

    place: Topology
    binary: Path
    count: int
    """Destinations."""
    pps: float
    """The fixed load in forwarded packets per second."""
    seconds: float
    company: float
    """What others may use of a core, as a share of it."""
    gro: bool = False
    """Whether the receivers take joined packets."""

    def fixed(self, shape: Shape, method: Method, number: int) -> Run:
        """One run at the fixed load."""
        figures: dict[str, float] = {}
        try:
            with forwarder(self, method) as running:
                running.feed(shape, self.pps, SETTLING_S)
                figures = self._probe(running, shape, self.pps, self.seconds)
            void = None if figures["loss"] < LOSS else f"{figures['loss']:.2%} were lost"
        except Void as reason:
            void = str(reason)
        facts = self._facts(shape)
        return Run("limit", shape.name, "fixed", method.name, number, figures, facts, void)

    async def maximum(self, shape: Shape, method: Method, number: int, start: float) -> Run:
        """The highest load without loss, by bisection. It may be the generator's, which is said."""
        best: dict[str, float] = {}
        facts = self._facts(shape)
        void = None
        try:
            with forwarder(self, method) as running:

                async def passes(pps: float) -> bool:
                    figures = self._probe(running, shape, pps, PROBE_S)
                    if figures["client"] > BUSY:
                        facts["bound_by"] = "generator"
                    elif figures["loss"] < LOSS:
                        best.update(figures, maximum_pps=pps)
                        return True
                    return False

                if await highest(passes, start, TOP_PPS) is None:
                    void = "no load passed"
        except Void as reason:
            void = str(reason)
        return Run("limit", shape.name, "maximum", method.name, number, best, facts, void)

    def _facts(self, shape: Shape) -> dict[str, Any]:
        return {"destinations": self.count, "bytes": shape.bytes}

    def _probe(
        self, running: Forwarder, shape: Shape, pps: float, seconds: float
    ) -> dict[str, float]:
        meter, before = Meter([running.process.pid], company=self.company), running.sent()
        meter.begin()
        fed = running.feed(shape, pps, seconds)
        usage = meter.end()
        return _figures(running.sent() - before, fed, usage)


def _figures(sent: int, fed: Feed, usage: Usage) -> dict[str, float]:
    figures = {
        "packets": sent,
        "loss": max(0.0, 1 - fed.received / fed.sent) if fed.sent else 1.0,
        "others": usage.others_s / usage.seconds,
        "client": fed.cpu,
    }
    if sent and usage.server_s:
        figures["cpu_ns"] = 1e9 * usage.server_s / sent
        figures["packets_per_cpu_s"] = sent / usage.server_s
    if sent and usage.others_s < ALONE * usage.seconds:
        figures["core"] = usage.core_s / usage.seconds
        figures["core_ns"] = 1e9 * usage.core_s / sent
    return figures


def best(sheet: Sheet, shape: Shape) -> tuple[Method, float]:
    """The method that cost least at the fixed load, and the load at which it must end."""
    costs = {
        method: cost.median
        for method in methods(shape)
        if (cost := sheet.spread("limit", shape.name, "fixed", method.name, "cpu_ns"))
    }
    if not costs:
        raise BenchError(f"every run of the limit with {shape.name} was void: {_reasons(sheet)}")
    method = min(costs, key=lambda m: costs[m])
    return method, 0.7e9 / costs[method]


def _reasons(sheet: Sheet) -> str:
    return "; ".join(dict.fromkeys(run.void for run in sheet.runs if run.void))
