"""The figures to reach, and what we have of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.results import Sheet, newest
from bench.statistics import Spread, ratios
from bench.workloads import EVEN, FRAMES, VIEWERS

LIMIT_RUNS = {"even": "single packets", "frames": "UDP_SEGMENT"}


@dataclass(frozen=True)
class Goal:
    """One row of the table."""

    measure: str
    least: float
    aim: float
    unit: str
    """What follows the number: `×`, ` %`, ` ms`"""
    higher: bool
    """Whether more is better."""
    found: Callable[[Sequence[Sheet]], Spread | None]
    ceiling: Callable[[Sequence[Sheet]], float | None] = lambda _: None
    """What a server would have that does nothing but what `roomline-limit` does."""

    def reached(self, spread: Spread) -> str:
        """In a word. What only the better half of the runs reaches is not clear."""
        worse = spread.quarter if self.higher else spread.three_quarters
        if self._meets(worse, self.aim):
            return "aim"
        if self._meets(worse, self.least):
            return "yes"
        return "not clear" if self._meets(spread.median, self.least) else "no"

    def _meets(self, value: float, bound: float) -> bool:
        return value >= bound if self.higher else value <= bound


def against(workload: str, case: str, peer: str, figure: str) -> Callable[..., Spread | None]:
    """Ours over theirs at the fixed load, round by round."""

    def found(sheets: Sequence[Sheet]) -> Spread | None:
        sheet = newest(sheets, workload)
        if sheet is None:
            return None
        ours = sheet.values(workload, case, "fixed", "roomline", figure)
        return Spread.of(ratios(ours, sheet.values(workload, case, "fixed", peer, figure)))

    return found


def ceiling(sheet: Sheet | None, case: str, load: str = "fixed") -> Spread | None:
    """The least processor time per packet that any method needs, in ns."""
    if sheet is None:
        return None
    methods = [m for m in sheet.peers("limit") if m.startswith(LIMIT_RUNS.get(case, ""))]
    spreads = [sheet.spread("limit", case, load, method, "cpu_ns") for method in methods]
    return min((s for s in spreads if s), key=lambda s: s.median, default=None)


def fraction(case: str) -> Callable[..., Spread | None]:
    """Our packets per CPU-second over what the machine can do, in percent."""

    def found(sheets: Sequence[Sheet]) -> Spread | None:
        least = ceiling(newest(sheets, "limit"), case)
        sheet = newest(sheets, "fan-out")
        if least is None or sheet is None:
            return None
        costs = sheet.values("fan-out", case, "fixed", "roomline", "cpu_ns").values()
        return Spread.of(100 * least.median / cost for cost in costs)

    return found


def over_direct(case: str) -> Callable[..., Spread | None]:
    """What TURN over UDP adds to the processor time per packet of the direct path, in percent."""

    def found(sheets: Sequence[Sheet]) -> Spread | None:
        ratio = against("relay-udp", case, "direct", "cpu_ns")(sheets)
        return _map(ratio, lambda r: 100 * (r - 1))

    return found


def added_latency(case: str, figure: str) -> Callable[..., Spread | None]:
    """What our relay adds to the direct path's latency, over what coturn adds."""

    def found(sheets: Sequence[Sheet]) -> Spread | None:
        sheet = newest(sheets, "relay-udp")
        if sheet is None:
            return None
        direct, ours, theirs = (
            sheet.values("relay-udp", case, "fixed", peer, figure)
            for peer in ("direct", "roomline", "coturn")
        )
        added = {n: ours[n] - direct[n] for n in ours.keys() & direct.keys()}
        added_by_them = {n: theirs[n] - direct[n] for n in theirs.keys() & direct.keys()}
        return Spread.of(ratios(added, {n: v for n, v in added_by_them.items() if v > 0}))

    return found


def ours(
    workload: str, case: str, load: str, figure: str, factor: float = 1.0
) -> Callable[..., Spread | None]:
    """A figure of our own server."""

    def found(sheets: Sequence[Sheet]) -> Spread | None:
        sheet = newest(sheets, workload, load)
        spread = sheet.spread(workload, case, load, "roomline", figure) if sheet else None
        return spread.scaled(factor) if spread else None

    return found


def _map(spread: Spread | None, change: Callable[[float], float]) -> Spread | None:
    """The spread of changed values; the change must keep their order."""
    if spread is None:
        return None
    return Spread(
        change(spread.median),
        change(spread.low),
        change(spread.high),
        change(spread.quarter),
        change(spread.three_quarters),
        spread.runs,
    )


