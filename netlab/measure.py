"""One row of the lab: build the network, make the call, measure it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import Browser, Playwright

from netlab.browser import ChromiumPage, Client, launch
from netlab.scenarios import MEDIA_PORTS, Scenario
from netlab.server import Server
from netlab.topology import PRIVATE_SERVER_V4, SERVER_V4, SERVER_V6, Lab

RTT_SAMPLES = 20
RUN_WITHIN_S = 90.0
POLL_MS = 100
RELAY_PORTS = {"turn-udp": 3478, "turn-tcp": 3478, "turn-tls": 443}


@dataclass
class Run:
    """What one call measured."""

    tier: str | None = None
    candidate_type: str | None = None
    relay_protocol: str | None = None
    server_port: int | None = None
    time_to_first_frame_ms: float | None = None
    rtts_ms: list[float] = field(default_factory=list)
    direct_rtts_ms: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    audio_ok: bool = False
    video_ok: bool = False
    data_ok: bool = False


@dataclass
class Measured:
    """What every line of the report has."""

    scenario: str
    tier: str | None
    candidate_type: str | None
    relay_protocol: str | None
    server_port: int | None
    time_to_first_frame_ms: float | None
    rtt_ms: float | None
    latency_ms: float | None
    latency_p95_ms: float | None
    added_latency_ms: float | None
    audio_ok: bool
    video_ok: bool
    data_ok: bool
    passed: bool
    runs: int
    problems: list[str]


@dataclass
class Result(Measured):
    """A row in which a network is joined through: medians over the runs."""

    def as_json(self) -> dict[str, Any]:
        """For `lab-report.json`."""
        return {k: round(v, 2) if isinstance(v, float) else v for k, v in asdict(self).items()}


class RttSampler:
    """Collects each new answer to a connectivity check once."""

    def __init__(self) -> None:
        self.samples: list[float] = []
        self._responses = 0

    def feed(self, stats: dict[str, Any]) -> None:
        """Take the selected pair's figures as the browser gives them."""
        responses = stats.get("responses") or 0
        if responses > self._responses and stats.get("rttMs"):
            self._responses = responses
            self.samples.append(stats["rttMs"])

    @property
    def enough(self) -> bool:
        """True when a median can be quoted."""
        return len(self.samples) >= RTT_SAMPLES


def measure(
    scenario: Scenario, playwright: Playwright, runs: int, name: str, *, judge_times: bool = True
) -> Result:
    """Make `runs` calls through the scenario's network.

    Without `judge_times` the figures are told but nothing fails on one of them: on a machine that
    does other work beside it they say more about that work than about the path.

    They begin one after another, each when the one before has its picture, and go on side by side
    until each has enough round trips: a browser checks a settled pair every 2.5 s only.
    """
    with network(scenario, playwright, name) as (server, publisher, browser):
        speaker = Client(ChromiumPage(publisher), server.url)
        speaker.join(server.token("publisher", scenario.name), publish=True)
        direct = RttSampler()
        calls = []
        for n in range(runs):
            call = Call(Client(ChromiumPage(browser), server.url))
            call.begin(server.token(f"client-{n}", scenario.name))
            calls.append(call)

        def done() -> bool:
            direct.feed(speaker.stats())
            looks = [call.look() for call in calls]
            return all(looks) and direct.enough

        wait_until(speaker, done)
        return summarise(scenario, [call.end(direct) for call in calls], judge_times)


@contextmanager
def network(
    scenario: Scenario, playwright: Playwright, name: str
) -> Iterator[tuple[Server, Browser, Browser]]:
    """The server, a browser on the direct path, and one behind the scenario's network."""
    with Lab(name, ipv6=scenario.ipv6, server_nat=scenario.server_nat) as lab:
        server = Server(lab.server, *server_arguments(scenario))
        direct = lab.site()
        site = lab.site(scenario.nat, scenario.firewall, scenario.conditions)
        proxy = site.start_proxy(lab.folder) if scenario.proxy else None
        browsers = [launch(playwright, direct.client, server.ca)]
        try:
            browsers.append(launch(playwright, site.client, server.ca, proxy=proxy))
            yield server, browsers[0], browsers[1]
        finally:
            for browser in browsers:
                browser.close()
            server.close()


def server_arguments(scenario: Scenario) -> list[str]:
    """How the operator of this scenario starts the server."""
    ports = ["--media-ports", scenario.media_ports]
    if scenario.server_nat:
        return [*ports, "--public-ip", SERVER_V4, "--address", PRIVATE_SERVER_V4]
    return [*ports, "--address", SERVER_V6 if scenario.ipv6 else SERVER_V4]


