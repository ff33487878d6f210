"""A call of two aiortc peers, run as a program of its own beside the attacks.

`python -m hostile.call PORT CA NAME TOKEN TOKEN` joins twice, sends audio and video both ways and
then obeys one command a line on its standard input, each answered with one line of JSON:

`mark`      begin a new period; everything below counts from here
`report`    what happened in this period
`captured`  datagrams it has sent, by kind, and where to
"""

from __future__ import annotations

import asyncio
import fractions
import json
import ssl
import sys
import time
from collections.abc import Callable
from typing import Any

import aioice.ice
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from av import VideoFrame
from browsers.aiortc_peer import for_aiortc
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

FRAMES_PER_SECOND = 10
KEPT = 40
"""Captured datagrams of each kind."""


class Pictures(MediaStreamTrack):
    """Small pictures that change, at a low rate: the machine has better things to do."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self._start = time.monotonic()

    async def recv(self) -> VideoFrame:
        """The next picture, when it is due."""
        self._number += 1
        due = self._start + self._number / FRAMES_PER_SECOND
        await asyncio.sleep(due - time.monotonic())
        frame = VideoFrame(width=160, height=120)
        for plane in frame.planes:
            plane.update(bytes([self._number % 256]) * plane.buffer_size)
        frame.pts = self._number * 90000 // FRAMES_PER_SECOND
        frame.time_base = fractions.Fraction(1, 90000)
        return frame


class Arrivals:
    """When frames of one kind came."""

    def __init__(self) -> None:
        self.frames = 0
        self._worst = 0.0
        self._last = time.monotonic()

    def arrived(self) -> None:
        """A frame, now."""
        now = time.monotonic()
        self._worst = max(self._worst, now - self._last)
        self._last = now
        self.frames += 1

    def mark(self) -> None:
        """Begin a new period. A gap that is open now belongs to it."""
        self.frames, self._worst = 0, 0.0

    def report(self) -> dict[str, float]:
        """Frames and the longest gap of this period, in seconds."""
        return {"frames": self.frames, "gap": max(self._worst, time.monotonic() - self._last)}


class Peer:
    """One participant."""

    def __init__(self) -> None:
        configuration = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self.pc = RTCPeerConnection(configuration)
        self.arrivals = {"audio": Arrivals(), "video": Arrivals()}
        self.changes: list[str] = []
        self.events: list[str] = []
        self.answer = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self.pc.on("track", lambda track: self.start(self._consume(track)))
        for name in ("connectionState", "iceConnectionState"):
            self.pc.on(name.lower() + "change", self._noter(name))

    def _noter(self, name: str) -> Callable[[], None]:
        return lambda: self.changes.append(f"{name} {getattr(self.pc, name)}")

    def start(self, work: Any) -> None:
        """Run a coroutine for as long as the program runs."""
        self._tasks.add(asyncio.get_running_loop().create_task(work))

    async def _consume(self, track: MediaStreamTrack) -> None:
        while True:
            await track.recv()
            self.arrivals[track.kind].arrived()

    async def join(self, url: str, trust: ssl.SSLContext, token: str) -> None:
        """Join, and then follow what the server tells."""
        audio = self.pc.addTransceiver(AudioStreamTrack(), "sendonly")
        video = self.pc.addTransceiver(Pictures(), "sendonly")
        for kind in ("audio", "audio", "video", "video"):
            self.pc.addTransceiver(kind, "recvonly")
        self.pc.createDataChannel("roomline")
        await self.pc.setLocalDescription(await self.pc.createOffer())
        tracks = [
            {"mid": audio.mid, "source": "microphone"},
            {"mid": video.mid, "source": "camera"},
        ]
        socket = await connect(url, ssl=trust, host="127.0.0.1", proxy=None)
        offer = self.pc.localDescription.sdp
        join = {"type": "join", "request": 1, "version": 1, "token": token, "offer": offer}
        await socket.send(json.dumps({**join, "tracks": tracks}))
        joined = json.loads(await socket.recv())
        if joined["type"] != "joined":
            raise SystemExit(f"not joined: {joined}")
        self.answer = joined["answer"]
        self.start(self._follow(socket))
        self.start(self._beat(socket, joined["heartbeat"]["intervalMs"] / 1000))
        answer = RTCSessionDescription(for_aiortc(self.answer), "answer")
        await self.pc.setRemoteDescription(answer)

    async def _follow(self, socket: ClientConnection) -> None:
        try:
            async for frame in socket:
                kind = json.loads(frame)["type"]
                if kind not in {"pong", "connection"}:
                    self.events.append(kind)
        except ConnectionClosed:
            pass
        self.events.append("websocket closed")

    async def _beat(self, socket: ClientConnection, interval: float) -> None:
        request = 2
        while True:
            await asyncio.sleep(interval)
            await socket.send(json.dumps({"type": "ping", "request": request, "sent": 0}))
            request += 1

    def mark(self) -> None:
        """Begin a new period."""
        self.changes.clear()
        self.events.clear()
        for arrivals in self.arrivals.values():
            arrivals.mark()

    def report(self) -> dict[str, Any]:
        """What happened in this period."""
        return {
            "state": self.pc.connectionState,
            "changes": self.changes,
            "events": self.events,
            **{kind: arrivals.report() for kind, arrivals in self.arrivals.items()},
        }


class Capture:
    """Copies of the first datagrams of each kind that aioice sends."""

    def __init__(self) -> None:
        self.kept: dict[str, list[dict[str, Any]]] = {
            kind: [] for kind in ("stun", "dtls", "rtp", "rtcp")
        }
        original = aioice.ice.StunProtocol.connection_made

        def connection_made(protocol: Any, transport: asyncio.DatagramTransport) -> None:
            original(protocol, transport)
            send = transport.sendto

            def sendto(data: bytes, address: tuple[str, int]) -> None:
                self._keep(bytes(data), transport.get_extra_info("sockname"), address)
                send(data, address)

            protocol.transport = _Tapped(transport, sendto)

        aioice.ice.StunProtocol.connection_made = connection_made  # type: ignore[method-assign]

    def _keep(self, data: bytes, source: tuple[str, int], target: tuple[str, int]) -> None:
        kept = self.kept[_kind(data)]
        if len(kept) < KEPT:
            kept.append({"data": data.hex(), "from": list(source), "to": list(target)})


class _Tapped:
    """A datagram transport whose `sendto` is listened to."""

    def __init__(self, transport: asyncio.DatagramTransport, sendto: Callable[..., None]) -> None:
        self._transport = transport
        self.sendto = sendto

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _kind(data: bytes) -> str:
    """RFC 7983, RFC 5761."""
    if data[0] < 4:
        return "stun"
    if 20 <= data[0] < 64:
        return "dtls"
    return "rtcp" if 192 <= data[1] < 224 else "rtp"


async def main(port: int, ca: str, name: str, tokens: list[str]) -> None:
    """Join with every token, then obey."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    capture = Capture()
    trust = ssl.create_default_context(cafile=ca)
    peers = [Peer() for _ in tokens]
    for peer, token in zip(peers, tokens, strict=True):
        await peer.join(f"wss://{name}:{port}/v1/signal", trust, token)
    commands: dict[str, Callable[[], Any]] = {
        "mark": lambda: [peer.mark() for peer in peers],
        "report": lambda: [peer.report() for peer in peers],
        "captured": lambda: {"datagrams": capture.kept, "answers": [p.answer for p in peers]},
    }
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps("joined"), flush=True)
    while line := await reader.readline():
        print(json.dumps(commands[line.decode().strip()]()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]))
