"""What is made of results: ratios, the table of figures to reach, plots."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from bench.goals import GOALS, added_latency, against, fraction, over_direct
from bench.page import figures, render, told
from bench.plot import Bar, bars, curve, number
from bench.results import Run, Sheet
from bench.statistics import Spread

FACTS = {"offered_pps": 300.0, "copies": 100, "profiles": {"AEAD_AES_128_GCM": 101}}
MACHINE = {
    "cpu": "Some CPU",
    "cpu_model": 1,
    "cores": 2,
    "virtual": True,
    "kernel": "6",
    "system": "Debian",
    "governor": None,
}
SETUP = {"window_s": 5.0, "nice": 0, "company": 0.1, "features": {"tx-udp-segmentation": False}}


def run(workload: str, peer: str, number: int, **figures: float) -> Run:
    return Run(workload, "even", "fixed", peer, number, figures, FACTS)


def sheet(*runs: Run) -> Sheet:
    return Sheet("2026-01-01T10:00+00:00", MACHINE, {"commit": "abc"}, SETUP, list(runs))


def middle(spread: Spread | None) -> float:
    assert spread is not None
    return round(spread.median, 6)


def test_ours_is_held_against_theirs_within_a_round() -> None:
    results = sheet(
        run("fan-out", "roomline", 1, packets_per_cpu_s=600.0),
        run("fan-out", "livekit", 1, packets_per_cpu_s=100.0),
        run("fan-out", "roomline", 2, packets_per_cpu_s=400.0),
        run("fan-out", "livekit", 2, packets_per_cpu_s=50.0),
    )
    assert middle(against("fan-out", "even", "livekit", "packets_per_cpu_s")([results])) == 7.0
    assert against("fan-out", "even", "janus", "packets_per_cpu_s")([results]) is None
    assert against("fan-out", "even", "livekit", "packets_per_cpu_s")([]) is None


def test_the_best_single_packet_method_is_the_ceiling() -> None:
    results = sheet(
        run("limit", "single packets, one socket", 1, cpu_ns=1500.0),
        run("limit", "single packets, a socket each", 1, cpu_ns=1200.0),
        run("fan-out", "roomline", 1, cpu_ns=2000.0),
    )
    assert middle(fraction("even")([results])) == 60.0
    assert fraction("frames")([results]) is None


def test_what_a_relay_adds_is_beyond_the_direct_path() -> None:
    results = sheet(
        run("relay-udp", "direct", 1, cpu_ns=1000.0, p50_us=100.0),
        run("relay-udp", "roomline", 1, cpu_ns=1040.0, p50_us=105.0),
        run("relay-udp", "coturn", 1, cpu_ns=4000.0, p50_us=150.0),
    )
    assert middle(over_direct("even")([results])) == 4.0
    assert middle(added_latency("even", "p50_us")([results])) == 0.1


def test_the_terminal_gets_the_table_of_figures_too() -> None:
    results = sheet(Run("joins", "rooms-of-10", "fixed", "roomline", 1, {"joins_per_s": 120.0}, {}))
    (line,) = [line for line in figures([results]).splitlines() if line.startswith("joins")]
    assert line.split()[-6:] == ["100", "250", "120", "120–120", "1", "yes"]
    assert len(figures([]).splitlines()) == len(GOALS) + 1


def test_goals_know_which_way_is_better() -> None:
    more = next(goal for goal in GOALS if goal.higher)
    less = next(goal for goal in GOALS if not goal.higher)
    one = Spread.of([1.0])
    assert one is not None
    assert [more.reached(one.scaled(f * more.least)) for f in (0.9, 1.0)] == ["no", "yes"]
    assert more.reached(one.scaled(more.aim)) == "aim"
    assert [less.reached(one.scaled(f * less.least)) for f in (1.1, 1.0)] == ["no", "yes"]
    assert less.reached(one.scaled(less.aim)) == "aim"
    wide = Spread.of([0.5 * more.least, 1.1 * more.least, 1.2 * more.least])
    assert wide is not None
    assert more.reached(wide) == "not clear"


def test_a_page_without_results_says_so() -> None:
    text = render([]).text
    assert text.count("not measured yet") == len(GOALS)
    assert "0 of 0 runs" in text


def test_a_page_shows_medians_spread_and_what_was_void() -> None:
    runs = [run("fan-out", "roomline", n, cpu_ns=ns) for n, ns in enumerate((900, 1000, 1300), 1)]
    void = Run("fan-out", "even", "fixed", "roomline", 4, {}, FACTS, "0.50% were lost")
    page = render([sheet(*runs, void)])
    assert "| Roomline | – | 1,000 (900–1,300) |" in page.text
    assert "At 30,000 forwarded packets a second" in page.text
    assert "AEAD_AES_128_GCM" in page.text
    assert "1 of 4 runs" in page.text
    assert re.search(r"packets were lost \| 1", page.text)


def test_what_newer_results_do_not_have_is_told_from_older_ones() -> None:
    old = sheet(
        *(
            Run("fan-out", "frames", load, "roomline", 1, {"p99_us": us}, FACTS)
            for load, us in (("25%", 790.0), ("50%", 812.0), ("80%", 999.0))
        )
    )
    new = sheet(Run("fan-out", "frames", "fixed", "roomline", 1, {"cpu_ns": 1000.0}, FACTS))
    new.taken, new.versions = "2026-02-01T10:00+00:00", {"commit": "def"}
    page = render([old, new])
    assert "| Roomline | 50% | – | 812 | – |" in page.text
    assert "commit abc" in page.text
    assert "commit def" in page.text
    (line,) = [line for line in figures([old, new]).splitlines() if "load, frames" in line]
    assert "0.812 ms" in line


def test_numbers_have_three_digits() -> None:
    numbers = [number(v) for v in (0.0, 0.123456, 1.5, 12.345, 123.4, 1234.5, 437_412.0, -17.5)]
    assert numbers == ["0", "0.123", "1.50", "12.3", "123", "1,234", "437,412", "-17.5"]
    assert told(None) == "–"


def test_plots_are_svg_for_light_and_dark() -> None:
    spread = Spread(2.0, 1.0, 3.0, 1.5, 2.5, 5)
    plots = [
        bars("a < b", "µs", [Bar("Roomline", spread, True), Bar("LiveKit", spread, False)]),
        curve("growth", "people", [(2.0, spread), (2000.0, spread.scaled(2))]),
    ]
    for plot in plots:
        assert ET.fromstring(plot).tag == "{http://www.w3.org/2000/svg}svg"
        assert "prefers-color-scheme: dark" in plot
