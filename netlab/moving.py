"""Runs the rows in which the network changes under a call, and judges them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import Playwright

from netlab.gaps import (
    Arrival,
    Continuity,
    confirmed,
    continuity,
    doubles,
    holes,
    longest_stall,
    losses,
    sender_pauses,
    silence,
)
from netlab.measure import Measured, path_fits
from netlab.moves import Move, Step
from netlab.namespaces import LabError
from netlab.people import Scene, Someone, call, now_ms

CALM_S = 6.0
"""A move is over when the tier is reached and media has flowed for so long: a second switch, back to
the first transport, must not go unseen."""
NOISE_MARGIN_MS = 50.0
NOISE_CEILING_MS = 500.0
"""A machine that makes more noise than that excuses nothing: the row wants a quieter one."""
IN_FLIGHT = 2
"""So many messages of the data channels may still come that were sent before a change."""
KEYFRAME_MS = 2_000.0
"""So much longer than sound may pictures be away: they begin again with a keyframe."""
UNEXPECTED = {"trackUnpublished", "trackUnsubscribed", "participantLeft", "disconnected", "error"}


@dataclass
class Run:
    """What one mover went through in one step."""

    gaps_ms: dict[str, float]
    """The longest silence of its sound, `down` and `up`."""
    video_gaps_ms: dict[str, float]
    lost: dict[str, int]
    """Audio packets that never arrived."""
    lost_at: dict[str, list[float]]
    """When the packets after those were sent: ms after the change."""
    video_lost: dict[str, int]
    doubled: int
    told: list[tuple[float, str]]
    """The tiers that the server told since the change: ms after it, and the tier."""
    time_to_tier_ms: float | None
    """Until it told one that is right; None if it was the same all the time."""
    tier: str | None
    server_port: int | None
    added_latency_ms: float | None
    stats: dict[str, Any]
    state: dict[str, Any]
    sdk: list[list[Any]]
    """What its SDK logged since the change: ms after it, level, message, details; and what its room
    told: ms after it, `told`, event, details."""
    echoes: int
    """That came since the change."""
    flows: bool
    noise_ms: float
    """The longest silence of the witness, whose network does not change, or the longest time in which
    the thread that takes frames, at either end, did not run: what the machine does."""
    events: dict[str, Continuity]
    """`server`: its numbered events; `down` and `up`: the numbered messages from and to the observer."""
    problems: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    """What of its participant, tracks and subscriptions is not as before."""


@dataclass(frozen=True)
class Window:
    """What is looked at, in ms since 1970."""

    begin: float
    end: float
    since: float | None
    """Only what of a silence comes after this is judged."""

    def silence(self, flow: list[Arrival]) -> float:
        """The longest one of a flow, less what its sender did not send for want of a processor."""
        times = [arrival.at for arrival in flow]
        return silence(times, self.begin, self.end, self.since, sender_pauses(flow))


@dataclass
class MoveResult(Measured):
    """A row in which the network changes: the worst run's times and losses, medians of the rest."""

    browser: str
    gap_ms: float
    """The worst of the runs, in both directions."""
    gap_down_ms: list[float]
    gap_up_ms: list[float]
    video_gap_ms: float
    video_gap_down_ms: list[float]
    video_gap_up_ms: list[float]
    noise_ms: float
    aim_ms: float | None
    packets_lost: int
    lost_at: list[dict[str, list[float]]]
    """For each run, when the packets after lost ones were sent: ms after the change."""
    frames_lost: int
    doubled: int
    time_to_tier_ms: float | None
    tiers_told: list[list[tuple[float, str]]]
    """For each run, the tiers that the server told since the change, with the ms after it."""
    same: bool
    events_lost: int
    events_doubled: int
    settled_s: float
    sdk_logs: list[list[list[Any]]]
    """For each run, what the SDK logged and the room told since the change, with the ms after it; of
    failed rows only."""

    @classmethod
    def broken(cls, scenario: str, browser: str, settled_s: float, problem: str) -> MoveResult:
        """A row that could not be measured."""
        made = dict.fromkeys((each.name for each in fields(cls)), None)
        known = {
            "scenario": scenario,
            "browser": browser,
            "settled_s": settled_s,
            "passed": False,
            "runs": 0,
            "problems": [problem],
            "sdk_logs": [],
        }
        return cls(**{**made, **known})  # type: ignore[arg-type]

    def as_json(self) -> dict[str, Any]:
        """For `lab-report.json`."""
        return {k: _rounded(v) for k, v in asdict(self).items()}


