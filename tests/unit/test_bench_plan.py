"""When a run counts, and how a maximum is found, with a server that is only said to be there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench import plan as plans
from bench.errors import BenchError, Busy, Void
from bench.meter import Usage
from bench.peers import Roomline
from bench.plan import Case, Plan, Turn, wrong
from bench.results import Run, Sheet
from bench.stage import Stage, Way
from bench.traffic import Pattern, Traffic

FRAMES = Pattern("frames", 1200, 300.0, 10)
CASE = Case("frames", FRAMES, 100, maximum="always")
WAY = Way("roomline", Roomline())


def traffic(received: int, sent: int = 1000, lost: int = 0, size: float = 1210.0) -> Traffic:
    return Traffic(
        sent=sent,
        received=received,
        expected=received + lost,
        lost=lost,
        bytes=int(received * size),
        rtx=0,
        latency_us={"p50": 40.0, "p99": 90.0},
        client=0.3,
        late=0.0,
    )


def usage(server_s: float) -> Usage:
    return Usage(1.5, server_s, server_s, 0.0, 0.0, 0.5, 0.0, 50 << 20)


@dataclass
class Pretended:
    """A stage whose server forwards so much and no more, at 2 µs a packet."""

    capacity_pps: float
    busy_from_pps: float = float("inf")
    voids: list[Void] = field(default_factory=list)
    way: Way = WAY
    tracks: Sequence[str] = ("one",)
    pattern: Pattern = FRAMES

    async def send(self, pattern: Pattern) -> None:
        self.pattern = pattern

    async def window(self, seconds: float) -> tuple[Traffic, Usage]:
        if self.voids:
            raise self.voids.pop()
        offered = self.pattern.pps * 100
        if offered > self.busy_from_pps:
            raise Busy("the load client used 95 % of its core")
        served = min(offered, self.capacity_pps)
        told = traffic(int(served * seconds), int(self.pattern.pps * seconds))
        return told, usage(served * seconds * 2e-6)

    def facts(self) -> dict[str, Any]:
        return {"profiles": {"AEAD_AES_128_GCM": 101}}


def turn(stage: Pretended, monkeypatch: pytest.MonkeyPatch) -> Turn:
    monkeypatch.setattr(plans, "SETTLING_S", 0)
    monkeypatch.setattr(plans, "PROBE_SETTLING_S", 0)
    plan = SimpleNamespace(window_s=1.5, starts={})
    return Turn(cast("Plan", plan), cast("Stage", stage), "fan-out", CASE, 1)


def test_gaps_are_losses_and_so_is_what_never_came() -> None:
    assert traffic(100_000).loss(100) == 0
    assert traffic(99_900, lost=100).loss(100) == pytest.approx(0.001)
    # The ends of the window explain one percent, but not a half.
    assert traffic(99_000).loss(100) == 0
    assert traffic(50_000).loss(100) == pytest.approx(0.5)
    assert traffic(0).loss(100) == 1


def test_other_bytes_than_were_sent_do_not_count() -> None:
    assert wrong(traffic(1000), FRAMES, 0.0) is None
    assert wrong(traffic(1000, size=600), FRAMES, 0.0) == (
        "packets of 600 bytes came, and 1200 were sent"
    )
    assert wrong(traffic(1000), FRAMES, 0.02) == "2.00% were lost"
    assert wrong(traffic(0), FRAMES, 1.0) == "nothing was received"


def test_a_disturbed_window_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Pretended(1e6, voids=[Void("a neighbour")] * 2)
    run = asyncio.run(turn(stage, monkeypatch).fixed())
    assert run.void is None
    assert run.figures["cpu_ns"] == pytest.approx(2000)
    stage.voids = [Void("a neighbour")] * 3
    run = asyncio.run(turn(stage, monkeypatch).fixed())
    assert (run.void, run.figures) == ("a neighbour", {})


def test_a_maximum_is_the_server_s(monkeypatch: pytest.MonkeyPatch) -> None:
    run = asyncio.run(turn(Pretended(250_000), monkeypatch).maximum())
    assert run.void is None
    assert 235_000 <= run.figures["maximum_pps"] <= 255_000
    assert "bound_by" not in run.facts


def test_a_maximum_may_be_the_load_client_s(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Pretended(1e9, busy_from_pps=400_000)
    run = asyncio.run(turn(stage, monkeypatch).maximum())
    assert run.facts["bound_by"] == "generator"
    assert 380_000 <= run.figures["maximum_pps"] <= 400_000


@dataclass
class Scripted:
    """A workload that does as told."""

    ways: Sequence[Way]
    name: str = "scripted"
    title: str = "as told"
    asked: list[str] = field(default_factory=list)

    def expected_s(self, plan: Plan) -> float:
        return 1.0

    async def runs(self, plan: Plan, way: Way, number: int) -> AsyncGenerator[Run]:
        self.asked.append(way.name)
        if way.name == "broken":
            raise BenchError("broken ended at once")
        yield Run(self.name, "frames", "fixed", way.name, number, {"cpu_ns": 1.0})


def test_everybody_has_a_turn_in_each_round_in_another_order(tmp_path: Path) -> None:
    ways = [replace(WAY, name=name) for name in ("a", "b", "broken")]
    workload = Scripted(ways)
    path = tmp_path / "report.json"
    sheet = Sheet("2026-01-01T10:00+00:00", {}, {}, {})
    plan = Plan(cast("Any", None), sheet, path, rounds=2, window_s=1.0, full=False)
    asyncio.run(plan.carry_out([workload]))
    assert workload.asked == ["b", "broken", "a", "broken", "a", "b"]
    kept = Sheet.read(path)
    assert [run.round for run in kept.runs] == [1, 1, 1, 2, 2, 2]
    assert {run.void for run in kept.runs} == {None, "broken ended at once"}
    # More rounds may follow.
    asyncio.run(replace(plan, sheet=kept, rounds=1).carry_out([Scripted(ways[:1])]))
    assert Sheet.read(path).runs[-1].round == 3


def test_an_interruption_is_no_run(tmp_path: Path) -> None:
    """Servers get Ctrl-C too, and have then ended by themselves."""

    class Interrupted(Scripted):
        async def runs(self, plan: Plan, way: Way, number: int) -> AsyncGenerator[Run]:
            try:
                await asyncio.Event().wait()
            finally:
                raise BenchError("the server had ended by itself")
            yield  # type: ignore[unreachable] # makes it a generator

    sheet = Sheet("2026-01-01T10:00+00:00", {}, {}, {})
    plan = Plan(cast("Any", None), sheet, tmp_path / "report.json", 1, 1.0, full=False)

    async def interrupt() -> None:
        working = asyncio.create_task(plan.carry_out([Interrupted([WAY])]))
        asyncio.get_running_loop().call_soon(working.cancel)
        await working

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupt())
    assert sheet.runs == []
