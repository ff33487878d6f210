"""A participant made with aiortc, run as a program inside a namespace of the lab.

`python aiortc_peer.py URL TOKEN CA SECONDS` joins, publishes a tone and moving pictures, and
prints one JSON object with what it received.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
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
from websockets.asyncio.client import connect

CANDIDATE = re.compile(r"^a=(?:candidate:.*|end-of-candidates)\r\n", re.MULTILINE)
SLOTS = ["audio", "audio", "video", "video"]


def for_aiortc(answer: str) -> str:
    """The answer with its candidates in every section.

    RFC 9143 §7.1.2 wants them in the first one of a bundle; aiortc (1.16) reads those of the last
    section that uses the transport.
    """
    candidates = "".join(CANDIDATE.findall(answer))
    head, *sections = re.split(r"^(?=m=)", CANDIDATE.sub("", answer), flags=re.MULTILINE)
    return head + "".join(section + candidates for section in sections)


class Peer:
    """One participant."""

    def __init__(self) -> None:
        configuration = RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self.pc = RTCPeerConnection(configuration)
        self.seen: dict[str, int] = {"audio": 0, "video": 0, "messages": 0}
        self.enough = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.pc.on("track", self._received)
        self.pc.on("datachannel", self._channel)

    def _received(self, track: MediaStreamTrack) -> None:
        task = asyncio.get_running_loop().create_task(self._consume(track))
        self._tasks.add(task)

    async def _consume(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                await track.recv()
            except MediaStreamError:  # the end of the call
                return
            self.seen[track.kind] += 1
            if self.seen["audio"] >= 50 and self.seen["video"] >= 30 and self.seen["messages"]:
                self.enough.set()

    def _channel(self, channel: Any) -> None:
        def message(_data: object) -> None:
            self.seen["messages"] += 1

        channel.on("message", message)

    async def offer(self) -> tuple[str, list[dict[str, str]]]:
        """The first offer and what it publishes."""
        audio = self.pc.addTransceiver(AudioStreamTrack(), "sendonly")
        video = self.pc.addTransceiver(VideoStreamTrack(), "sendonly")
        for kind in SLOTS:
            self.pc.addTransceiver(kind, "recvonly")
        self.pc.createDataChannel("roomline")
        await self.pc.setLocalDescription(await self.pc.createOffer())
        intents = [
            {"mid": audio.mid, "source": "microphone"},
            {"mid": video.mid, "source": "camera"},
        ]
        return self.pc.localDescription.sdp, intents


async def main(url: str, token: str, ca: str, seconds: float) -> None:
    """Join, stay until enough has arrived or the time is over, tell."""
    peer = Peer()
    offer, tracks = await peer.offer()
    trust = ssl.create_default_context(cafile=ca)
    async with connect(url, ssl=trust, proxy=None) as socket:
        join = {
            "type": "join",
            "request": 1,
            "version": 1,
            "token": token,
            "offer": offer,
            "tracks": tracks,
        }
        await socket.send(json.dumps(join))
        joined = json.loads(await socket.recv())
        if joined["type"] != "joined":
            print(json.dumps(joined))
            return
        answer = RTCSessionDescription(for_aiortc(joined["answer"]), "answer")
        await peer.pc.setRemoteDescription(answer)
        print(json.dumps({"joined": joined["participant"]["identity"]}), flush=True)
        beat = asyncio.create_task(heartbeat(socket, joined["heartbeat"]["intervalMs"] / 1000))
        try:
            await asyncio.wait_for(peer.enough.wait(), seconds)
        except TimeoutError:
            peer.seen["timeout"] = 1
        beat.cancel()
        await peer.pc.close()
    print(json.dumps(peer.seen), flush=True)


async def heartbeat(socket: Any, interval: float) -> None:
    """Keep the session alive and read what the server tells."""
    request = 2
    loop = asyncio.get_running_loop()
    due = loop.time() + interval
    while True:
        try:
            async with asyncio.timeout_at(due):
                await socket.recv()
        except TimeoutError:
            await socket.send(json.dumps({"type": "ping", "request": request, "sent": 0}))
            request += 1
            due = loop.time() + interval


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])))
