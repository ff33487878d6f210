"""Do the load client and a peer understand one another? Two people, some seconds of media."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.load import Audio, Frames, Load, Measurement
from bench.peers.contract import (
    Participant,
    Place,
    Profile,
    Relay,
    Running,
    Sent,
    Sfu,
    Tier,
    Track,
    Via,
)
from bench.peers.roomline import Roomline
from bench.topology import (
    CLIENT_CORE,
    CLIENT_V4,
    SERVER_V4,
    Topology,
    enter_network,
    require_machine,
)

SECONDS = 5.0
SETTLING_S = 2.0
VIDEO = Frames(fps=30, packets=10, bytes=1200)
AUDIO = Audio(bytes=120)
COPIES = 1.5
"""Receivers of a packet on average: the first one's have two, the third one's have one."""
ENOUGH = 0.95
"""Of what should come in the window: packets under way at its ends are not all counted."""
LOSS = 0.005
JOINS_WITHIN_S = 15.0
TIERS: tuple[Tier, ...] = ("turn-udp", "turn-tls")


@dataclass(frozen=True)
class Way:
    """How people join."""

    profiles: tuple[Profile, ...] = ("gcm", "cm")
    via: Via | Tier | None = None

    @property
    def name(self) -> str:
        """For rooms and lines."""
        tier = self.via.tier if isinstance(self.via, Via) else self.via or "direct"
        return f"{tier}-{'-'.join(self.profiles)}"


def check_sfu(sfu: Sfu, cache: Path, program: Path) -> list[str]:
    """Have people meet at `sfu`; what was seen, a line each. Raises BenchError if not all is well.

    `program` is the load client. Ours is tried on each of its tiers.
    """
    ways = [Way(), Way(("cm",))]
    if isinstance(sfu, Roomline):
        ways += [Way(via=tier) for tier in TIERS]

    async def work(place: Topology) -> list[str]:
        running = sfu.start(_at(place, sfu.name, cache))
        try:
            return [f"{sfu.name}: {line}" for line in await _meet(running, ways, program)]
        finally:
            await running.stop()

    return _in_place(work)


def check_relay(relay: Relay, cache: Path, program: Path) -> list[str]:
    """The same through `relay`, on each of its tiers, in front of our own SFU."""

    async def work(place: Topology) -> list[str]:
        running = Roomline().start(_at(place, "roomline", cache))
        try:
            front = relay.start(_at(place, relay.name, cache), SERVER_V4)
            try:
                ways = [Way(via=front.via(tier)) for tier in TIERS]
                return [f"{relay.name}: {line}" for line in await _meet(running, ways, program)]
            finally:
                await front.stop()
        finally:
            await running.stop()

    return _in_place(work)


def _in_place(work: Callable[[Topology], Coroutine[Any, Any, list[str]]]) -> list[str]:
    require_machine()
    with Topology(f"rp{os.getpid()}") as place:
        return _inside(place, lambda: work(place))


def _at(place: Topology, name: str, cache: Path) -> Place:
    return Place(place.server, SERVER_V4, place.folder / name, cache)


def _inside(place: Topology, work: Callable[[], Coroutine[Any, Any, list[str]]]) -> list[str]:
    """Do `work` in the clients' network, so that signaling comes from there too."""
    lines: list[str] = []
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            enter_network(place.client)
            lines.extend(asyncio.run(work()))
        except BaseException as error:  # noqa: BLE001 - handed over to the caller
            errors.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return lines


async def _meet(running: Running, ways: Sequence[Way], program: Path) -> list[str]:
    load = await Load.start(program, CLIENT_V4, prefix=["taskset", "-c", str(CLIENT_CORE)])
    try:
        return [await _room(running, load, way) for way in ways]
    finally:
        await load.stop()


async def _room(running: Running, load: Load, way: Way) -> str:
    """One publishes and one watches; then a third does both. What was negotiated and came."""
    room = f"check-{way.name}"
    tracks = (Track("audio"), Track("video"))
    people: list[Participant] = []
    try:
        profiles, via = way.profiles, way.via
        people.append(await running.publish(load, room, "ada", tracks, profiles, via=via))
        await _send(load, people[0].sent)
        people.append(await running.subscribe(load, room, "bob", profiles, via=via))
        await people[1].receives(2, JOINS_WITHIN_S)
        people.append(await running.meet(load, room, "eve", tracks, profiles, via=via))
        await _send(load, people[2].sent)
        await people[1].receives(4, JOINS_WITHIN_S)
        await people[2].receives(2, JOINS_WITHIN_S)
        negotiated = [await _negotiated(load, person, way) for person in people]
        # Not all that was subscribed to begins at once: the first window is for that.
        await load.measure(SETTLING_S)
        seen = await load.measure(SECONDS)
        _judge(seen, way.name, (await load.stats()).decrypt_failures)
    finally:
        for person in people:
            await person.close()
    profile = " and ".join(sorted(set().union(*negotiated)))
    latency = seen.latency_us
    return (
        f"{way.name}, {profile}, {seen.received.packets} packets, {seen.received.lost} lost, "
        f"latency p50 {latency.p50 if latency else float('nan'):.0f} µs"
    )


async def _negotiated(load: Load, person: Participant, way: Way) -> set[str]:
    """The profiles of all its transports. Raises BenchError if one does not go as asked."""
    profiles = set()
    for name in person.transports:
        connected = await load.connected(name)
        relayed = not connected.local.startswith(f"{CLIENT_V4}:")
        if relayed is not (way.via is not None):
            raise BenchError(f"{name}: asked for {way.name}, goes from {connected.local}")
        profiles.add(connected.profile)
    return profiles


def _judge(seen: Measurement, way: str, failures: int) -> None:
    """Raise BenchError unless everybody got what was sent."""
    wanted = COPIES * seen.sent.packets
    if seen.received.packets < ENOUGH * wanted or seen.received.loss > LOSS:
        raise BenchError(
            f"{way}: {seen.received.packets} packets came of about {wanted:.0f}, "
            f"{seen.received.lost} were lost on the way"
        )
    if failures:
        raise BenchError(f"{way}: {failures} packets could not be decrypted")


async def _send(load: Load, published: Sequence[Sent]) -> None:
    for one in published:
        pattern = AUDIO if one.track.kind == "audio" else VIDEO
        await load.publish(one.transport, one.section, pattern)