def run_move(
    move: Move,
    playwright: Playwright,
    *,
    browser: str,
    runs: int,
    name: str,
    settle_s: float,
    steps: int,
    judge_times: bool = True,
) -> Iterator[MoveResult]:
    """Make calls with `runs` movers in all, and their first `steps` changes one by one.

    The movers are side by side, as many as the machine stands: usually all in one call.
    """
    made: dict[str, list[Run]] = {step.name: [] for step in move.steps[:steps]}
    done: set[str] = set()
    try:
        for movers in batches(runs, move.side_by_side):
            with call(
                playwright,
                name,
                browser=browser,
                movers=movers,
                settle_s=settle_s,
                firewall=move.firewall,
            ) as scene:
                for step in move.steps[:steps]:
                    made[step.name] += change(scene, step)
                    if len(made[step.name]) == runs:
                        done.add(step.name)
                        yield summarise(step, browser, settle_s, made[step.name], judge_times)
                    scene.wait(settle_s / 6)
    except LabError as error:
        for left in [each for each in made if each not in done]:
            yield MoveResult.broken(left, browser, settle_s, str(error))


def batches(runs: int, most: int) -> list[int]:
    """As many movers for each call as there may be, and the rest for the last one."""
    return [min(most, runs - before) for before in range(0, runs, most)]


def change(scene: Scene, step: Step) -> list[Run]:
    """Let a step happen, wait for what must come of it, and see what it did to each mover."""
    step.prepare(scene)
    scene.collect()
    everybody = (scene.observer, scene.witness, *scene.movers)
    identities = {each.identity: each.do("moving.identity()") for each in everybody}
    echoes = {mover.identity: mover.do("lab.state.echoes") for mover in scene.movers}
    begin = now_ms()
    since = step.act(scene)

    def there(mover: Someone) -> bool:
        connection = mover.client.connection() or {}
        return (
            connection.get("state") == "connected"
            and connection.get("tier") in step.tiers
            and scene.fresh(mover)
            and mover.do("lab.state.echoes") > echoes[mover.identity] + IN_FLIGHT
        )

    def all_there() -> bool:
        return all(there(mover) for mover in scene.movers)

    in_time = scene.wait_until(all_there, step.reach_s + CALM_S, CALM_S)
    # What is on its way at the end has not been lost.
    window = Window(begin, now_ms() - 200, since)
    # The observer's is taken last: it has then heard all that a mover knows to be sent.
    logs = {each.identity: each.do("moving.log()") for each in reversed(everybody)}
    runs = []
    for mover in scene.movers:
        made = _run(scene, step, mover, window, logs)
        made.echoes = made.state["echoes"] - echoes[mover.identity]
        made.changed = _changed(scene, mover, identities, logs, begin)
        if not in_time and not there(mover):
            made.problems.append(
                f"not on {' or '.join(step.tiers)} with media and data within {step.reach_s:.0f} s"
            )
        runs.append(made)
    return runs


