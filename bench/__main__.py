"""`python -m bench`: measure Roomline beside other servers.

Without a word it measures, `limit` measures the machine's own ceiling alone, `build` makes the peers
ready, `list` names workloads and peers, `profile` says where a server's time goes, and `page` writes
the page of results and prints the figures to reach. Exits with 2 if it can't be done here.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import limit, machine, page, profile
from bench.errors import BenchError
from bench.machine import ROOT
from bench.meter import COMPANY
from bench.peers import PEERS
from bench.plan import Plan, Workload
from bench.progress import Progress
from bench.results import FOLDER, Sheet, now, sheets
from bench.stage import Harness
from bench.topology import Topology, client_core, network_of, require_machine
from bench.workloads import FRAMES, SHORT, TINY, VIEWERS, WORKLOADS, Rooms

LIMIT = "limit"
"""The ceiling, where workloads are named."""
FIXED_PPS = FRAMES.pps * VIEWERS
"""Forwarded packets per second that every server stands."""
WINDOW_S = 2.5
FULL_WINDOW_S = 5.0
ROUNDS = 5
QUICK_ROUNDS = 2
QUICK_WINDOW_S = 2.0
MAXIMUM_S = 20.0
"""About what a search for the limit's maximum takes."""
PROFILED = [workload.name for workload in WORKLOADS if isinstance(workload, Rooms)]
BINARIES = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
CACHE = ROOT / ".bench"


def main() -> int:
    """Parse arguments, do it."""
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(work=run_peers)
    add_measuring(parser)
    add_choosing(parser)
    commands = parser.add_subparsers(dest="command")
    ceiling = commands.add_parser("limit", help="measure this machine's own ceiling")
    ceiling.set_defaults(work=run_limit)
    add_measuring(ceiling)
    build = commands.add_parser("build", help="make the peers ready")
    build.set_defaults(work=run_build)
    add_choosing(build)
    watched = commands.add_parser("profile", help="where a server's time goes, by perf")
    watched.set_defaults(work=run_profile)
    watched.add_argument("workload", choices=PROFILED)
    watched.add_argument("case", nargs="?", default="", help="of the workload (its first)")
    watched.add_argument("--way", default="roomline", help="who is watched (roomline)")
    commands.add_parser("list", help="name workloads and peers").set_defaults(work=run_list)
    written = commands.add_parser(
        "page", help="write the page of results from the files of results"
    )
    written.set_defaults(work=run_page)
    written.add_argument("--check", action="store_true", help="only say whether it is up to date")
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


def add_measuring(parser: argparse.ArgumentParser) -> None:
    """How it is measured."""
    parser.add_argument("--rounds", type=int, help=f"alternating rounds ({ROUNDS})")
    parser.add_argument(
        "--window",
        type=float,
        help=f"seconds of a run ({WINDOW_S:g}; with --full {FULL_WINDOW_S:g})",
    )
    parser.add_argument("--full", action="store_true", help="everything: hours")
    parser.add_argument(
        "--quick", action="store_true", help="two rounds of short runs: to see that it works"
    )
    parser.add_argument(
        "--report",
        type=Path,
        help="where results go (bench/results/DATE.json); more rounds are added to a report that exists",
    )
    parser.add_argument(
        "--company",
        type=float,
        default=COMPANY,
        help=f"share of a core that others may use before a run is void ({COMPANY})",
    )
    parser.add_argument(
        "--nice", type=int, default=0, help="priority of all that takes part, -20 to 19 (0)"
    )
    parser.add_argument(
        "--offload",
        action="store_true",
        help="runs are not cut up in the kernel, as with a network card that does that",
    )
    parser.add_argument(
        "--fixed", action="store_true", help="only the fixed load: no search for maxima"
    )


def add_choosing(parser: argparse.ArgumentParser) -> None:
    """What is measured."""
    parser.add_argument("--only", type=_names, default=(), help="workloads, with commas between")
    parser.add_argument("--peers", type=_names, default=(), help="peers, with commas between")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where built peers are kept")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


