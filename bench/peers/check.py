"""Do the load client and a peer understand one another? Two people, some seconds of media."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Sequence
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
PROFILES: tuple[Profile, ...] = ("gcm", "cm")
VIDEO = Frames(fps=30, packets=10, bytes=1200)
AUDIO = Audio(bytes=120)
COPIES = 1.5
"""Receivers of a packet on average: the first one's have two, the third one's have one."""
ENOUGH = 0.995
JOINS_WITHIN_S = 15.0
TIERS: tuple[Tier, ...] = ("turn-udp", "turn-tls")


def check_sfu(sfu: Sfu, cache: Path, program: Path) -> list[str]:
    """Have people meet at `sfu`; what was seen, a line each. Raises BenchError if not all is well.

    `program` is the load client. Ours is tried on each of its tiers.
    """
    ways: Sequence[Tier | None] = (None, *TIERS) if isinstance(sfu, Roomline) else (None,)

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
                ways = [front.via(tier) for tier in TIERS]
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


async def _meet(running: Running, ways: Sequence[Via | Tier | None], program: Path) -> list[str]:
    load = await Load.start(program, CLIENT_V4, prefix=["taskset", "-c", str(CLIENT_CORE)])
    try:
        return [await _room(running, load, via) for via in ways]
    finally:
        await load.stop()


async def _room(running: Running, load: Load, via: Via | Tier | None) -> str:
    """One publishes and one watches; then a third does both. What was negotiated and came."""
    tier = via.tier if isinstance(via, Via) else via or "direct"
    room = f"check-{tier}"
    tracks = (Track("audio"), Track("video"))
    people: list[Participant] = []
    try:
        people.append(await running.publish(load, room, "ada", tracks, PROFILES, via=via))
        await _send(load, people[0].sent)
        people.append(await running.subscribe(load, room, "bob", PROFILES, via=via))
        await people[1].receives(2, JOINS_WITHIN_S)
        people.append(await running.meet(load, room, "eve", tracks, PROFILES, via=via))
        await _send(load, people[2].sent)
        await people[1].receives(4, JOINS_WITHIN_S)
        await people[2].receives(2, JOINS_WITHIN_S)
        transports = [name for person in people for name in person.transports]
        profiles = {(await load.connected(name)).profile for name in transports}
        # Not all that was subscribed to begins at once: the first window is for that.
        await load.measure(SETTLING_S)
        seen = await load.measure(SECONDS)
        _judge(seen, tier, (await load.stats()).decrypt_failures)
    finally:
        for person in people:
            await person.close()
    latency = seen.latency_us
    return (
        f"{tier}, {' and '.join(sorted(profiles))}, {seen.received.packets} packets, "
        f"{seen.received.lost} lost, latency p50 {latency.p50 if latency else float('nan'):.0f} µs"
    )


def _judge(seen: Measurement, tier: str, failures: int) -> None:
    """Raise BenchError unless everybody got what was sent."""
    wanted = COPIES * seen.sent.packets
    if seen.received.packets < ENOUGH * wanted:
        raise BenchError(
            f"{tier}: {seen.received.packets} packets came of about {wanted:.0f}, "
            f"{seen.received.lost} were lost on the way"
        )
    if failures:
        raise BenchError(f"{tier}: {failures} packets could not be decrypted")


async def _send(load: Load, published: Sequence[Sent]) -> None:
    for one in published:
        pattern = AUDIO if one.track.kind == "audio" else VIDEO
        await load.publish(one.transport, one.section, pattern)
