"""`python -m netlab`: run every row, print the table, write `lab-report.json`.

`--quick` runs the rows that are part of `make test`, and judges the paths taken but no time. Names of rows may be given.
Exits with 1 if a row fails, with 2 if the lab can't be built here.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from netlab.measure import measure
from netlab.namespaces import LabError, require_privilege
from netlab.scenarios import SCENARIOS

COLUMNS = [
    ("scenario", 30),
    ("tier", 9),
    ("server_port", 11),
    ("time_to_first_frame_ms", 14),
    ("rtt_ms", 8),
    ("added_latency_ms", 9),
    ("latency_ms", 11),
    ("latency_p95_ms", 8),
    ("passed", 6),
]
TITLES = [
    "scenario",
    "tier",
    "server port",
    "first frame ms",
    "RTT ms",
    "added ms",
    "picture ms",
    "p95 ms",
    "passed",
]


def main() -> int:
    """Parse arguments, run, report."""
    parser = argparse.ArgumentParser(prog="netlab", description=__doc__)
    parser.add_argument("rows", nargs="*", help="names of rows; all of them if none is given")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, default=3, help="calls per row (3)")
    parser.add_argument("--report", type=Path, default=Path("lab-report.json"))
    options = parser.parse_args()
    # An end from outside takes the networks along, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        require_privilege()
        return run(options)
    except LabError as error:
        print(f"netlab: {error}", file=sys.stderr)
        return 2


def run(options: argparse.Namespace) -> int:
    """Run the chosen rows one after another."""
    chosen = [s for s in SCENARIOS if not options.quick or s.quick]
    if options.rows:
        chosen = [s for s in SCENARIOS if s.name in options.rows]
        unknown = set(options.rows) - {s.name for s in SCENARIOS}
        if unknown:
            raise LabError(f"no such row: {', '.join(sorted(unknown))}")
    results = []
    print("  ".join(title.rjust(width) for title, (_, width) in zip(TITLES, COLUMNS, strict=True)))
    with sync_playwright() as playwright:
        for scenario in chosen:
            result = measure(
                scenario,
                playwright,
                options.runs,
                f"rl{os.getpid()}",
                judge_times=not options.quick,
            )
            results.append(result)
            row = result.as_json()
            print("  ".join(str(row[key]).rjust(width) for key, width in COLUMNS), flush=True)
            for problem in result.problems:
                print(f"    {problem}", flush=True)
    options.report.write_text(json.dumps([r.as_json() for r in results], indent=2) + "\n")
    passed = sum(r.passed for r in results)
    print(f"{passed} passed, {len(results) - passed} failed")
    return 0 if passed == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
