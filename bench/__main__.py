"""`python -m bench`: measure Roomline beside other servers.

`python -m bench limit` measures the machine's own ceiling alone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import limit, machine
from bench.errors import BenchError
from bench.machine import ROOT
from bench.meter import COMPANY
from bench.progress import Progress
from bench.results import Sheet, now
from bench.topology import Topology, client_core, require_machine

DESTINATIONS = 50
FIXED_PPS = 15_000.0
"""Forwarded packets per second that every server stands: 50 times 300."""
WINDOW_S = 5.0
ROUNDS = 5
BINARIES = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"


def main() -> int:
    """Parse arguments, measure. Exits with 2 if it can't be done here."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    add_limit(commands.add_parser("limit", help="this machine's own ceiling"))
    options = parser.parse_args()
    # An end from outside takes the namespaces along, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work: Callable[[argparse.Namespace], int] = options.work
    try:
        return work(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def add_common(parser: argparse.ArgumentParser) -> None:
    """What every command that measures takes."""
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="alternating rounds (5)")
    parser.add_argument("--window", type=float, default=WINDOW_S, help="seconds of a run (5)")
    parser.add_argument("--report", type=Path, help="where the results go")
    parser.add_argument(
        "--company",
        type=float,
        default=COMPANY,
        help="share of a core that others may use before a run is void (0.1)",
    )
    parser.add_argument(
        "--nice", type=int, default=0, help="priority of all that takes part (0; root: -20 to 19)"
    )


def add_limit(parser: argparse.ArgumentParser) -> None:
    """Arguments of `limit`."""
    add_common(parser)
    parser.set_defaults(work=run_limit)


def run_limit(options: argparse.Namespace) -> int:
    """Measure the ceiling and print it."""
    require_machine()
    sheet = Sheet(now(), machine.describe(), versions(), setup(options))
    with Topology(f"rb{os.getpid()}") as place, client_core(options.nice):
        sheet.setup["features"] = place.features()
        measure_limit(options, place, sheet)
    if options.report is not None:
        sheet.write(options.report)
    return 0


def measure_limit(options: argparse.Namespace, place: Topology, sheet: Sheet) -> None:
    """Every method in alternating rounds at the fixed load, then the best one's maximum."""
    binary = BINARIES / "roomline-limit"
    if not binary.exists():
        raise BenchError(f"{binary} is missing: cargo build --release -p roomline-limit")
    ceiling = limit.Limit(place, binary, DESTINATIONS, FIXED_PPS, options.window, options.company)
    tried = [(shape, method) for shape in limit.SHAPES for method in limit.methods(shape)]
    progress = Progress(
        len(tried) * options.rounds * (options.window + 2)
        + len(limit.SHAPES) * options.rounds * MAXIMUM_S
    )
    for number in range(1, options.rounds + 1):
        for shape, method in tried:
            run = ceiling.fixed(shape, method, number)
            sheet.runs.append(run)
            progress.done(options.window + 2, run)
    for number in range(1, options.rounds + 1):
        for shape in limit.SHAPES:
            name, start = limit.best(sheet, shape)
            run = asyncio.run(ceiling.maximum(shape, name, number, start))
            sheet.runs.append(run)
            progress.done(MAXIMUM_S, run)


def setup(options: argparse.Namespace) -> dict[str, Any]:
    """What holds for all runs."""
    return {
        "destinations": DESTINATIONS,
        "fixed_pps": FIXED_PPS,
        "window_s": options.window,
        "company": options.company,
        "nice": options.nice,
    }


MAXIMUM_S = 20.0
"""About what a search for a maximum takes."""


def versions() -> dict[str, str]:
    """Of what is measured always."""
    return {"roomline": machine.commit() or "unknown"}


if __name__ == "__main__":
    sys.exit(main())
