"""A bot that joins a room and counts the frames it gets.

`python bot.py wss://HOST/v1/signal TOKEN [--ca FILE] [--seconds N] [--publish]`
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import ssl
from collections import Counter
from itertools import count
from typing import Any

from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamError
from websockets.asyncio.client import ClientConnection, connect

SLOTS = ["audio", "audio", "video", "video"]


class Bot:
    """One participant."""

    def __init__(self) -> None:
        configuration = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self.pc = RTCPeerConnection(configuration)
        self.frames: Counter[str] = Counter()
        self.identity = ""
        self.tier: str | None = None
        self._id = ""
        self._requests = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self.pc.on("track", self._receive)

    async def run(self, socket: ClientConnection, token: str, *, publish: bool) -> None:
        """Join, then take part until cancelled or told that it is over."""
        joined = await self._join(socket, token, publish=publish)
        self._id, self.identity = joined["participant"]["id"], joined["participant"]["identity"]
        await self.pc.setRemoteDescription(RTCSessionDescription(joined["answer"], "answer"))
        beat = asyncio.create_task(self._beat(socket, joined["heartbeat"]["intervalMs"] / 1000))
        try:
            async for frame in socket:
                self._handle(json.loads(frame))
        finally:
            beat.cancel()

    async def leave(self, socket: ClientConnection) -> None:
        """Say goodbye and close."""
        await socket.send(json.dumps({"type": "leave", "request": next(self._requests)}))
        for task in self._tasks:
            task.cancel()
        await self.pc.close()

    async def _join(self, socket: ClientConnection, token: str, *, publish: bool) -> dict[str, Any]:
        tracks = []
        if publish:
            for track, source in (
                (AudioStreamTrack(), "microphone"),
                (VideoStreamTrack(), "camera"),
            ):
                sender = self.pc.addTransceiver(track, "sendonly")
                tracks.append((sender, source))
        for kind in SLOTS:
            self.pc.addTransceiver(kind, "recvonly")
        self.pc.createDataChannel("roomline")  # so that data channels are negotiated
        await self.pc.setLocalDescription(await self.pc.createOffer())
        request = {
            "type": "join",
            "request": next(self._requests),
            "version": 1,
            "token": token,
            "offer": self.pc.localDescription.sdp,
            "tracks": [{"mid": sender.mid, "source": source} for sender, source in tracks],
        }
        await socket.send(json.dumps(request))
        reply: dict[str, Any] = json.loads(await socket.recv())
        if reply["type"] != "joined":
            # An error; or `waiting`, for which a bot has no time.
            raise SystemExit(f"refused: {reply.get('code', 'waiting')}: {reply['message']}")
        return reply

    def _handle(self, message: dict[str, Any]) -> None:
        """Replies need nothing here; of the events only these two."""
        if message["type"] == "connection" and message["participant"] == self._id:
            self.tier = message["connection"]["tier"]
        elif message["type"] == "closed":
            raise SystemExit(f"the session ended: {message['code']}: {message['message']}")

    async def _beat(self, socket: ClientConnection, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            ping = {"type": "ping", "request": next(self._requests), "sent": 0}
            await socket.send(json.dumps(ping))

    def _receive(self, track: MediaStreamTrack) -> None:
        """Every slot is a track from the start; frames come once something is bound to it."""
        self._tasks.add(asyncio.create_task(self._count(track)))

    async def _count(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):  # the track has ended
            while True:
                await track.recv()
                self.frames[track.kind] += 1


async def main() -> None:
    """Join as the command line says, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="wss://HOST[:PORT]/v1/signal")
    parser.add_argument("token", help="an access token: roomline token …")
    parser.add_argument("--ca", help="the server's local CA, if it has no other certificate")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--publish", action="store_true")
    options = parser.parse_args()
    bot = Bot()
    trust = ssl.create_default_context(cafile=options.ca)
    async with connect(options.url, ssl=trust) as socket:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(options.seconds):
                await bot.run(socket, options.token, publish=options.publish)
        await bot.leave(socket)
    print(json.dumps({"identity": bot.identity, "tier": bot.tier, "frames": bot.frames}))


if __name__ == "__main__":
    asyncio.run(main())
