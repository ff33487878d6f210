"""Media through the engine on loopback: aiortc sends, the engine forwards, aiortc receives.

Each tier of the ladder once. No signaling server: commands and events only.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import aioice.ice
import pytest
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)

from roomline._engine import Command, Engine, EngineConfig, Event
from roomline.certificates import make_ca, make_leaf

E = TypeVar("E", bound=Event)
SECRET = b"0123456789abcdef"
PATIENCE = 20
TIERS = ["direct", "turn-udp", "turn-tcp", "turn-tls"]


class Room:
    """An engine and the events that nobody has asked for yet."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.numbers = itertools.count(1)
        self._events: list[Event] = []
        self._changed = asyncio.Event()

    def read(self) -> None:
        self._events += self.engine.events()
        self._changed.set()

    async def event(self, kind: type[E], matches: Callable[[E], bool]) -> E:
        """The first event of a kind that matches."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for event in self._events:
                    if isinstance(event, kind) and matches(event):
                        self._events.remove(event)
                        return event
                self._changed.clear()
                await self._changed.wait()

    async def ask(self, make: Callable[[int], Command]) -> None:
        request = next(self.numbers)
        self.engine.submit(make(request))
        await self.event(Event.Done, lambda event: event.request == request)

    async def open(self, participant: int, pc: RTCPeerConnection) -> int:
        """Negotiate; the participant's number is also its transport's."""
        request = next(self.numbers)
        offer = pc.localDescription.sdp
        self.engine.submit(Command.OpenTransport(request, participant, participant, offer, 0))
        answered = await self.event(Event.Answered, lambda event: event.request == request)
        await pc.setRemoteDescription(RTCSessionDescription(answered.answer, "answer"))
        connected = await self.event(
            Event.TransportConnected, lambda event: event.transport == participant
        )
        assert connected.srtp_profile
        return participant

    async def path(self, transport: int) -> str:
        changed = await self.event(Event.PathChanged, lambda event: event.transport == transport)
        return changed.path.tier

    async def show(self, number: int, mid: str | None, slot: str | None) -> None:
        """Publish what transport 1 sends in `mid`, and let transport 2 receive it in `slot`."""
        assert mid is not None
        assert slot is not None
        await self.ask(lambda request: Command.Publish(request, number, 1, mid, 0))
        await self.ask(lambda request: Command.Subscribe(request, number, number, 2, slot))


@contextmanager
def run_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Iterator[Engine]:
    ca = make_ca(time.time())
    leaf = make_leaf(ca, ["localhost"], time.time())
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(ca.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    settings: dict[str, Any] = {
        "addresses": ["127.0.0.1"],
        "bind_addresses": ["127.0.0.1"],
        "media_port_min": 20_000,
        "media_port_max": 29_999,
        "https_port": 0,
        "turn_port": 0,
        "realm": "r",
        "turn_secret": SECRET,
        "certificate_pem": leaf.certificate,
        "private_key_pem": leaf.key,
        "stats_interval_ms": 500,
    }
    engine = Engine(EngineConfig(**(settings | changes)))
    try:
        yield engine
    finally:
        engine.close()


@asynccontextmanager
async def room_of(engine: Engine) -> AsyncIterator[Room]:
    room, loop = Room(engine), asyncio.get_running_loop()
    loop.add_reader(engine.fileno(), room.read)
    try:
        yield room
    finally:
        loop.remove_reader(engine.fileno())


def ice_server(engine: Engine, tier: str, participant: int) -> RTCIceServer:
    username = f"{int(time.time()) + 600}:{participant}"
    password = base64.b64encode(hmac.digest(SECRET, username.encode(), hashlib.sha1)).decode()
    url = {
        "turn-udp": f"turn:127.0.0.1:{engine.turn_port}?transport=udp",
        "turn-tcp": f"turn:127.0.0.1:{engine.turn_port}?transport=tcp",
        "turn-tls": f"turns:localhost:{engine.https_port}?transport=tcp",
    }[tier]
    return RTCIceServer(urls=url, username=username, credential=password)


@asynccontextmanager
async def peer(engine: Engine, tier: str, participant: int) -> AsyncIterator[RTCPeerConnection]:
    """A peer with the relay of a tier; which addresses it has is decided when it gathers."""
    servers = [] if tier == "direct" else [ice_server(engine, tier, participant)]
    pc = RTCPeerConnection(RTCConfiguration(iceServers=servers))
    try:
        yield pc
    finally:
        await pc.close()


async def frames(track: MediaStreamTrack, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        for _ in range(count):
            await track.recv()


async def forward(
    engine: Engine, tier: str, monkeypatch: pytest.MonkeyPatch, hosts: tuple[str, str]
) -> None:
    async with (
        room_of(engine) as room,
        peer(engine, tier, 1) as sender,
        peer(engine, tier, 2) as receiver,
    ):
        audio = sender.addTransceiver(AudioStreamTrack(), "sendonly")
        video = sender.addTransceiver(VideoStreamTrack(), "sendonly")
        slots = [receiver.addTransceiver(kind, "recvonly") for kind in ("audio", "video")]
        for number, pc, host in ((1, sender, hosts[0]), (2, receiver, hosts[1])):
            monkeypatch.setattr(aioice.ice, "get_host_addresses", gather(tier, host))
            await pc.setLocalDescription(await pc.createOffer())
            await room.open(number, pc)
            assert await room.path(number) == tier
        await room.show(10, audio.mid, slots[0].mid)
        await room.show(11, video.mid, slots[1].mid)
        await asyncio.gather(*(frames(slot.receiver.track, 20) for slot in slots))
        started = await room.event(Event.PublicationStarted, lambda e: e.publication == 10)
        assert started.codec == "opus"
        told = await room.event(
            Event.TransportStats, lambda e: e.transport == 2 and e.stats.packets_sent > 20
        )
        assert told.stats.packets_lost == 0


def gather(tier: str, host: str) -> Callable[..., list[str]]:
    """The addresses of a client that can use this tier only; libraries leave loopback out."""
    return lambda **_: [host] if tier == "direct" else []


@pytest.mark.parametrize("tier", TIERS)
def test_media_flows(tier: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_engine(tmp_path, monkeypatch) as engine:
        asyncio.run(forward(engine, tier, monkeypatch, ("127.0.0.1", "127.0.0.1")))
        drops = {label: count for name, label, count in engine.counters() if name == "drops"}
    assert drops["srtp-auth"] == drops["no-keys"] == drops["unknown-stream"] == 0


def test_one_port_serves_both_families(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = {
        "addresses": ["127.0.0.1", "::1"],
        "bind_addresses": ["::"],
        "media_port_min": 0,
        "media_port_max": 0,
    }
    with run_engine(tmp_path, monkeypatch, **shared) as engine:
        asyncio.run(forward(engine, "direct", monkeypatch, ("::1", "127.0.0.1")))
