"""One process drains, the next one takes its ports, and the calls of the first go on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aioice.ice
import pytest
from aiortc import (
    AudioStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from browsers.aiortc_peer import for_aiortc
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from roomline import AccessToken, load_credentials

from support.process import PATIENCE, Process, local, run

FRAMES = 30
PING_S = 3.0
"""The interval of the heartbeat."""


def free_ports() -> list[str]:
    """Flags for three ports that nobody has: HTTPS, TURN, and one for all media."""
    with (
        socket.create_server(("127.0.0.1", 0)) as https,
        socket.create_server(("127.0.0.1", 0)) as turn,
        socket.socket(type=socket.SOCK_DGRAM) as media,
    ):
        media.bind(("127.0.0.1", 0))
        named = {"https-port": https, "turn-port": turn, "media-ports": media}
        return [f"--{name}={bound.getsockname()[1]}" for name, bound in named.items()]


class Person:
    """Sends and receives one audio and one video, direct or through TURN over UDP alone."""

    def __init__(self, process: Process, identity: str, tier: str) -> None:
        self._process = process
        self._identity = identity
        self._tier = tier
        self.pc = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self.joined: dict[str, Any] = {}
        self.socket: ClientConnection | None = None

    async def join(self) -> None:
        """Come in; the media begins to flow later."""
        for track in (AudioStreamTrack(), VideoStreamTrack()):
            self.pc.addTransceiver(track, "sendonly")
        self.slots = [self.pc.addTransceiver(kind, "recvonly") for kind in ("audio", "video")]
        offer = await self.pc.createOffer()
        await self.connect()
        assert self.socket is not None
        key, secret = load_credentials(self._process.state)
        token = AccessToken(key, secret, identity=self._identity, room="demo").to_jwt()
        # The sections are numbered in the order of the transceivers.
        intents = [{"mid": "0", "source": "microphone"}, {"mid": "1", "source": "camera"}]
        join = {"type": "join", "request": 1, "version": 1, "token": token, "tracks": intents}
        await self.socket.send(json.dumps({**join, "offer": offer.sdp}))
        self.joined = json.loads(await self.socket.recv())
        assert self.joined["type"] == "joined", self.joined
        if self._tier == "turn-udp":
            self._use_relay()
        # aioice leaves loopback out by itself.
        hosts = ["127.0.0.1"] if self._tier == "direct" else []
        aioice.ice.get_host_addresses = lambda **_: hosts
        await self.pc.setLocalDescription(offer)
        answer = RTCSessionDescription(for_aiortc(self.joined["answer"]), "answer")
        await self.pc.setRemoteDescription(answer)

    async def connect(self) -> None:
        """Open a WebSocket."""
        url = f"wss://localhost:{self._process.port}/v1/signal"
        self.socket = await connect(url, ssl=self._process.trust(), proxy=None)
        self._beat = asyncio.create_task(self._ping(self.socket))

    async def _ping(self, socket: ClientConnection) -> None:
        """Be heard often enough, however slow the machine is."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(PING_S)
                await socket.send(json.dumps({"type": "ping", "request": 99, "sent": 0}))

    def _use_relay(self) -> None:
        """As browsers do it: the servers come with the reply, then it gathers."""
        server = self.joined["iceServers"][0]
        (url,) = (u for u in server["urls"] if u.startswith("turn:") and "udp" in u)
        port = int(url.partition("?")[0].rpartition(":")[2])
        gatherer = self.pc.getTransceivers()[0].sender.transport.transport.iceGatherer
        connection = gatherer._connection
        connection.turn_server = ("127.0.0.1", port)
        connection.turn_username = server["username"]
        connection.turn_password = server["credential"]

    async def sees(self, frames: int = FRAMES) -> None:
        """Wait for so many more frames of both kinds."""
        async with asyncio.timeout(PATIENCE):
            for slot in self.slots:
                for _ in range(frames):
                    await slot.receiver.track.recv()

    async def lost(self) -> int:
        """Packets that never came, of all that it receives."""
        found = [
            stats
            for slot in self.slots
            for stats in (await slot.receiver.getStats()).values()
            if stats.type == "inbound-rtp"
        ]
        assert len(found) == len(self.slots)
        return sum(stats.packetsLost for stats in found)

    async def watch(self, enough: asyncio.Event) -> None:
        """See and hear without a pause until it is enough."""
        while not enough.is_set():
            await self.sees(1)

    async def told(self, kind: str) -> dict[str, Any]:
        """Wait for an event or a reply."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                if message["type"] == kind:
                    return message

    async def close(self) -> None:
        """Hang up."""
        await self.pc.close()
        if self.socket is not None:
            self._beat.cancel()
            await self.socket.close()

    async def leave(self) -> None:
        """Leave the room."""
        await self.socket.send(json.dumps({"type": "leave", "request": 2}))
        await self.told("ok")


@asynccontextmanager
async def people(process: Process, tiers: dict[str, str]) -> AsyncIterator[list[Person]]:
    """These people, in the room."""
    found = [Person(process, identity, tier) for identity, tier in tiers.items()]
    try:
        for person in found:
            await person.join()
        yield found
    finally:
        for person in found:
            await person.close()


@asynccontextmanager
async def serving(folder: Path, ports: list[str]) -> AsyncIterator[Process]:
    """A server that is up; others go on while it starts."""
    process = await asyncio.to_thread(Process, folder, *ports, "--drain-seconds=50")
    try:
        yield process
    finally:
        process.close()


async def come_back(ada: Person, bob: Person) -> None:
    """Ada's WebSocket is lost; the new process passes the next one on to the old one."""
    assert ada.socket is not None
    assert bob.socket is not None
    draining = await ada.told("draining")
    await ada.socket.close()
    await ada.connect()
    resume = {"type": "resume", "request": 7, "version": 1, "lastSeq": draining["seq"]}
    await ada.socket.send(json.dumps({**resume, "resumeToken": ada.joined["resumeToken"]}))
    assert (await ada.told("resumed"))["request"] == 7
    track = bob.joined["tracks"][0]["track"]["id"]
    await bob.socket.send(json.dumps({"type": "mute", "request": 8, "track": track, "muted": True}))
    assert (await ada.told("trackMuted"))["track"] == track
    await bob.socket.send(
        json.dumps({"type": "mute", "request": 9, "track": track, "muted": False})
    )