def _run(
    scene: Scene,
    step: Step,
    mover: Someone,
    window: Window,
    logs: dict[str, Any],
) -> Run:
    connection = mover.client.connection() or {}
    told = _tiers_told(logs[mover.identity]["told"], mover, window.begin)
    flows = {kind: scene.flows(mover, kind) for kind in ("audio", "video")}

    def gaps(kind: str) -> dict[str, float]:
        return {way: window.silence(flow) for way, flow in flows[kind].items()}

    def lost(kind: str) -> dict[str, int]:
        return {way: losses(flow, window.begin, window.end) for way, flow in flows[kind].items()}

    return Run(
        gaps_ms=gaps("audio"),
        video_gaps_ms=gaps("video"),
        lost=lost("audio"),
        lost_at={
            way: [at - window.begin for at, _ in holes(flow, window.begin, window.end)]
            for way, flow in flows["audio"].items()
        },
        video_lost=lost("video"),
        doubled=sum(doubles(f) for kind in flows.values() for f in kind.values()),
        told=told,
        time_to_tier_ms=next((at for at, tier in told if tier in step.tiers), None),
        tier=connection.get("tier"),
        server_port=connection.get("serverPort"),
        added_latency_ms=connection.get("addedLatencyMs"),
        stats=mover.client.stats(),
        state=mover.client.state(),
        sdk=_logged(logs[mover.identity], window.begin),
        echoes=0,
        flows=scene.fresh(mover),
        noise_ms=_noise(scene, mover, window),
        events=events_of(mover, logs),
    )


def _noise(scene: Scene, mover: Someone, window: Window) -> float:
    """What the machine does: a silence of the witness, or a stall of those who take frames."""
    begin = window.begin if window.since is None else window.since
    stalls = [longest_stall(who.stalls, begin, window.end) for who in (mover, scene.observer)]
    return max(window.silence(scene.witness.arrivals[scene.observer.number, "audio"]), *stalls)


def _logged(log: dict[str, Any], begin: float) -> list[list[Any]]:
    """What the SDK logged and what the room told, in order of time."""
    told = [[at, "told", *what] for at, *what in log["told"]]
    both = sorted([*log["sdk"], *told], key=lambda each: each[0])
    return [[round(at - begin), *rest] for at, *rest in both if at >= begin]


def _tiers_told(told: list[list[Any]], mover: Someone, begin: float) -> list[tuple[float, str]]:
    """The tiers that the server told of a mover since the change: ms after it, and the tier."""
    tiers = [
        (each[0] - begin, each[4])
        for each in told
        if each[1] == "connectionChanged" and each[2] == mover.identity and each[4]
    ]
    changes = [b for a, b in pairwise([(0.0, ""), *tiers]) if a[1] != b[1]]
    return [(round(at), tier) for at, tier in changes if at >= 0]


def events_of(mover: Someone, logs: dict[str, Any]) -> dict[str, Continuity]:
    """What was lost or doubled on the way of the signaling.

    Of the server's numbered events, as they came over one WebSocket after another, and of the
    numbered messages that mover and observer send to one another. Of the mover's only those count
    as lost that its SDK reported as sent.
    """
    log, other = logs[mover.identity], logs["observer"]
    return {
        "server": continuity([seq for _, _, seq, _ in log["wire"]]),
        "down": continuity([n for _, identity, n in log["messages"] if identity == "observer"]),
        "up": confirmed(
            log["confirmed"],
            [n for _, identity, n in other["messages"] if identity == mover.identity],
        ),
    }


def _changed(
    scene: Scene,
    mover: Someone,
    before: dict[str, Any],
    logs: dict[str, Any],
    begin: float,
) -> list[str]:
    found = []
    now = mover.do("moving.identity()")
    for what, value in before[mover.identity].items():
        if now[what] != value:
            found.append(f"{what} {value} became {now[what]}")
    for who in (mover, scene.observer):
        for at, name, *detail in logs[who.identity]["told"]:
            concerns = who is mover or (detail and detail[0] == mover.identity)
            if at >= begin and name in UNEXPECTED and concerns:
                found.append(f"{who.identity} was told {name} {detail}")
    return found