@dataclass(frozen=True)
class Measuring:
    """The options of measuring, with their defaults filled in."""

    rounds: int
    window_s: float
    report: Path

    @classmethod
    def of(cls, options: argparse.Namespace) -> Measuring:
        """`--quick` changes the defaults."""
        rounds, window = ROUNDS, FULL_WINDOW_S if options.full else WINDOW_S
        if options.quick:
            rounds, window = QUICK_ROUNDS, QUICK_WINDOW_S
        return cls(
            options.rounds or rounds, options.window or window, options.report or _free_path()
        )


def _free_path() -> Path:
    """The day's file, or the day's next."""
    day = now()[:10]
    names = (f"{day}.json", *(f"{day}-{n}.json" for n in range(2, 100)))
    return next(path for name in names if not (path := FOLDER / name).exists())


def open_sheet(options: argparse.Namespace, measuring: Measuring, place: Topology) -> Sheet:
    """A sheet with what holds for all its runs: the report that is there, or an empty one."""
    setup: dict[str, Any] = {
        "destinations": VIEWERS,
        "fixed_pps": FIXED_PPS,
        "window_s": measuring.window_s,
        "company": options.company,
        "nice": options.nice,
        "offload": options.offload,
        "features": place.features(),
        "buffers": place.buffers(),
    }
    sheet = Sheet(now(), machine.describe(), {"commit": machine.commit() or "unknown"}, setup)
    if not measuring.report.exists():
        return sheet
    before = Sheet.read(measuring.report)
    if (before.machine, before.setup) != (sheet.machine, sheet.setup):
        raise BenchError(f"{measuring.report} is of another machine or set-up: name another file")
    return before


def program(name: str) -> Path:
    """A program of this workspace, or BenchError with how to build it."""
    path = BINARIES / name
    if not path.exists():
        raise BenchError(f"{name} is not built: cargo build --release -p {name}")
    return path


def run_limit(options: argparse.Namespace) -> int:
    """Measure the ceiling."""
    require_machine()
    measuring = Measuring.of(options)
    with _place(options) as place, client_core(options.nice):
        sheet = open_sheet(options, measuring, place)
        measure_limit(options, measuring, place, sheet)
    print(measuring.report)
    return 0


def _place(options: argparse.Namespace) -> Topology:
    return Topology(f"rb{os.getpid()}", segmentation=options.offload)


def measure_limit(
    options: argparse.Namespace, measuring: Measuring, place: Topology, sheet: Sheet
) -> None:
    """The methods in alternating rounds at the fixed load, then the best one's maximum."""
    ceiling = limit.Limit(
        place,
        program("roomline-limit"),
        VIEWERS,
        FIXED_PPS,
        measuring.window_s,
        options.company,
        options.offload,
    )
    every = options.full or options.command == "limit"
    tried = [(shape, method) for shape in limit.SHAPES for method in limit.methods(shape, every)]
    searches = limit.SHAPES if every and not options.fixed else ()
    one_s = measuring.window_s + 1.2
    progress = Progress((len(tried) * one_s + len(searches) * MAXIMUM_S) * measuring.rounds)
    numbers = sheet.next_rounds("limit", measuring.rounds)
    for number in numbers:
        for shape, method in tried:
            sheet.add(ceiling.fixed(shape, method, number), measuring.report)
            progress.passed(one_s)
            progress.tell(sheet.runs[-1])
    for number in numbers:
        for shape in searches:
            method, start = limit.best(sheet, shape)
            run = asyncio.run(ceiling.maximum(shape, method, number, start))
            sheet.add(run, measuring.report)
            progress.passed(MAXIMUM_S)
            progress.tell(run)


