"""Alternating rounds: every way has its turn in each, so that what drifts in the machine hits all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from bench.errors import BenchError, Busy, Void
from bench.meter import ALONE, Usage
from bench.progress import Progress
from bench.results import Run, Sheet
from bench.search import FAR, NEAR, highest
from bench.stage import Harness, Stage, Way
from bench.traffic import Pattern, Traffic

LOSS = 0.001
"""More than this is not serving."""
SETTLING_S = 1.5
"""Between a change of load and the window."""
PROBE_S = 1.5
PROBE_SETTLING_S = 0.5
TRIES = 3
"""Windows that are tried when somebody disturbs."""
START_S = 4.0
"""About what it takes until a server is up and its rooms are full."""
MAXIMUM_S = 15.0
"""About what a search for a maximum takes."""
TOP_PPS = 3_000_000.0
FIRST_TRY = 3.0
"""Times the fixed load: where the first search begins."""


When = Literal["never", "full", "always"]
"""`full` is with `--full` only."""


@dataclass(frozen=True)
class Case:
    """One kind of traffic of a workload."""

    name: str
    pattern: Pattern
    """Of one track at the fixed load."""
    copies: float
    """Packets forwarded for each one that is published."""
    fixed: When = "always"
    maximum: When = "never"
    """Whether its highest load is looked for."""
    latency: When = "never"
    """Whether latency is taken at shares of that."""


class Workload(Protocol):
    """Something to measure."""

    @property
    def name(self) -> str:
        """On the command line and in results."""
        ...

    @property
    def title(self) -> str:
        """In one line."""
        ...

    @property
    def ways(self) -> Sequence[Way]:
        """Who is compared."""
        ...

    def expected_s(self, plan: Plan) -> float:
        """About how long one way takes in one round."""
        ...

    def runs(self, plan: Plan, way: Way, number: int) -> AsyncGenerator[Run]:
        """Everything of one way in one round. Raises BenchError if the server fails."""
        ...


@dataclass
class Plan:
    """What is to be measured, and how long."""

    harness: Harness
    sheet: Sheet
    path: Path
    """Where the sheet is kept, from the first run on."""
    rounds: int
    window_s: float
    full: bool
    """Also what is for `--full` only."""
    maxima: bool = True
    """Whether highest loads are looked for."""
    starts: dict[tuple[str, str, str], float] = field(init=False)
    """Where the search for a maximum begins, by workload, case and way: at the last one found."""

    def __post_init__(self) -> None:
        self.starts = {
            (run.workload, run.case, run.peer): run.figures["maximum_pps"]
            for run in self.sheet.runs
            if "maximum_pps" in run.figures
        }

    def does(self, when: When) -> bool:
        """Whether this is the time for it."""
        return when == "always" or (when == "full" and self.full)

    def searches(self, case: Case) -> bool:
        """Whether the maximum of a case is looked for."""
        return self.maxima and self.does(case.maximum)

    async def carry_out(self, workloads: Sequence[Workload]) -> None:
        """Measure all of it. What fails is a void run with its reason."""
        progress = Progress(sum(w.expected_s(self) * len(w.ways) * self.rounds for w in workloads))
        for workload in workloads:
            for way in workload.ways:
                self.sheet.versions.update({peer.name: peer.version for peer in way.peers()})
            for number in self.sheet.next_rounds(workload.name, self.rounds):
                await self._round(workload, number, progress)

    async def _round(self, workload: Workload, number: int, progress: Progress) -> None:
        ways = list(workload.ways)
        turn = number % len(ways)
        for way in ways[turn:] + ways[:turn]:
            progress.say(f"{workload.name}, round {number}: {way.name}")
            try:
                async with aclosing(workload.runs(self, way, number)) as runs:
                    async for run in runs:
                        self.sheet.add(run, self.path)
                        progress.tell(run)
            except* BenchError as group:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    # Ctrl-C reaches the servers too; that they end says nothing about them.
                    raise asyncio.CancelledError from group
                reason = "; ".join(str(e) for e in leaves(group))
                run = Run(workload.name, "all", "fixed", way.name, number, {}, {}, reason)
                self.sheet.add(run, self.path)
                progress.tell(run)
            progress.passed(workload.expected_s(self))


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The errors in a group of groups."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


@dataclass(frozen=True)
class Turn:
    """One way's runs with one case in one round."""

    plan: Plan
    stage: Stage
    workload: str
    case: Case
    number: int

    async def fixed(self) -> Run:
        """A window at the fixed load."""
        return await self.at("fixed", self.case.pattern)

    async def at(self, load: str, pattern: Pattern) -> Run:
        """A window at some load; again when somebody disturbs it."""
        await self.stage.send(pattern)
        await asyncio.sleep(SETTLING_S)
        void: str | None = None
        for _ in range(TRIES):
            try:
                traffic, usage = await self.stage.window(self.plan.window_s)
            except Void as reason:
                void = str(reason)
                continue
            figures = figures_of(traffic, usage, self.case)
            void = wrong(traffic, pattern, figures["loss"])
            return self._run(load, figures, self._facts(pattern), void)
        return self._run(load, {}, self._facts(pattern), void)

    async def maximum(self) -> Run:
        """The highest load without loss, by bisection."""
        case, stage = self.case, self.stage
        best: dict[str, float] = {}
        facts = self._facts(case.pattern)
        per_track = case.copies * len(stage.tracks)

        async def passes(pps: float) -> bool:
            pattern = case.pattern.at(pps / per_track)
            try:
                figures, reason = await self._probe(pattern)
            except Busy:
                facts["bound_by"] = "generator"
                return False
            if reason is not None:
                facts.pop("bound_by", None)
                return False
            best.clear()
            best.update(figures, maximum_pps=figures["forwarded_pps"])
            return True

        void = None
        key = (self.workload, case.name, stage.way.name)
        known = self.plan.starts.get(key)
        start = known or FIRST_TRY * per_track * case.pattern.pps
        try:
            found = await highest(passes, start, TOP_PPS, NEAR if known else FAR)
            if found is None:
                void = "no load passed"
            else:
                self.plan.starts[key] = found
        except Void as reason:
            void = str(reason)
        await stage.send(case.pattern)
        return self._run("maximum", best, facts, void)

    async def _probe(self, pattern: Pattern) -> tuple[dict[str, float], str | None]:
        """A short window at some load, and why the server doesn't stand it."""
        await self.stage.send(pattern)
        await asyncio.sleep(PROBE_SETTLING_S)
        for attempt in range(TRIES):
            try:
                traffic, usage = await self.stage.window(PROBE_S)
            except Busy:
                raise
            except Void:
                if attempt == TRIES - 1:
                    raise
                continue
            break
        figures = figures_of(traffic, usage, self.case)
        return figures, wrong(traffic, pattern, figures["loss"])

    def _run(
        self, load: str, figures: dict[str, float], facts: dict[str, Any], void: str | None
    ) -> Run:
        names = (self.workload, self.case.name, load, self.stage.way.name, self.number)
        return Run(*names, figures, facts, void)

    def _facts(self, pattern: Pattern) -> dict[str, Any]:
        return {
            **self.stage.facts(),
            "bytes": pattern.bytes,
            "burst": pattern.burst,
            "offered_pps": pattern.pps * len(self.stage.tracks),
            "copies": self.case.copies,
        }