def summarise(
    step: Step, browser: str, settle_s: float, runs: list[Run], judge_times: bool
) -> MoveResult:
    """The worst of times and losses, the median of the rest, and what is not as it must be."""
    problems = [p for n, run in enumerate(runs, 1) for p in judge_run(step, run, n, judge_times)]
    last = runs[-1]
    latencies = [v for run in runs for v in run.state["latenciesMs"]]
    reached = [r.time_to_tier_ms for r in runs if r.time_to_tier_ms is not None]
    return MoveResult(
        scenario=step.name,
        browser=browser,
        tier=last.tier,
        candidate_type=last.stats.get("candidateType"),
        relay_protocol=last.stats.get("relayProtocol"),
        server_port=last.server_port,
        time_to_first_frame_ms=_middle([r.state["firstFrameMs"] for r in runs]),
        rtt_ms=_middle([r.stats.get("rttMs") for r in runs]),
        latency_ms=_middle(latencies),
        latency_p95_ms=quantiles(latencies, n=20)[-1] if len(latencies) > 1 else None,
        added_latency_ms=_middle([r.added_latency_ms for r in runs]),
        audio_ok=all(r.flows and r.stats["audioEnergy"] > 0 for r in runs),
        video_ok=all(r.flows and r.state["unreadable"] < r.state["frames"] / 10 for r in runs),
        data_ok=all(r.echoes > IN_FLIGHT for r in runs),
        gap_ms=max(v for r in runs for v in r.gaps_ms.values()),
        gap_down_ms=[r.gaps_ms["down"] for r in runs],
        gap_up_ms=[r.gaps_ms["up"] for r in runs],
        video_gap_ms=max(v for r in runs for v in r.video_gaps_ms.values()),
        video_gap_down_ms=[r.video_gaps_ms["down"] for r in runs],
        video_gap_up_ms=[r.video_gaps_ms["up"] for r in runs],
        noise_ms=max(r.noise_ms for r in runs),
        aim_ms=step.aim_ms,
        packets_lost=max(v for r in runs for v in r.lost.values()),
        lost_at=[r.lost_at for r in runs],
        frames_lost=max(v for r in runs for v in r.video_lost.values()),
        doubled=sum(r.doubled for r in runs),
        time_to_tier_ms=max(reached, default=None),
        tiers_told=[r.told for r in runs],
        same=not any(r.changed for r in runs),
        events_lost=sum(e.lost for r in runs for e in r.events.values()),
        events_doubled=sum(e.doubled for r in runs for e in r.events.values()),
        passed=not problems,
        runs=len(runs),
        settled_s=settle_s,
        problems=problems,
        sdk_logs=[r.sdk for r in runs] if problems else [],
    )


def judge_run(step: Step, run: Run, n: int, judge_times: bool) -> list[str]:
    """What of one run is not as it must be, in words."""
    found = [*run.problems, *run.changed]
    if run.tier in step.tiers and not path_fits(run.tier, run.server_port, run.stats):
        found.append(f"{run.tier} on port {run.server_port}, and the browser says {run.stats}")
    if not run.flows:
        found.append("no sound and pictures both ways at the end")
    if run.echoes <= IN_FLIGHT:
        found.append("no message came back over the data channels")
    for whose, events in run.events.items():
        if events != Continuity(0, 0, 0):
            found.append(
                f"events {whose}: {events.lost} lost, {events.doubled} doubled, "
                f"{events.disordered} out of order"
            )
    if judge_times:
        found.extend(_judge_times(step, run))
    return [f"run {n}: {problem}" for problem in found]


def _judge_times(step: Step, run: Run) -> list[str]:
    """What took too long or was lost, in words."""
    found = []
    # A silence that the witness heard too, or in which nobody could hear, is none of the network's.
    noise = min(run.noise_ms, NOISE_CEILING_MS)
    allowed = max(step.gap_ms, noise + NOISE_MARGIN_MS)
    for way in ("down", "up"):
        if run.gaps_ms[way] > allowed:
            found.append(f"{run.gaps_ms[way]:.0f} ms of silence {way}, not {allowed:.0f}")
        if run.video_gaps_ms[way] > allowed + KEYFRAME_MS:
            found.append(f"{run.video_gaps_ms[way]:.0f} ms without pictures {way}")
        if step.lost is not None and run.lost[way] > step.lost:
            found.append(f"{run.lost[way]} packets lost {way}, not {step.lost}")
    return found


def _middle(values: list[Any]) -> float | None:
    known = [v for v in values if v is not None]
    return median(known) if known else None


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return round(value, 2) if isinstance(value, float) else value