def _fan_out(peer: str) -> Callable[..., Spread | None]:
    return against("fan-out", "frames", peer, "packets_per_cpu_s")


def _bound(peer: str) -> Callable[..., float | None]:
    """The ceiling's packets per CPU-second over theirs."""

    def found(sheets: Sequence[Sheet]) -> float | None:
        least = ceiling(newest(sheets, "limit"), "frames")
        sheet = newest(sheets, "fan-out")
        theirs = sheet.spread("fan-out", "frames", "fixed", peer, "cpu_ns") if sheet else None
        return theirs.median / least.median if theirs and least else None

    return found


def _against(peer: str, words: str, least: float, aim: float) -> Goal:
    return Goal(words, least, aim, "×", True, _fan_out(peer), _bound(peer))


def _coturn(case: str) -> Callable[..., Spread | None]:
    return against("relay-udp", case, "coturn", "cpu_ns")


def _latency(case: str, words: str, burst: int) -> Goal:
    """At half of our own maximum; nothing less than sending all packets of a burst is possible."""

    def last(sheets: Sequence[Sheet]) -> float | None:
        least = ceiling(newest(sheets, "limit"), case)
        return 1e-6 * least.median * burst * VIEWERS if least else None

    found = ours("fan-out", case, "50%", "p99_us", 1e-3)
    return Goal(LATENCY + words, 1, 0.2, " ms", False, found, last)


TLS = against("relay-tls", "frames", "coturn", "mbit_per_cpu_s")
LATENCY = "forwarding latency, p99 at 50 % load, "
ENGINE = ours("engine-memory", "idle", "fixed", "kb_per_participant")
MEMORY = ours("memory", "idle", "fixed", "kb_per_participant")
JOINS = ours("joins", "rooms-of-10", "fixed", "joins_per_s")
FRACTION = "fraction of this machine's ceiling, "
DIRECT = "participant on TURN/UDP over one on the direct path, CPU per packet, "
COTURN = "our TURN/UDP against coturn in front of our SFU, CPU per packet, "
ADDED = "the same: latency added to the direct path, even packets, "

OFFLOADED = (
    _against("livekit", "fan-out of frames against LiveKit", 6, 12),
    _against("janus", "against Janus with its best setting", 6, 10),
    _against("galene", "against Galène", 6, 12),
    Goal(f"{FRACTION}frame bursts with GSO", 45, 70, " %", True, fraction("frames")),
)
"""What is told a second time, of runs that the network card cuts up."""
GOALS = (
    _against("livekit", "fan-out of frames, packets per CPU-second, against LiveKit", 6, 12),
    _against("janus", "against Janus with its best setting", 6, 10),
    _against("galene", "against Galène", 6, 12),
    Goal(f"{FRACTION}single packets", 50, 75, " %", True, fraction("even")),
    Goal(f"{FRACTION}frame bursts with GSO", 45, 70, " %", True, fraction("frames")),
    Goal(f"{DIRECT}frames", 10, 3, " %", False, over_direct("frames")),
    Goal(f"{DIRECT}even, 1200 B", 10, 3, " %", False, over_direct("even")),
    Goal(f"{DIRECT}even, 160 B", 10, 3, " %", False, over_direct("even-160")),
    Goal(f"{COTURN}frames", 0.6, 0.4, "×", False, _coturn("frames")),
    Goal(f"{COTURN}even, 1200 B", 0.6, 0.4, "×", False, _coturn("even")),
    Goal(f"{COTURN}even, 160 B", 0.6, 0.4, "×", False, _coturn("even-160")),
    Goal(f"{ADDED}p50", 0.5, 0.1, "×", False, added_latency("even", "p50_us")),
    Goal(f"{ADDED}p99", 0.5, 0.1, "×", False, added_latency("even", "p99_us")),
    Goal("our TURN/TLS against coturn's, Mbit/s per CPU-second", 1.5, 3, "×", True, TLS),
    _latency("even", "single packets", EVEN.burst),
    _latency("frames", "frames: to the last of 1,000 packets", FRAMES.burst),
    Goal("memory per idle participant: engine", 100, 30, " KB", False, ENGINE),
    Goal("memory per idle participant with its WebSocket", 200, 100, " KB", False, MEMORY),
    Goal("joins per second, rooms of 10, token to DTLS done", 100, 250, "", True, JOINS),
)
"""With a row for each case that is measured."""