class Call:
    """One client's call: joined, watched, judged."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.rtts = RttSampler()

    def begin(self, token: str) -> None:
        """Join, and wait for the first picture."""
        self.client.join(token, publish=False)
        wait_until(self.client, lambda: self.client.state()["firstFrameMs"] is not None)

    def look(self) -> bool:
        """Take a sample. True when there is enough to judge."""
        self.rtts.feed(self.client.stats())
        return self.rtts.enough and self.client.state()["echoes"] > 0

    def end(self, direct: RttSampler) -> Run:
        """What was seen."""
        state, stats = self.client.state(), self.client.stats()
        connection = self.client.connection() or {}
        return Run(
            tier=connection.get("tier"),
            candidate_type=stats.get("candidateType"),
            relay_protocol=stats.get("relayProtocol"),
            server_port=connection.get("serverPort"),
            time_to_first_frame_ms=state["firstFrameMs"],
            rtts_ms=self.rtts.samples,
            direct_rtts_ms=direct.samples,
            latencies_ms=state["latenciesMs"],
            audio_ok=stats["audioEnergy"] > 0,
            video_ok=len(state["latenciesMs"]) > 10 and state["unreadable"] < state["frames"] / 10,
            data_ok=state["echoes"] > 0,
        )


def wait_until(client: Client, done: Callable[[], bool]) -> None:
    """Look again and again, letting the page run, until done or out of time."""
    deadline = time.monotonic() + RUN_WITHIN_S
    while not done() and time.monotonic() < deadline:
        client.page.evaluate(f"new Promise(done => setTimeout(done, {POLL_MS}))")


def middle(values: list[float]) -> float | None:
    """The median, or None of nothing."""
    return median(values) if values else None


def summarise(scenario: Scenario, calls: list[Run], judge_times: bool) -> Result:
    """Medians over the runs, and whether they are what the row demands."""
    first = middle(
        [c.time_to_first_frame_ms for c in calls if c.time_to_first_frame_ms is not None]
    )
    rtts = [middle(c.rtts_ms) for c in calls]
    added = [
        middle(c.rtts_ms) - middle(c.direct_rtts_ms)  # type: ignore[operator]
        for c in calls
        if c.rtts_ms and c.direct_rtts_ms
    ]
    latencies = [v for c in calls for v in c.latencies_ms]
    last = calls[-1]
    problems = judge_paths(scenario, calls)
    if judge_times:
        problems += judge_figures(scenario, first, middle(added))
    return Result(
        scenario=scenario.name,
        tier=last.tier,
        candidate_type=last.candidate_type,
        relay_protocol=last.relay_protocol,
        server_port=last.server_port,
        time_to_first_frame_ms=first,
        rtt_ms=middle([r for r in rtts if r is not None]),
        latency_ms=middle(latencies),
        latency_p95_ms=quantiles(latencies, n=20)[-1] if len(latencies) > 1 else None,
        added_latency_ms=middle(added),
        audio_ok=all(c.audio_ok for c in calls),
        video_ok=all(c.video_ok for c in calls),
        data_ok=all(c.data_ok for c in calls),
        passed=not problems,
        runs=len(calls),
        problems=problems,
    )


def judge_paths(scenario: Scenario, calls: list[Run]) -> list[str]:
    """What of the path and the media is not as it must be, in words."""
    problems = []
    for n, run in enumerate(calls, 1):
        if run.tier not in scenario.tiers:
            problems.append(f"run {n}: tier {run.tier}, not {' or '.join(sorted(scenario.tiers))}")
        elif not port_fits(scenario, run):
            problems.append(f"run {n}: {run.tier} on port {run.server_port}")
        if not candidate_fits(run.tier, run.candidate_type, run.relay_protocol):
            problems.append(f"run {n}: the browser says {run.candidate_type}/{run.relay_protocol}")
        missing = [k for k in ("audio", "video", "data") if not getattr(run, f"{k}_ok")]
        if missing:
            problems.append(f"run {n}: no {', '.join(missing)}")
        if min(len(run.rtts_ms), len(run.direct_rtts_ms)) < RTT_SAMPLES:
            problems.append(f"run {n}: only {len(run.rtts_ms)} RTT samples")
    return problems


def judge_figures(scenario: Scenario, first: float | None, added: float | None) -> list[str]:
    """What took longer than it may, in words."""
    problems = []
    if first is None or first > scenario.first_frame_ms:
        problems.append(f"first frame after {first} ms, not {scenario.first_frame_ms}")
    if scenario.added_latency_ms is not None and (
        added is None or added >= scenario.added_latency_ms
    ):
        problems.append(f"{added} ms added, not under {scenario.added_latency_ms}")
    return problems


def port_fits(scenario: Scenario, run: Run) -> bool:
    """Whether the tier uses the port it must."""
    if run.tier == "direct":
        low, _, high = scenario.media_ports.partition("-")
        return (
            run.server_port in range(int(low), int(high or low) + 1)
            and run.server_port in MEDIA_PORTS
        )
    return run.server_port == RELAY_PORTS.get(run.tier or "")


def path_fits(tier: str | None, server_port: int | None, stats: dict[str, Any]) -> bool:
    """Whether the tier uses a port it may, and the browser's own candidate says the same."""
    ports = MEDIA_PORTS if tier == "direct" else [RELAY_PORTS.get(tier or "")]
    candidate, protocol = stats.get("candidateType"), stats.get("relayProtocol")
    return server_port in ports and candidate_fits(tier, candidate, protocol)


def candidate_fits(tier: str | None, candidate: str | None, relay_protocol: str | None) -> bool:
    """Whether the browser's own candidate says the same as the server's tier."""
    if tier == "direct":
        return candidate in {"host", "srflx", "prflx"}
    wanted = {"turn-udp": "udp", "turn-tcp": "tcp", "turn-tls": "tls"}.get(tier or "")
    return candidate == "relay" and relay_protocol == wanted
