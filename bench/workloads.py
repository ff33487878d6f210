"""What is measured: who is in the rooms, and what they send."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace

from bench.more_workloads import EngineMemory, FirstFrame, Growth, Program
from bench.peers import SFUS, Coturn, Pion, Roomline
from bench.plan import MAXIMUM_S, SETTLING_S, START_S, Case, Plan, Turn, Workload
from bench.results import Run
from bench.stage import AUDIO, ONLY_CM, VIDEO, Stage, Way, stage
from bench.traffic import Pattern

ROOM = "bench"
VIEWERS = 100
FRAMES = Pattern("frames", 1200, 300.0, 10)
"""30 frames a second of 10 packets: 2.9 Mbit/s."""
EVEN = Pattern("even", 1200, 300.0)
SMALL = Pattern("even", 160, 300.0)
SPEECH = Pattern("audio", 160, 50.0)
SHARES = (0.25, 0.5, 0.8)
"""Of its own maximum, at which latency is taken."""

SFU_WAYS = tuple(Way(sfu.name, sfu) for sfu in SFUS if sfu.name != "janus-threads")


@dataclass(frozen=True)
class Rooms(ABC):
    """A workload in which the same rooms see several kinds of traffic, one after the other."""

    name: str
    title: str
    ways: Sequence[Way]
    cases: Sequence[Case]

    @abstractmethod
    async def fill(self, on: Stage) -> None:
        """Let everybody join."""

    def expected_s(self, plan: Plan) -> float:
        """Joining, a window for each case, and searches."""
        one = SETTLING_S + plan.window_s
        seconds = START_S
        for case in self.cases:
            seconds += one if plan.does(case.fixed) else 0.0
            if plan.searches(case):
                seconds += MAXIMUM_S + (len(SHARES) * one if plan.does(case.latency) else 0.0)
        return seconds

    async def runs(self, plan: Plan, way: Way, number: int) -> AsyncGenerator[Run]:
        """One server, all cases."""
        async with stage(plan.harness, way) as on:
            await self.fill(on)
            for case in self.cases:
                turn = Turn(plan, on, self.name, case, number)
                if plan.does(case.fixed):
                    yield await turn.fixed()
                if not plan.searches(case):
                    continue
                found = await turn.maximum()
                yield found
                if plan.does(case.latency) and found.void is None:
                    for share in SHARES:
                        pps = share * found.figures["maximum_pps"] / case.copies / len(on.tracks)
                        yield await turn.at(f"{share:.0%}", case.pattern.at(pps))


@dataclass(frozen=True)
class FanOut(Rooms):
    """One publisher, many viewers."""

    viewers: int = VIEWERS

    async def fill(self, on: Stage) -> None:
        """The publisher first."""
        await on.publisher(ROOM, "publisher", [VIDEO])
        await on.send(self.cases[0].pattern)
        await on.subscribers(ROOM, self.viewers, 1)


@dataclass(frozen=True)
class AudioRoom(Rooms):
    """Some who speak, many who listen."""

    speakers: int = 3
    listeners: int = 100

    async def fill(self, on: Stage) -> None:
        """Speakers first."""
        for number in range(self.speakers):
            await on.publisher(ROOM, f"speaker{number}", [AUDIO])
        await on.send(self.cases[0].pattern)
        await on.subscribers(ROOM, self.listeners, self.speakers)


@dataclass(frozen=True)
class Meeting(Rooms):
    """Everybody sees everybody."""

    people: int = 8

    async def fill(self, on: Stage) -> None:
        """All of them."""
        await on.meeting(ROOM, self.people, [VIDEO], self.cases[0].pattern)


@dataclass(frozen=True)
class Mixed(Rooms):
    """A room whose viewers come on all tiers in equal parts."""

    viewers: int = 30

    async def fill(self, on: Stage) -> None:
        """In turn on each tier."""
        await on.publisher(ROOM, "publisher", [VIDEO])
        await on.send(self.cases[0].pattern)
        paths = (None, on.through("turn-udp"), on.through("turn-tls"))
        await on.subscribers(ROOM, self.viewers, 1, via=paths)


def relay_ways(tier: str) -> tuple[Way, ...]:
    """The direct path, our own relay, and others in front of our server."""
    ours = Roomline()
    return (
        Way("direct", ours),
        Way("roomline", ours, tier),  # type: ignore[arg-type] # one of the two below
        Way("coturn", ours, tier, Coturn()),  # type: ignore[arg-type]
        Way("pion", ours, tier, Pion()),  # type: ignore[arg-type]
    )


def _cases(copies: float, *patterns: tuple[str, Pattern]) -> tuple[Case, ...]:
    return tuple(Case(name, pattern, copies) for name, pattern in patterns)


WORKLOADS: tuple[Workload, ...] = (
    FanOut(
        "fan-out",
        f"one video to {VIEWERS} viewers",
        SFU_WAYS,
        (
            Case("frames", FRAMES, VIEWERS, maximum="always", latency="full"),
            Case("even", EVEN, VIEWERS, maximum="full", latency="full"),
        ),
    ),
    FanOut(
        "relay-udp",
        f"one video to {VIEWERS} viewers on TURN over UDP",
        relay_ways("turn-udp"),
        _cases(VIEWERS, ("frames", FRAMES), ("even", EVEN), ("even-160", SMALL)),
    ),
    FanOut(
        "relay-tls",
        f"one video to {VIEWERS} viewers on TURN over TLS",
        relay_ways("turn-tls"),
        (
            Case("frames", FRAMES, VIEWERS),
            Case("even", EVEN, VIEWERS, fixed="full"),
        ),
    ),
    FanOut(
        "fan-out-cm",
        f"one video to {VIEWERS} viewers, AES-CM with HMAC-SHA1 for all",
        tuple(replace(way, profiles=ONLY_CM) for way in SFU_WAYS),
        _cases(VIEWERS, ("frames", FRAMES)),
    ),
    AudioRoom(
        "audio",
        "3 who speak to 100 who listen",
        SFU_WAYS,
        _cases(100, ("speech", SPEECH)),
    ),
    Meeting("meeting", "8 people who see each other", SFU_WAYS, _cases(7, ("frames", FRAMES))),
    Mixed(
        "mixed",
        "one video to 30 viewers, a third on each tier",
        tuple(way for way in relay_ways("turn-udp") if way.name != "direct"),
        _cases(30, ("frames", FRAMES)),
    ),
)
WORKLOADS += (
    FirstFrame("first-frame", "joining a running room, to the first picture", SFU_WAYS, FRAMES),
    Program("joins", "joining, our server alone", "rooms-of-10", 8.0),
    Program("memory", "idle participants, our server alone", "idle", 35.0),
    EngineMemory("engine-memory", "idle participants, the media core alone"),
    Growth(
        "growth",
        "more people in a room, more rooms",
        {"participants": (2, 10, 50, 200, 1000, 2000), "rooms": (1, 10, 100, 1000)},
        100_000.0,
    ),
)
TINY = FanOut(
    "tiny",
    "one video to 3 viewers, to see that everything works",
    (SFU_WAYS[0],),
    _cases(3, ("frames", FRAMES)),
    viewers=3,
)
"""For the tests of the benchmark itself."""
SHORT = ("fan-out", "relay-udp", "relay-tls", "joins", "engine-memory")
"""What `make bench` measures."""