async def hand_over(
    folder: Path, ports: list[str], tiers: dict[str, str], udp_clients: int
) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(folder, ports))
        pair = await stack.enter_async_context(people(first, tiers))
        await asyncio.gather(*(person.sees() for person in pair))
        before = [await person.lost() for person in pair]
        enough = asyncio.Event()
        watching = asyncio.gather(*(person.watch(enough) for person in pair))
        first.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(first.until, "ports free")
        assert json.loads(first.lines[-1])["udp_clients"] == udp_clients

        second = await stack.enter_async_context(serving(folder, ports))
        (carol,) = await stack.enter_async_context(people(second, {"carol": "turn-udp"}))
        assert carol.joined["participants"] == []
        third = await asyncio.to_thread(run, "serve", *local(folder), *ports)
        assert (third.returncode, "in use" in third.stderr) == (2, True), third
        await carol.told("connection")
        await come_back(*pair)
        enough.set()
        await watching
        await asyncio.gather(*(person.sees() for person in pair))
        assert [await person.lost() for person in pair] == before == [0] * len(pair)
        assert [person.pc.connectionState for person in pair] == ["connected"] * len(pair)

        for person in pair:
            await person.leave()
        assert await asyncio.to_thread(first.process.wait, PATIENCE) == 0
        await asyncio.to_thread(first.until, "waiting for calls to end")
        assert second.process.poll() is None


@pytest.mark.parametrize(
    ("tiers", "media", "udp_clients"),
    [
        # One port for all media is given up too, so both need a socket of their own.
        ({"ada": "direct", "bob": "turn-udp"}, "one-port", 2),
        ({"ada": "direct", "bob": "turn-udp"}, "own-ports", 1),
    ],
    ids=["one-port", "own-ports"],
)
def test_calls_go_on_while_the_next_process_takes_the_ports(
    tiers: dict[str, str],
    media: str,
    udp_clients: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", aioice.ice.get_host_addresses)
    ports = free_ports()
    if media == "own-ports":
        ports.append("--media-ports=20000-29999")
    asyncio.run(hand_over(tmp_path, ports, tiers, udp_clients))


def test_a_second_signal_stops_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with (
            serving(tmp_path, free_ports()) as process,
            people(process, {"ada": "direct"}) as (ada,),
        ):
            process.process.send_signal(signal.SIGTERM)
            await ada.told("draining")
            process.process.send_signal(signal.SIGTERM)
            assert (await ada.told("closed"))["code"] == "draining"
            assert await asyncio.to_thread(process.process.wait, PATIENCE) == 0

    monkeypatch.setattr(aioice.ice, "get_host_addresses", aioice.ice.get_host_addresses)
    asyncio.run(work())
