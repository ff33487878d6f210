"""One transport of a participant: a peer connection of aiortc."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from netlab.soak.media import Canned

CANDIDATE = re.compile(r"^a=(?:candidate:.*|end-of-candidates)\r\n", re.MULTILINE)
SCHEMES = {
    "turn-udp": re.compile(r"turn:.*transport=udp|turn:[^?]*$"),
    "turn-tls": re.compile("turns:"),
}
CONNECT_WITHIN_S = 30.0


class Line:
    """Two sections that send, two that receive, and the channel for beats."""

    def __init__(
        self, tier: str, ice_servers: list[dict[str, Any]], canned: dict[str, bytes]
    ) -> None:
        self.tier = tier
        self.id = ""
        """The server's name for the transport."""
        self.received: Counter[str] = Counter()
        self.beats = 0
        self.pc = RTCPeerConnection(_configuration(tier, ice_servers))
        self._tasks: set[asyncio.Task[None]] = set()
        self._settled = asyncio.Event()
        self.pc.on("track", self._track)
        self.pc.on("connectionstatechange", self._state)
        self.senders = {
            kind: self.pc.addTransceiver(Canned(kind, canned[kind]), "sendonly")
            for kind in ("audio", "video")
        }
        for kind in ("audio", "video"):
            self.pc.addTransceiver(kind, "recvonly")
        # The engine sends beats on it and measures the path by what comes back.
        channel = self.pc.createDataChannel(
            "roomline", ordered=False, maxRetransmits=0, protocol="beat/1"
        )

        @channel.on("message")
        def beat(message: bytes | str) -> None:
            self.beats += 1
            if self.pc.connectionState == "connected":  # and not on its way out
                channel.send(message)

    async def offer(self) -> str:
        """The offer, with everything gathered."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    def intents(self, tracks: dict[str, str] | None = None) -> list[dict[str, str]]:
        """What is published in it, or moves to it (`tracks` by their kinds)."""
        sources = {"audio": "microphone", "video": "camera"}
        made = [{"mid": str(s.mid), "source": sources[kind]} for kind, s in self.senders.items()]
        if tracks is not None:
            for intent, kind in zip(made, self.senders, strict=True):
                intent["track"] = tracks[kind]
        return made

    async def accept(self, transport: str, answer: str) -> None:
        """Apply the answer, and wait for ICE and DTLS. Raises ConnectionError if they fail."""
        self.id = transport
        description = RTCSessionDescription(_for_aiortc(answer), "answer")
        await self.pc.setRemoteDescription(description)
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await self._settled.wait()
        if self.pc.connectionState != "connected":
            raise ConnectionError(f"{self.tier}: {self.pc.connectionState}")

    @property
    def lost(self) -> bool:
        """Whether ICE or DTLS has ended by itself."""
        return self.pc.connectionState in {"failed", "closed"}

    async def close(self) -> None:
        """End it."""
        await self.pc.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _state(self) -> None:
        if self.pc.connectionState in {"connected", "failed", "closed"}:
            self._settled.set()

    def _track(self, track: MediaStreamTrack) -> None:
        self._tasks.add(asyncio.create_task(self._consume(track)))

    async def _consume(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                await track.recv()
            except MediaStreamError:  # the line has ended
                return
            self.received[track.kind] += 1


def _configuration(tier: str, ice_servers: list[dict[str, Any]]) -> RTCConfiguration:
    if tier == "direct":
        return RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
    servers = [
        RTCIceServer(urls=url, username=each.get("username"), credential=each.get("credential"))
        for each in ice_servers
        for url in ([each["urls"]] if isinstance(each["urls"], str) else each["urls"])
        if SCHEMES[tier].match(url)
    ]
    return RTCConfiguration(
        iceServers=servers[:1],
        iceTransportPolicy=RTCIceTransportPolicy.RELAY,
        bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
    )


def _for_aiortc(answer: str) -> str:
    """The answer with its candidates in every section: aiortc reads those of the last one."""
    candidates = "".join(CANDIDATE.findall(answer))
    head, *sections = re.split(r"^(?=m=)", CANDIDATE.sub("", answer), flags=re.MULTILINE)
    return head + "".join(section + candidates for section in sections)
