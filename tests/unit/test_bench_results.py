"""What is kept of a benchmark, and what is made of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.results import Run, Sheet, newest
from bench.search import highest
from bench.statistics import Spread, ratios


def sheet(taken: str, *runs: Run) -> Sheet:
    return Sheet(taken, {"cpu": "one"}, {"roomline": "1"}, {"window_s": 5.0}, list(runs))


def run(number: int, cpu_ns: float, void: str | None = None, workload: str = "fan-out") -> Run:
    return Run(workload, "frames", "fixed", "roomline", number, {"cpu_ns": cpu_ns}, {}, void)


def test_a_spread_has_the_middle_and_the_ends() -> None:
    assert Spread.of([5.0, 1.0, 2.0, 4.0, 3.0]) == Spread(3.0, 1.0, 5.0, 2.0, 4.0, 5)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0, 7.0, 7.0, 1)
    assert Spread.of([]) is None


def test_ratios_are_taken_within_a_round() -> None:
    assert ratios({1: 6.0, 2: 8.0, 3: 1.0}, {1: 2.0, 2: 4.0}) == [3.0, 2.0]


def test_a_sheet_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-01.json"
    written = sheet("2026-01-01T10:00+00:00", run(1, 700.0), run(2, 800.0, "a neighbour"))
    written.write(path)
    assert Sheet.read(path) == written
    path.write_text("{}")
    with pytest.raises(ValueError, match="format"):
        Sheet.read(path)


def test_void_runs_have_no_say() -> None:
    kept = sheet("2026-01-01T10:00+00:00", run(1, 700.0), run(2, 9.0, "lost"), run(3, 900.0))
    assert kept.values("fan-out", "frames", "fixed", "roomline", "cpu_ns") == {1: 700.0, 3: 900.0}
    spread = kept.spread("fan-out", "frames", "fixed", "roomline", "cpu_ns")
    assert spread is not None
    assert spread.median == 800.0


def test_the_newest_sheet_with_a_workload_is_taken() -> None:
    old = sheet("2026-01-01T10:00+00:00", run(1, 700.0))
    new = sheet("2026-02-01T10:00+00:00", run(1, 600.0, workload="limit"))
    assert newest([old, new], "fan-out") is old
    assert newest([old, new], "limit") is new
    assert newest([old, new], "joins") is None
    assert newest([old, new], "fan-out", "fixed") is old
    assert newest([old, new], "fan-out", "50%") is None


@pytest.mark.parametrize(("start", "truth"), [(10.0, 400.0), (1000.0, 400.0), (400.0, 401.0)])
def test_the_highest_load_is_found_from_either_side(start: float, truth: float) -> None:
    found = _search(start, truth, top=10_000.0)
    assert found is not None
    assert 0.95 * truth <= found <= truth


def test_no_load_is_higher_than_the_top() -> None:
    assert _search(10.0, 1e9, top=500.0) == 500.0


def test_nothing_is_found_where_nothing_passes() -> None:
    assert _search(10.0, 0.0, top=500.0) is None


def test_one_hiccup_is_no_limit() -> None:
    asked: list[float] = []

    async def passes(load: float) -> bool:
        asked.append(load)
        return load <= 400.0 and asked.count(load) == 2

    found = asyncio.run(highest(passes, 100.0, 10_000.0))
    assert found is not None
    assert found >= 380.0


def _search(start: float, truth: float, top: float) -> float | None:
    async def passes(load: float) -> bool:
        return load <= truth

    return asyncio.run(highest(passes, start, top))
