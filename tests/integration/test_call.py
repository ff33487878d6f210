"""A whole server with the real engine: two people made with aiortc meet on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
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
from websockets.asyncio.client import ClientConnection, connect

from roomline.config import Settings
from roomline.server import Server
from roomline.tokens import AccessToken

PATIENCE = 20.0


class Person:
    """A participant that publishes and has one slot of each kind."""

    def __init__(self, server: Server, identity: str) -> None:
        self.server = server
        self.identity = identity
        self.pc = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self.inbox: list[dict[str, Any]] = []
        self.came = asyncio.Event()
        self.reader: asyncio.Task[None] | None = None
        self.socket: ClientConnection

    async def join(self) -> dict[str, Any]:
        sent = [
            self.pc.addTransceiver(AudioStreamTrack(), "sendonly"),
            self.pc.addTransceiver(VideoStreamTrack(), "sendonly"),
        ]
        self.slots = [self.pc.addTransceiver(kind, "recvonly") for kind in ("audio", "video")]
        await self.pc.setLocalDescription(await self.pc.createOffer())
        trust = ssl.create_default_context(cafile=str(self.server.state.ca_file))
        url = self.server.url.replace("https", "wss") + "/v1/signal"
        self.socket = await connect(url, ssl=trust, proxy=None, compression=None)
        self.reader = asyncio.create_task(self._read())
        key = self.server.state.api_key()
        token = AccessToken(key.key, key.secret).with_identity(self.identity).with_room("demo")
        sources = ["microphone", "camera"]
        await self.send(
            type="join",
            version=1,
            token=token.to_jwt(),
            offer=self.pc.localDescription.sdp,
            tracks=[{"mid": t.mid, "source": s} for t, s in zip(sent, sources, strict=True)],
        )
        joined = await self.message("joined")
        answer = with_candidates_everywhere(joined["answer"])
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return joined

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps({"request": 1, **message}))

    async def message(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The first message of a kind with these fields."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for message in self.inbox:
                    if message["type"] == kind and fields.items() <= message.items():
                        return message
                self.came.clear()
                await self.came.wait()

    async def sees(self, frames: int) -> None:
        async with asyncio.timeout(PATIENCE):
            for slot in self.slots:
                for _ in range(frames):
                    await slot.receiver.track.recv()

    async def close(self) -> None:
        await self.pc.close()
        if self.reader is not None:
            await self.socket.close()
            await self.reader

    async def _read(self) -> None:
        async for frame in self.socket:
            self.inbox.append(json.loads(frame))
            self.came.set()


def with_candidates_everywhere(answer: str) -> str:
    """aiortc looks at the last section of a bundle; candidates stand in the first (RFC 9143)."""
    head, *sections = answer.split("m=")
    lines = re.findall(r"a=candidate:.*\r\n", sections[0])
    ending = "".join([*lines, "a=end-of-candidates\r\n"])
    rest = [s if "a=candidate:" in s else s + ending for s in sections]
    return "m=".join([head, *rest])


async def meet(server: Server) -> None:
    await server.start()
    ada, bob = Person(server, "ada"), Person(server, "bob")
    try:
        await ada.join()
        joined = await bob.join()
        assert [p["identity"] for p in joined["participants"]] == ["ada"]
        for person in (ada, bob):
            mids = {slot.mid for slot in person.slots}
            for mid in mids:
                await person.message("bound", mid=mid)
        await asyncio.gather(ada.sees(20), bob.sees(20))
        me = joined["participant"]["id"]
        await told_of_direct_path(ada, me)
        (track,) = (t["track"]["id"] for t in joined["tracks"] if t["track"]["kind"] == "video")
        await bob.send(type="mute", track=track, muted=True)
        await ada.message("trackMuted", track=track)
        await bob.send(type="leave")
        await ada.message("participantLeft", participant=me, reason="left")
    finally:
        for person in (ada, bob):
            with contextlib.suppress(ConnectionError):
                await person.close()
        await server.close()


async def told_of_direct_path(person: Person, participant: str) -> None:
    while True:
        event = await person.message("connection", participant=participant)
        connection = event["connection"]
        if connection["state"] == "connected":
            assert connection["tier"] == "direct"
            assert 20_000 <= connection["serverPort"] <= 29_999
            return
        person.inbox.remove(event)


def test_two_people_hear_and_see_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # aioice leaves loopback out by itself.
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda **_: ["127.0.0.1"])
    settings = Settings.model_validate(
        {
            "host": "localhost",
            "state_dir": tmp_path,
            "bind": "127.0.0.1",
            "https": {"port": 0},
            "turn": {"port": 0},
            "media": {"ports": "20000-29999", "addresses": "127.0.0.1"},
        }
    )
    asyncio.run(meet(Server(settings)))
