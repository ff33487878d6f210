"""A server that is up, and the load client that plays everybody in its rooms."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.load import Load
from bench.meter import Meter, Usage
from bench.peers import (
    Participant,
    Place,
    Profile,
    Relay,
    Running,
    RunningRelay,
    Sent,
    Sfu,
    Tier,
    Track,
    Via,
)
from bench.topology import CLIENT_CORE, CLIENT_V4, SERVER_CORE, SERVER_V4, Topology
from bench.traffic import Pattern, Traffic

CONNECTS_WITHIN_S = 30.0
AT_ONCE = 8
"""Joins under way at a time."""
GCM_FIRST: tuple[Profile, ...] = ("gcm", "cm")
ONLY_CM: tuple[Profile, ...] = ("cm",)

VIDEO = Track("video")
AUDIO = Track("audio")


@dataclass(frozen=True)
class Way:
    """One of those that are compared: a server, and how its clients get to it."""

    name: str
    sfu: Sfu
    tier: Tier | None = None
    """Of the relay; None is the direct path."""
    relay: Relay | None = None
    """In front of the server. Without one, a tier is that of the server itself."""
    profiles: tuple[Profile, ...] = GCM_FIRST

    def peers(self) -> list[Sfu | Relay]:
        """All that takes part."""
        return [self.sfu, self.relay] if self.relay else [self.sfu]


@dataclass(frozen=True)
class Harness:
    """What all stages have in common."""

    place: Topology
    cache: Path
    company: float
    """What others may use of a core, as a share of it."""
    load: Path
    """The load client's program."""
    gro: bool = False
    """Whether that one receives with UDP_GRO."""


@dataclass
class Stage:
    """One server with its load client. Rooms are filled by the workloads."""

    harness: Harness
    way: Way
    running: Running
    path: Via | Tier | None
    """The path of those who receive; None is the direct one."""
    front: RunningRelay | None
    """The relay in front of the server, if there is one."""
    load: Load
    tracks: list[Sent] = field(default_factory=list)
    """What is published, in order of joining."""
    profiles: dict[str, int] = field(default_factory=dict)
    """Negotiated SRTP profiles, and how many transports have each."""
    people: list[Participant] = field(default_factory=list)

    def through(self, tier: Tier) -> Via | Tier:
        """How to get there on this tier: by the relay in front if there is one, or the server's."""
        return self.front.via(tier) if self.front else tier

    async def publisher(self, room: str, name: str, tracks: Sequence[Track]) -> Participant:
        """Somebody who only publishes, always on the direct path."""
        joined = await self.running.publish(self.load, room, name, tracks, self.way.profiles)
        return await self._welcome(joined)

    async def subscribers(
        self,
        room: str,
        count: int,
        tracks: int,
        *,
        via: Sequence[Via | Tier | None] = (),
        prefix: str = "viewer",
    ) -> None:
        """Those who receive, each all `tracks` tracks; by the way's path, or in turn by `via`."""
        paths = via or (self.path,)
        gate = asyncio.Semaphore(AT_ONCE)

        async def join(number: int) -> None:
            async with gate:
                joined = await self.running.subscribe(
                    self.load,
                    room,
                    f"{prefix}{number}",
                    self.way.profiles,
                    via=paths[number % len(paths)],
                )
                await joined.receives(tracks, CONNECTS_WITHIN_S)
                await self._welcome(joined)

        await _all(join(number) for number in range(count))

    async def meeting(
        self, room: str, count: int, tracks: Sequence[Track], pattern: Pattern
    ) -> None:
        """People who all publish and all receive.

        They send before anybody waits for the others' tracks: there are servers that tell of a track
        when its first packet comes.
        """
        gate = asyncio.Semaphore(AT_ONCE)

        async def join(number: int) -> None:
            async with gate:
                joined = await self.running.meet(
                    self.load,
                    room,
                    f"person{number}",
                    tracks,
                    self.way.profiles,
                    via=self.path,
                )
                await self._welcome(joined)

        await _all(join(number) for number in range(count))
        await self.send(pattern)
        for person in self.people[-count:]:
            await person.receives((count - 1) * len(tracks), CONNECTS_WITHIN_S)

    async def _welcome(self, joined: Participant) -> Participant:
        for transport in joined.transports:
            told = await self.load.connected(transport, CONNECTS_WITHIN_S)
            profile = told.profile
            self.profiles[profile] = self.profiles.get(profile, 0) + 1
        self.people.append(joined)
        self.tracks += joined.sent
        return joined

    async def send(self, pattern: Pattern, kind: str | None = None) -> None:
        """Let all tracks (of a kind) send like this from now on."""
        for sent in self.tracks:
            if kind in {None, sent.track.kind}:
                await self.load.quiet(sent.transport, sent.section)
                layers = [pattern.told()] * sent.track.simulcast
                single = None if layers else pattern.told()
                await self.load.publish(sent.transport, sent.section, single, layers)

    async def window(self, seconds: float) -> tuple[Traffic, Usage]:
        """Measure for so long. Raises Void if somebody or something disturbed it."""
        relays = self.front.pids if self.front else []
        meter = Meter([*self.running.pids, *relays], company=self.harness.company)
        meter.begin()
        told = await self.load.measure(seconds, streams=False)
        usage = meter.end()
        return Traffic.of(told), usage

    async def empty(self) -> None:
        """Let everybody leave. What fails here has failed before, or will fail when it ends."""
        left = [person.close() for person in self.people]
        for told in await asyncio.gather(*left, return_exceptions=True):
            if isinstance(told, BaseException) and not isinstance(told, BenchError):
                raise told

    def facts(self) -> dict[str, Any]:
        """What was negotiated."""
        return {"profiles": dict(self.profiles), "transports": sum(self.profiles.values())}


@asynccontextmanager
async def load_client(harness: Harness) -> AsyncIterator[Load]:
    """A load client in the client's namespace, on its core."""
    prefix = harness.place.client.command(["taskset", "-c", str(CLIENT_CORE)])
    load = await Load.start(harness.load, CLIENT_V4, gro=harness.gro, prefix=prefix)
    try:
        yield load
        failures = (await load.stats()).decrypt_failures
        if failures:
            raise BenchError(f"{failures} packets did not decrypt")
    finally:
        await load.stop()


@asynccontextmanager
async def stage(harness: Harness, way: Way) -> AsyncIterator[Stage]:
    """A fresh server and a fresh load client, for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=harness.place.folder)))
        running = way.sfu.start(_spot(harness, folder / "sfu"))
        stack.push_async_callback(running.stop)
        front: RunningRelay | None = None
        if way.relay is not None:
            front = way.relay.start(_spot(harness, folder / "relay"), SERVER_V4)
            stack.push_async_callback(front.stop)
        path = front.via(way.tier) if front and way.tier else way.tier
        load = await stack.enter_async_context(load_client(harness))
        opened = Stage(harness, way, running, path, front, load)
        stack.push_async_callback(opened.empty)
        yield opened


def _spot(harness: Harness, folder: Path) -> Place:
    return Place(harness.place.server, SERVER_V4, folder, harness.cache, SERVER_CORE)


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of it at once; the first failure ends the rest."""
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(each)