def run_peers(options: argparse.Namespace) -> int:
    """Measure Roomline and the peers, and the ceiling with them."""
    require_machine()
    measuring, chosen = (
        Measuring.of(options),
        ready(choose(options), options.cache, insist=bool(options.peers)),
    )
    with _place(options) as place:
        harness = Harness(
            place, options.cache, options.company, program("roomline-load"), options.offload
        )
        sheet = open_sheet(options, measuring, place)
        plan = Plan(
            harness,
            sheet,
            measuring.report,
            measuring.rounds,
            measuring.window_s,
            full=options.full,
            maxima=not options.fixed,
        )
        with client_core(options.nice):
            if not options.only or LIMIT in options.only:
                measure_limit(options, measuring, place, sheet)
            with network_of(place.client):
                asyncio.run(plan.carry_out(chosen))
    print(measuring.report)
    return 0


def choose(options: argparse.Namespace) -> list[Workload]:
    """The workloads asked for, with the ways asked for. Raises BenchError for unknown names."""
    names = {workload.name for workload in WORKLOADS}
    if unknown := set(options.only) - names - {TINY.name, LIMIT}:
        raise BenchError(
            f"no workload is called {', '.join(sorted(unknown))}: python -m bench list"
        )
    ways = {way.name for workload in WORKLOADS for way in workload.ways}
    if unknown := set(options.peers) - ways:
        raise BenchError(f"no peer is called {', '.join(sorted(unknown))}: python -m bench list")
    wanted = options.only or (names if options.full else SHORT)
    chosen = [_narrowed(w, options.peers) for w in (*WORKLOADS, TINY) if w.name in wanted]
    return [workload for workload in chosen if workload.ways]


def _narrowed(workload: Workload, peers: Sequence[str]) -> Workload:
    """With only these, and the direct path, to which relays are compared."""
    if not peers:
        return workload
    ways = [way for way in workload.ways if way.name in {*peers, "direct"}]
    return replace(workload, ways=ways)  # type: ignore[type-var] # all are data classes


def ready(workloads: Sequence[Workload], cache: Path, *, insist: bool) -> list[Workload]:
    """The workloads, with those whose servers are there or could be built.

    Who can't be had here is named and left out. Raises BenchError instead to `insist`.
    """
    ways = [way for workload in workloads for way in workload.ways]
    missing = set()
    for peer in {peer.name: peer for way in ways for peer in way.peers()}.values():
        try:
            peer.build(cache)
        except BenchError as error:
            if insist:
                raise
            print(f"bench: {peer.name} is left out: {error}", file=sys.stderr)
            missing.add(peer.name)
    there = [way.name for way in ways if missing.isdisjoint(peer.name for peer in way.peers())]
    chosen = [_narrowed(workload, there) for workload in workloads] if missing else workloads
    return [workload for workload in chosen if workload.ways]


def run_build(options: argparse.Namespace) -> int:
    """Build the peers of the chosen workloads. Exits with 1 if one can't be had."""
    chosen = choose(options)
    return int(ready(chosen, options.cache, insist=bool(options.peers)) != chosen)


def run_profile(options: argparse.Namespace) -> int:
    """Watch one server under one workload."""
    require_machine()
    (workload,) = (w for w in WORKLOADS if w.name == options.workload)
    assert isinstance(workload, Rooms)
    ready([_narrowed(workload, [options.way])], options.cache, insist=True)
    with _place(options) as place, client_core(options.nice), network_of(place.client):
        harness = Harness(place, options.cache, options.company, program("roomline-load"))
        told = asyncio.run(profile.take(harness, workload, options.way, options.case))
    print(told.text())
    return 0


def run_page(options: argparse.Namespace) -> int:
    """Write the page, or name the files that differ."""
    if not options.check:
        page.write(sheets())
        print(page.figures(sheets()))
        print(f"All of it: {page.PAGE.relative_to(ROOT)}")
        return 0
    stale = page.differences(sheets())
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not what bench/results says: python -m bench page")
    return min(1, len(stale))


def run_list(_: argparse.Namespace) -> int:
    """Name what there is."""
    print(f"{LIMIT}: the machine's own ceiling")
    for workload in WORKLOADS:
        ways = ", ".join(way.name for way in workload.ways)
        short = "" if workload.name in SHORT else " (with --full)"
        print(f"{workload.name}{short}: {workload.title}. {ways}")
    for peer in PEERS.values():
        print(f"{peer.name} {peer.version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
