"""The page of results, made from the files of results and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.goals import GOALS, OFFLOADED, Goal, ceiling
from bench.machine import ROOT
from bench.plot import Bar, bars, curve, number
from bench.results import Sheet, newest
from bench.statistics import Spread
from bench.workloads import SHARES, WORKLOADS

PAGE = ROOT / "docs/reference/benchmarks.md"
PLOTS = ROOT / "docs/reference/benchmarks"
OURS = "roomline"
LATENCY_LOADS = tuple(f"{share:.0%}" for share in SHARES)
INTRODUCTION = """# Benchmarks

Roomline beside other servers, measured on one machine in alternating runs. `python -m bench page` writes
this page from the files in `bench/results/`; every single run is in those. How to repeat it, how each server
is set, and what is not compared: [benchmark.md](../how-to/benchmark.md).

What follows are medians, with the lowest and the highest run in brackets. A ratio is taken within each
round, then the median of the rounds. *CPU* is the processor time of all processes of a server, with what
the kernel does on their behalf; *core* is the time in which the server's core was not idle, which adds what
nobody is charged for.
"""
REMARKS = """*Rounds* are those in which nothing disturbed any run that a figure needs. *The ceiling has* what a
program would reach here that only opens, seals and sends ([below](#the-ceiling)): what every server pays alike
bounds all ratios.

mediasoup can't be built from package registries alone, so its row is empty: see
[what is not there](../how-to/benchmark.md#what-is-not-there).
"""
OFFLOAD = """A second case: `tx-udp-segmentation` is on and the load client takes joined packets (UDP_GRO), as if
both network cards cut up and joined runs of datagrams. A server that sends runs then spares the kernel most of
its way; one that sends single packets has nothing of it.
"""
PATTERNS = {
    "frames": "frames of 10 packets of 1200 B, each frame at once, 30 a second at the fixed load",
    "even": "packets of 1200 B, evenly spaced",
    "even-160": "packets of 160 B, evenly spaced",
    "speech": "packets of 160 B, every 20 ms from each who speaks",
}
SINGLE = {
    "first-frame": {"first_frame_ms": "first frame ms", "slowest_ms": "slowest of ten ms"},
    "joins": {
        "joins_per_s": "joins per second",
        "server_ms_per_join": "CPU ms per join",
        "median_ms": "a join takes ms",
        "server_share": "of the server's core",
        "client_share": "of the client's core",
    },
    "engine-memory": {"kb_per_participant": "KB per participant"},
    "memory": {"kb_per_participant": "KB per participant", "server_mb": "the server in all, MB"},
}
"""Figures of workloads without packets, and their headings."""
GOALS_HEAD = (
    "measure",
    "at least",
    "aim",
    "here (lowest–highest)",
    "middle half",
    "rounds",
    "the ceiling has",
    "reached",
)
WORK = {"relay-tls": ("mbit_per_cpu_s", "Mbit/s per CPU-second")}
"""What counts as work where it is not packets, and its heading."""
NAMES = {
    "roomline": "Roomline",
    "livekit": "LiveKit",
    "janus": "Janus",
    "janus-threads": "Janus, default threads",
    "galene": "Galène",
    "coturn": "coturn",
    "pion": "Pion",
    "direct": "no relay",
}


@dataclass
class Page:
    """What is written: the page, and its plots by file name."""

    text: str = ""
    plots: dict[str, str] = field(default_factory=dict)
    suffix: str = ""
    """Of the plots' names."""

    def add(self, *paragraphs: str) -> None:
        """Add paragraphs."""
        self.text += "".join(f"\n{paragraph.strip()}\n" for paragraph in paragraphs if paragraph)

    def plot(self, name: str, alternative: str, svg: str) -> None:
        """Add a plot."""
        file = f"{name}{self.suffix}.svg"
        self.plots[file] = svg
        self.add(f"![{alternative}]({PLOTS.name}/{file})")


def render(every: Sequence[Sheet]) -> Page:
    """The whole page."""
    page = Page(INTRODUCTION)
    sheets = [sheet for sheet in every if not sheet.offload]
    offloaded = [sheet for sheet in every if sheet.offload]
    page.add("## Figures to reach", _goals(GOALS, sheets), REMARKS)
    if offloaded:
        page.add(OFFLOAD, _goals(OFFLOADED, offloaded))
    _machine(page, [*_used(sheets), *_used(offloaded)])
    _workloads(page, sheets)
    _growth(page, newest(sheets, "growth"))
    _limit(page, newest(sheets, "limit"))
    if offloaded:
        page.add("# With runs cut up by the card")
        page.suffix = "-offload"
        _workloads(page, offloaded)
        _limit(page, newest(offloaded, "limit"))
    _voids(page, [*_used(sheets), *_used(offloaded)])
    return page


def _workloads(page: Page, sheets: Sequence[Sheet]) -> None:
    for workload in WORKLOADS:
        _workload(page, sheets, workload.name, workload.title)


def write(sheets: Sequence[Sheet]) -> None:
    """Write the page and its plots, and remove plots that are no more."""
    page = render(sheets)
    PAGE.write_text(page.text, encoding="utf-8")
    PLOTS.mkdir(exist_ok=True)
    for path in PLOTS.glob("*.svg"):
        if path.name not in page.plots:
            path.unlink()
    for name, svg in page.plots.items():
        (PLOTS / name).write_text(svg, encoding="utf-8")


def differences(sheets: Sequence[Sheet]) -> list[Path]:
    """Files that are not as they would be written."""
    page = render(sheets)
    wanted = {PAGE: page.text, **{PLOTS / name: svg for name, svg in page.plots.items()}}
    there = {PAGE, *PLOTS.glob("*.svg")}
    return sorted(
        path
        for path in there | wanted.keys()
        if not path.exists() or path.read_text(encoding="utf-8") != wanted.get(path)
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is words and whose others are figures."""
    lines = [_row(head), _row(["---", *["---:"] * (len(head) - 1)])]
    return "\n".join([*lines, *(_row(row) for row in rows)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def told(spread: Spread | None, unit: str = "") -> str:
    """A median with its ends."""
    if spread is None:
        return "–"
    if spread.runs == 1:
        return f"{number(spread.median)}{unit}"
    return f"{number(spread.median)}{unit} ({number(spread.low)}–{number(spread.high)})"


def figures(every: Sequence[Sheet]) -> str:
    """The figures to reach, for a terminal."""
    rows = _goal_rows(GOALS, [sheet for sheet in every if not sheet.offload])
    widths = [max(len(row[column]) for row in rows) for column in range(len(GOALS_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _goals(goals: Sequence[Goal], sheets: Sequence[Sheet]) -> str:
    head, *rows = _goal_rows(goals, sheets)
    return table(head, rows)


def _goal_rows(goals: Sequence[Goal], sheets: Sequence[Sheet]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [GOALS_HEAD]
    for goal in goals:
        spread = goal.found(sheets)
        here = told(spread, goal.unit) if spread else "not measured yet"
        quarters = f"{number(spread.quarter)}–{number(spread.three_quarters)}" if spread else ""
        bounds = [f"{number(bound)}{goal.unit}" for bound in (goal.least, goal.aim)]
        reached = goal.reached(spread) if spread else ""
        most = goal.ceiling(sheets)
        possible = f"{number(most)}{goal.unit}" if most else ""
        rounds = str(spread.runs) if spread else ""
        rows.append([goal.measure, *bounds, here, quarters, rounds, possible, reached])
    return rows


def _machine(page: Page, sheets: Sequence[Sheet]) -> None:
    page.add("## The machine")
    for sheet in sheets:
        machine, setup = sheet.machine, sheet.setup
        virtual = ", a virtual machine" if machine["virtual"] else ""
        versions = ", ".join(
            f"{NAMES.get(k, k)} {v}" for k, v in sorted(sheet.versions.items()) if k != "commit"
        )
        off = [name for name, on in sorted(setup["features"].items()) if not on]
        on = [name for name, on in sorted(setup["features"].items()) if on]
        page.add(
            f"- {sheet.taken} UTC, commit {sheet.versions['commit']}: {machine['cpu']} (model "
            f"{machine['cpu_model']}), {machine['cores']} cores{virtual}, Linux {machine['kernel']}, "
            f"{machine['system']}, governor {machine['governor'] or 'none that is told'}; {versions}. "
            f"Runs of {number(setup['window_s'])} s; on the cable off: {', '.join(off)}; on: "
            f"{', '.join(on)}; nice {setup['nice']}; a run is void when others or the "
            f"hypervisor use more than {setup['company']:.0%} of a core. {_company(sheet)}"
        )


def _company(sheet: Sheet) -> str:
    """How quiet the machine was."""
    others = Spread.of(r.figures["others"] for r in sheet.runs if "others" in r.figures)
    if others is None or others.high < 0.02:
        return "Nobody else ran."
    return (
        f"Others used {others.median:.0%} of the server's core in the middle run and "
        f"{others.high:.0%} in the worst: **the machine was not quiet**, which makes everything "
        "look dearer than it is, and *core* can't be told."
        if others.median >= 0.02
        else f"Others used {others.high:.0%} of the server's core in the worst run."
    )


def _used(sheets: Sequence[Sheet]) -> list[Sheet]:
    """The sheets that something on the page comes from."""
    measured = {(run.workload, run.load) for sheet in sheets for run in sheet.runs}
    using = [newest(sheets, *what) for what in measured]
    return [sheet for sheet in sheets if any(sheet is one for one in using)]


def _workload(page: Page, sheets: Sequence[Sheet], name: str, title: str) -> None:
    sheet, limit = newest(sheets, name), newest(sheets, "limit")
    if sheet is None:
        return
    page.add(f"## {_upper(title)}")
    for case in sheet.cases(name):
        if case == "all" or name == "growth":
            continue
        if name in SINGLE:
            _single(page, sheet, name, case)
            continue
        page.add(f"### {_upper(PATTERNS.get(case, case))}")
        _fixed(page, sheet, name, case, limit)
        # `make bench` looks for fewer of these.
        _maxima(page, newest(sheets, name, "maximum") or sheet, name, case)
        _latencies(page, newest(sheets, name, LATENCY_LOADS[0]) or sheet, name, case)


def _upper(words: str) -> str:
    return words[0].upper() + words[1:]


def _single(page: Page, sheet: Sheet, name: str, case: str) -> None:
    """Workloads that have no packets to count."""
    figures = SINGLE[name]
    rows = []
    for peer in sheet.peers(name):
        spreads = [sheet.spread(name, case, "fixed", peer, figure) for figure in figures]
        if any(spreads):
            rows.append([NAMES.get(peer, peer), *map(told, spreads)])
    if rows:
        page.add(table(["", *figures.values()], rows))


def _fixed(page: Page, sheet: Sheet, name: str, case: str, limit: Sheet | None) -> None:
    least = ceiling(limit, case)
    of, heading = WORK.get(name, ("packets_per_cpu_s", "packets per CPU-second"))
    rows, drawn = [], []
    for peer in sheet.peers(name):
        cost = sheet.spread(name, case, "fixed", peer, "cpu_ns")
        if cost is None:
            continue

        def figure(name_of: str, peer: str = peer) -> Spread | None:
            return sheet.spread(name, case, "fixed", peer, name_of)

        share = f"{100 * least.median / cost.median:.0f} %" if least else "–"
        rows.append(
            [
                NAMES.get(peer, peer),
                told(figure(of)),
                told(cost),
                told(figure("core_ns")),
                share,
                told(figure("p50_us")),
                told(figure("p99_us")),
                told(figure("rss_mib")),
                _profile(sheet, name, case, peer),
            ]
        )
        work = figure(of)
        if work:
            drawn.append(Bar(NAMES.get(peer, peer), work, peer == OURS))
    if not rows:
        return
    head = ["", heading, "CPU ns/packet", "core ns/packet", "of the ceiling"]
    head += ["p50 µs", "p99 µs", "RSS MiB", "SRTP"]
    offered = next(
        run.facts["offered_pps"] * run.facts["copies"]
        for run in sheet.runs
        if (run.workload, run.case, run.load) == (name, case, "fixed") and run.facts
    )
    page.add(f"At {number(offered)} forwarded packets a second:", table(head, rows))
    title = f"{name}, {case}: {heading}"
    page.plot(f"{name}-{case}", title, bars(title, "median of the runs; line: all", drawn))


def _profile(sheet: Sheet, name: str, case: str, peer: str) -> str:
    found: Counter[str] = Counter()
    for run in sheet.runs:
        if run.key == (name, case, "fixed", peer):
            found.update(run.facts.get("profiles", {}))
    return ", ".join(sorted(found)).replace("SRTP_", "") or "–"


def _maxima(page: Page, sheet: Sheet, name: str, case: str) -> None:
    rows = []
    for peer in sheet.peers(name):
        found = sheet.spread(name, case, "maximum", peer, "maximum_pps")
        if found is None:
            continue
        bound = any(
            run.facts.get("bound_by") == "generator"
            for run in sheet.runs
            if run.key == (name, case, "maximum", peer) and run.void is None
        )
        cost = sheet.spread(name, case, "maximum", peer, "cpu_ns")
        note = "the load client's limit, not the server's" if bound else ""
        rows.append([NAMES.get(peer, peer), told(found), told(cost), note])
    if rows:
        head = ["", "packets per second", "CPU ns/packet there", ""]
        page.add("The most at a loss under 0.1 %, on one core:", table(head, rows))


def _latencies(page: Page, sheet: Sheet, name: str, case: str) -> None:
    rows = []
    for peer in sheet.peers(name):
        for load in LATENCY_LOADS:
            spreads = [
                sheet.spread(name, case, load, peer, figure)
                for figure in ("p50_us", "p99_us", "p99_9_us")
            ]
            if any(spreads):
                rows.append([NAMES.get(peer, peer), load, *map(told, spreads)])
    if rows:
        head = ["", "of its maximum", "p50 µs", "p99 µs", "p99.9 µs"]
        page.add("Latency from a publisher's send to a viewer's kernel:", table(head, rows))


def _limit(page: Page, sheet: Sheet | None) -> None:
    if sheet is None:
        return
    page.add(
        f"## The ceiling{' with runs cut up by the card' if page.suffix else ''}",
        "What this machine can do in the same set-up: `roomline-limit` opens each packet, and for each "
        "destination writes a header, seals with AES-128-GCM under a key of its own and sends. It has no "
        "rooms, no feedback and no retransmission. The best method counts as the ceiling. The last part "
        "of the way, up to the receivers' sockets, is walked on the sender's core and is in these "
        "figures as in all others.",
    )
    for case in sheet.cases("limit"):
        rows = []
        for method in sheet.peers("limit"):
            fixed = sheet.spread("limit", case, "fixed", method, "cpu_ns")
            if fixed is None:
                continue
            core = sheet.spread("limit", case, "fixed", method, "core_ns")
            most = sheet.spread("limit", case, "maximum", method, "maximum_pps")
            there = sheet.spread("limit", case, "maximum", method, "cpu_ns")
            rows.append([method, told(fixed), told(core), told(most), told(there)])
        head = ["", "CPU ns/packet", "core ns/packet", "most packets per second"]
        head.append("CPU ns/packet there")
        if rows:
            page.add(f"### The ceiling for {PATTERNS.get(case, case)}", table(head, rows))


def _growth(page: Page, sheet: Sheet | None) -> None:
    if sheet is None:
        return
    page.add(
        "The same packets forwarded in all, so that a line that is level is what is hoped for. *CPU* is per "
        "packet received or sent by the server."
    )
    for case in sheet.cases("growth"):
        for figure, words in (("cpu_ns", "CPU ns per packet"), ("rss_mib", "RSS MiB")):
            points = []
            for load in dict.fromkeys(r.load for r in sheet.runs if r.workload == "growth"):
                spread = sheet.spread("growth", case, load, OURS, figure)
                if spread:
                    points.append((float(load), spread))
            if points:
                title = f"{case}: {words}"
                page.plot(f"growth-{case}-{figure}", title, curve(title, case, sorted(points)))


def _voids(page: Page, sheets: Sequence[Sheet]) -> None:
    reasons: Counter[str] = Counter()
    runs = [run for sheet in sheets for run in sheet.runs]
    for run in runs:
        if run.void is not None:
            reasons[_kind(run.void)] += 1
    void = sum(reasons.values())
    page.add("## Void runs", f"{void} of {len(runs)} runs do not count.")
    if reasons:
        page.add(table(["why", "runs"], [[why, str(n)] for why, n in sorted(reasons.items())]))


def _kind(reason: str) -> str:
    for words in ("other processes", "the hypervisor", "the load client", "the kernel"):
        if reason.startswith(words):
            return f"{words} …"
    return "packets were lost" if reason.endswith("were lost") else reason
