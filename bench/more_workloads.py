"""Workloads that are no window of traffic: joining, memory, the first picture, growth."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.errors import BenchError, Void
from bench.peers import Roomline
from bench.plan import LOSS, SETTLING_S, START_S, TRIES, Case, Plan, figures_of
from bench.results import Run
from bench.stage import CONNECTS_WITHIN_S, VIDEO, Stage, Way, stage
from bench.traffic import Pattern

ROOM = "bench"
OURS = (Way("roomline", Roomline()),)


@dataclass(frozen=True)
class Program:
    """A module of its own that measures our server alone and prints its figures as JSON."""

    name: str
    title: str
    case: str
    seconds: float
    ways: Sequence[Way] = OURS

    def expected_s(self, plan: Plan) -> float:  # noqa: ARG002 - it takes what it takes
        """As was seen."""
        return self.seconds

    async def runs(self, plan: Plan, way: Way, number: int) -> AsyncGenerator[Run]:
        """Run it."""
        module = [sys.executable, "-m", f"bench.{self.name}"]
        told = json.loads(await output_of([*module, "--load", str(plan.harness.load)]))
        figures = {
            name: float(value)
            for name, value in told.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        yield Run(self.name, self.case, "fixed", way.name, number, figures)


async def output_of(command: Sequence[str]) -> str:
    """What a program prints. Raises BenchError with its complaint if it fails."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise BenchError(
            f"{command[0]}: {error.strerror}; make bench builds what is needed"
        ) from None
    output, complaint = await process.communicate()
    if process.returncode != 0:
        raise BenchError(f"{' '.join(command)}: {complaint.decode()[-600:].strip()}")
    return output.decode()


@dataclass(frozen=True)
class EngineMemory:
    """What an idle participant holds of the media core's heap.

    Every byte that Rust takes is counted, in one process. What the driver holds for its socket, and
    what the cryptographic library takes by itself, is not in it; both are in `memory`.
    """

    name: str
    title: str
    participants: int = 40
    ways: Sequence[Way] = OURS

    def expected_s(self, plan: Plan) -> float:  # noqa: ARG002 - it takes what it takes
        """As was seen."""
        return 2.0

    async def runs(self, plan: Plan, way: Way, number: int) -> AsyncGenerator[Run]:
        """Run it."""
        program = plan.harness.load.with_name("roomline-cost")
        told = await output_of([str(program), f"idle={self.participants}"])
        found = re.match(r"(\d+) bytes for each idle participant", told)
        if found is None:
            raise BenchError(f"roomline-cost printed something else: {told[:200]}")
        figures = {"kb_per_participant": int(found[1]) / 1000}
        yield Run(self.name, "idle", "fixed", way.name, number, figures)


@dataclass(frozen=True)
class FirstFrame:
    """Viewers who come into a running room, one after the other."""

    name: str
    title: str
    ways: Sequence[Way]
    pattern: Pattern
    viewers: int = 10

    def expected_s(self, plan: Plan) -> float:  # noqa: ARG002 - no window
        """Some hundred milliseconds each."""
        return START_S + self.viewers * 0.7

    async def runs(self, plan: Plan, way: Way, number: int) -> AsyncGenerator[Run]:
        """The median of the viewers."""
        async with stage(plan.harness, way) as on:
            await on.publisher(ROOM, "publisher", [VIDEO])
            await on.send(self.pattern)
            times = [await self._one(on, n) for n in range(self.viewers)]
        figures = {"first_frame_ms": median(times), "slowest_ms": max(times)}
        yield Run(self.name, "frames", "fixed", way.name, number, figures, on.facts())

    async def _one(self, on: Stage, number: int) -> float:
        await on.subscribers(ROOM, 1, 1, prefix=f"viewer{number}-")
        (*_, last) = on.people[-1].transports
        return await on.load.first_frame(last, CONNECTS_WITHIN_S)


@dataclass(frozen=True)
class Growth:
    """The same packets in all, for more and more people in a room, or more and more rooms."""

    name: str
    title: str
    sizes: dict[str, Sequence[int]]
    """`participants` in one room, and `rooms` of two."""
    pps: float
    """Forwarded in all."""
    ways: Sequence[Way] = OURS

    def expected_s(self, plan: Plan) -> float:
        """A stage for each size, and some milliseconds for each join."""
        sizes = [size for case in self.sizes.values() for size in case]
        return len(sizes) * (START_S + SETTLING_S + plan.window_s) + 0.03 * sum(sizes)

    async def runs(self, plan: Plan, way: Way, number: int) -> AsyncGenerator[Run]:
        """From small to large, each in a fresh server."""
        for case, sizes in self.sizes.items():
            for size in sizes:
                async with stage(plan.harness, way) as on:
                    yield await self._size(plan, on, (case, size), number)

    async def _size(self, plan: Plan, on: Stage, what: tuple[str, int], number: int) -> Run:
        case, size = what
        rooms, viewers = (size, 1) if case == "rooms" else (1, size - 1)
        pattern = Pattern("frames", 1200, self.pps / rooms / viewers, 10)
        for room in range(rooms):
            await on.publisher(f"{ROOM}{room}", "publisher", [VIDEO])
            await on.subscribers(f"{ROOM}{room}", viewers, 1)
        await on.send(pattern)
        await asyncio.sleep(SETTLING_S)
        void: str | None = None
        for _ in range(TRIES):
            try:
                traffic, usage = await on.window(plan.window_s)
            except Void as reason:
                void = str(reason)
                continue
            figures = figures_of(traffic, usage, Case(case, pattern, viewers))
            # One packet in for few people is as much work as one out.
            figures["cpu_ns"] = 1e9 * usage.server_s / (traffic.received + traffic.sent)
            loss = figures["loss"]
            void = None if loss < LOSS else f"{loss:.2%} were lost"
            return Run(self.name, case, str(size), on.way.name, number, figures, on.facts(), void)
        return Run(self.name, case, str(size), on.way.name, number, {}, on.facts(), void)