def wrong(traffic: Traffic, pattern: Pattern, loss: float) -> str | None:
    """Why what was received is not what was sent, or None."""
    if not traffic.received:
        return "nothing was received"
    size = traffic.bytes / traffic.received
    if not 0.97 * pattern.bytes <= size <= 1.03 * pattern.bytes + 24:
        return f"packets of {size:.0f} bytes came, and {pattern.bytes} were sent"
    return f"{loss:.2%} were lost" if loss >= LOSS else None


def figures_of(traffic: Traffic, usage: Usage, case: Case) -> dict[str, float]:
    """What is kept of a window."""
    packets = traffic.received
    figures = {
        "forwarded_pps": packets / usage.seconds,
        "loss": traffic.loss(case.copies),
        "bytes_per_packet": traffic.bytes / packets if packets else 0.0,
        "mbit_s": 8e-6 * traffic.bytes / usage.seconds,
        "rtx_share": traffic.rtx / packets if packets else 0.0,
        "server": usage.server_s / usage.seconds,
        "softirq": usage.softirq_s / usage.seconds,
        "others": usage.others_s / usage.seconds,
        "client": traffic.client,
        "late": traffic.late,
        "rss_mib": usage.rss / 2**20,
    }
    if packets and usage.server_s:
        figures["cpu_ns"] = 1e9 * usage.server_s / packets
        figures["packets_per_cpu_s"] = packets / usage.server_s
        figures["mbit_per_cpu_s"] = 8e-6 * traffic.bytes / usage.server_s
    if packets and usage.others_s < ALONE * usage.seconds:
        figures["core"] = usage.core_s / usage.seconds
        figures["core_ns"] = 1e9 * usage.core_s / packets
    for name in ("p50", "p99", "p99_9", "max"):
        if name in traffic.latency_us:
            figures[f"{name}_us"] = traffic.latency_us[name]
    return figures
