"""`python -m netlab`: run every row, print the tables, write `lab-report.json`.

Names of rows may be given; a row that follows on another in the same call has that one run too.
`--quick` runs the rows that are part of `make test`, and judges paths and outcomes but no time.
Exits with 1 if a row fails, with 2 if the lab can't be built here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Playwright, sync_playwright

from netlab.measure import Result, measure
from netlab.moves import MOVES, Move
from netlab.moving import MoveResult, run_move
from netlab.namespaces import LabError, in_lab
from netlab.scenarios import SCENARIOS

JOINS = [
    ("scenario", "scenario", 30),
    ("tier", "tier", 9),
    ("server port", "server_port", 11),
    ("first frame ms", "time_to_first_frame_ms", 14),
    ("RTT ms", "rtt_ms", 8),
    ("added ms", "added_latency_ms", 9),
    ("picture ms", "latency_ms", 11),
    ("p95 ms", "latency_p95_ms", 8),
    ("passed", "passed", 6),
]
CHANGES = [
    ("scenario", "scenario", 30),
    ("browser", "browser", 8),
    ("tier", "tier", 9),
    ("port", "server_port", 6),
    ("gap ms", "gap_ms", 9),
    ("video gap ms", "video_gap_ms", 12),
    ("noise ms", "noise_ms", 8),
    ("lost", "packets_lost", 5),
    ("to tier ms", "time_to_tier_ms", 10),
    ("same", "same", 5),
    ("events -/+", "events", 10),
    ("passed", "passed", 6),
]
MOVE_RUNS = 5
JOIN_RUNS = 3
SETTLE_S = 60.0
QUICK_SETTLE_S = 3.0


def main() -> int:
    """Parse arguments, run, report."""
    parser = argparse.ArgumentParser(prog="netlab", description=__doc__)
    parser.add_argument("rows", nargs="*", help="names of rows; all of them if none is given")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, help="calls per row (3; 5 where the network changes)")
    parser.add_argument("--browser", choices=["chromium", "firefox", "both"], default="both")
    parser.add_argument(
        "--settle", type=float, help="seconds of call before the network changes (60; quick: 3)"
    )
    parser.add_argument("--report", type=Path, default=Path("lab-report.json"))
    options = parser.parse_args()
    return in_lab("netlab", lambda: run(options))


def run(options: argparse.Namespace) -> int:
    """Run the chosen rows one after another."""
    known = {s.name for s in SCENARIOS} | {step.name for move in MOVES for step in move.steps}
    if unknown := set(options.rows) - known:
        raise LabError(f"no such row: {', '.join(sorted(unknown))}")
    results: list[Result | MoveResult] = []
    with sync_playwright() as playwright:
        run_joins(options, playwright, results)
        run_moves(options, playwright, results)
    options.report.write_text(json.dumps([r.as_json() for r in results], indent=2) + "\n")
    passed = sum(r.passed for r in results)
    print(f"{passed} passed, {len(results) - passed} failed")
    return 0 if passed == len(results) else 1


def run_joins(
    options: argparse.Namespace, playwright: Playwright, results: list[Result | MoveResult]
) -> None:
    """The rows in which a network is joined through."""
    chosen = [s for s in SCENARIOS if _wanted(options, s.name, quick=s.quick)]
    if chosen:
        print_line({key: title for title, key, _ in JOINS}, JOINS)
    for scenario in chosen:
        result = measure(
            scenario,
            playwright,
            options.runs or JOIN_RUNS,
            f"rl{os.getpid()}",
            judge_times=not options.quick,
        )
        tell(result, JOINS, results)


def run_moves(
    options: argparse.Namespace, playwright: Playwright, results: list[Result | MoveResult]
) -> None:
    """The rows in which the network changes under a call."""
    browsers = ["chromium", "firefox"] if options.browser == "both" else [options.browser]
    settle_s = options.settle
    if settle_s is None:
        settle_s = QUICK_SETTLE_S if options.quick else SETTLE_S
    calls = [(move, n) for move in MOVES if (n := steps_wanted(options, move))]
    if calls:
        print_line({key: title for title, key, _ in CHANGES}, CHANGES)
    for move, steps in calls:
        for browser in browsers[:1] if options.quick else browsers:
            for result in run_move(
                move,
                playwright,
                browser=browser,
                runs=options.runs or (1 if options.quick else MOVE_RUNS),
                name=f"rm{os.getpid()}",
                settle_s=settle_s,
                steps=steps,
                judge_times=not options.quick,
            ):
                tell(result, CHANGES, results)


def steps_wanted(options: argparse.Namespace, move: Move) -> int:
    """How many of a call's changes are to be made: those before a wanted one are."""
    return max(
        (
            n
            for n, step in enumerate(move.steps, 1)
            if _wanted(options, step.name, quick=move.quick and n == 1)
        ),
        default=0,
    )


def _wanted(options: argparse.Namespace, name: str, *, quick: bool) -> bool:
    return name in options.rows if options.rows else quick or not options.quick


def tell(
    result: Result | MoveResult,
    columns: list[tuple[str, str, int]],
    results: list[Result | MoveResult],
) -> None:
    """Print a result and keep it."""
    results.append(result)
    row = result.as_json()
    if isinstance(result, MoveResult):
        row["events"] = f"{result.events_lost}/{result.events_doubled}" if result.runs else None
    print_line(row, columns)
    for problem in result.problems:
        print(f"    {problem}", flush=True)


def print_line(row: dict[str, Any], columns: list[tuple[str, str, int]]) -> None:
    """One line of a table."""
    print("  ".join(_cell(row[key]).rjust(width) for _, key, width in columns), flush=True)


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main())
