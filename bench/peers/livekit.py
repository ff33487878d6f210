"""LiveKit, built from its Go module, joined over its WebSocket with its protobuf messages."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jwt
from livekit.protocol import models, rtc

from bench.errors import BenchError
from bench.peers.building import built, go_program, versions
from bench.peers.contract import (
    Place,
    Section,
    Track,
)
from bench.peers.conversation import REPLY_WITHIN_S, Conversation, Guest
from bench.peers.process import Process, tcp_answers
from bench.peers.running import ServerRunning

PORT = 7880
PROTOCOL = 16
"""Version of the signaling that a current SDK names."""
TOKEN_S = 6 * 3600
PING_S = 5.0
LAYERS = (
    (models.VideoQuality.LOW, 4),
    (models.VideoQuality.MEDIUM, 2),
    (models.VideoQuality.HIGH, 1),
)
"""Encodings of a simulcast video, and by what each is scaled down."""
SIZE = (1280, 720)

Ports = Literal["range", "mux", "batched"]


@dataclass(frozen=True)
class LiveKit:
    """LiveKit, with its UDP ports used in one of its ways."""

    name: str = "livekit"
    ports: Ports = "batched"
    """`range`: a port for each transport. `mux`: one for all. `batched`: so, and packets that go
    out are gathered for up to 2 ms and handed to the kernel together (its `batch_io`)."""

    @property
    def version(self) -> str:
        """Of the Go module."""
        return versions()["livekit"]["version"].removeprefix("v")

    def build(self, cache: Path) -> None:
        """Build it from the Go module proxy."""
        go_program(cache, "livekit")

    def start(self, place: Place) -> LiveKitRunning:
        """Start a single node without Redis and without its TURN server."""
        place.folder.mkdir(parents=True, exist_ok=True)
        key, secret = "bench", secrets.token_hex(32)
        configuration = place.folder / "livekit.yaml"
        # JSON is YAML.
        configuration.write_text(json.dumps(self.configuration(place, key, secret), indent=2))
        process = Process(
            place,
            self.name,
            [str(built(place.cache, "livekit")), "--config", str(configuration)],
            {"GOMAXPROCS": "1"},
        )
        process.wait(lambda: tcp_answers(place.address, PORT))
        return LiveKitRunning(process, place, key, secret)

    def configuration(self, place: Place, key: str, secret: str) -> dict[str, Any]:
        """What its configuration file says."""
        udp: dict[str, Any] = {"udp_port": 7882}
        if self.ports == "range":
            udp = {"port_range_start": 20000, "port_range_end": 60000}
        elif self.ports == "batched":
            udp["batch_io"] = {"batch_size": 128, "max_flush_interval": "2ms"}
        return {
            "port": PORT,
            "bind_addresses": [place.address],
            "keys": {key: secret},
            "rtc": {
                **udp,
                "node_ip": place.address,
                "use_external_ip": False,
                "use_ice_lite": True,
                "ips": {"includes": [f"{place.address}/32"]},
            },
            "limit": {"num_tracks": -1, "bytes_per_sec": -1},
            "logging": {"level": "warn", "pion_level": "error"},
        }


@dataclass
class LiveKitRunning(ServerRunning):
    """LiveKit, up."""

    key: str
    secret: str

    def conversation(self, guest: Guest) -> Conversation:
        """The one that `guest` will have with this server."""
        return _Joined(guest, self.place.address, self.token(guest.name, guest.room))

    def token(self, identity: str, room: str) -> str:
        """An access token with this server's key."""
        grant = {"roomJoin": True, "room": room, "canPublish": True, "canSubscribe": True}
        claims = {
            "iss": self.key,
            "sub": identity,
            "exp": int(time.time()) + TOKEN_S,
            "video": grant,
        }
        return jwt.encode(claims, self.secret, algorithm="HS256")


class _Joined(Conversation):
    """One participant on one peer connection, in which the client always offers.

    That is what current SDKs do (`/rtc/v1`). Whom one receives is said by the server's
    `media_sections_requirement`: so many more sections are to be offered.
    """

    def __init__(self, guest: Guest, address: str, token: str) -> None:
        super().__init__(guest, "livekit")
        self._address = address
        self._token = token
        self._offers = 0
        self._offered = True
        self._answered = False
        self._wanted = {"audio": 0, "video": 0}
        self._asked = False
        self._received: set[str] = set()

    async def join(self) -> None:
        """Everything from the offer to the answer."""
        # A description needs a section.
        filler = [Section("audio", "recvonly"), Section("video", "recvonly")]
        offer = await self.offer(self.who, () if self.guest.tracks else filler)
        request = rtc.JoinRequest(
            client_info=models.ClientInfo(
                sdk=models.ClientInfo.SDK.JS, version="2.17.0", protocol=PROTOCOL
            ),
            connection_settings=rtc.ConnectionSettings(auto_subscribe=self.guest.receive),
            add_track_requests=list(intents(offer, self.guest.tracks)),
            publisher_offer=self._description(offer),
        )
        wrapped = rtc.WrappedJoinRequest(join_request=request.SerializeToString())
        told = base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()
        url = f"ws://{self._address}:{PORT}/rtc/v1?access_token={self._token}&join_request={told}"
        await self.connect(url, (self._address, PORT))
        self.every(PING_S, self._ping)
        await self.until(lambda: self._answered, REPLY_WITHIN_S, "joining")

    async def receives(self, tracks: int, timeout_s: float) -> None:
        """Return once so many tracks have a section."""
        await self.until(lambda: len(self._received) >= tracks, timeout_s, f"{tracks} tracks")

    def hear(self, frame: str | bytes) -> None:
        """Take one message."""
        if isinstance(frame, str):
            self.fail("livekit spoke text where protobuf was expected")
            return
        message = rtc.SignalResponse.FromString(frame)
        kind = message.WhichOneof("message")
        if kind == "answer":
            self.later(lambda: self._take_answer(message.answer))
        elif kind == "trickle":
            self.later(lambda: self._take_candidate(message.trickle))
        elif kind == "media_sections_requirement":
            self.later(lambda: self._take_requirement(message.media_sections_requirement))
        elif kind == "leave":
            self.fail(f"livekit ended it: {message.leave}")

    async def farewell(self) -> None:
        """Leave."""
        await self._tell(rtc.SignalRequest(leave=rtc.LeaveRequest()))

    async def _take_answer(self, answer: rtc.SessionDescription) -> None:
        await self.load.answer(self.who, answer.sdp)
        self._received = set(answer.mid_to_track_id.values())
        self._answered = True
        self._offered = False
        self.changed()
        await self._offer_more()

    async def _take_candidate(self, trickle: rtc.TrickleRequest) -> None:
        candidate = json.loads(trickle.candidateInit or "{}").get("candidate", "")
        if candidate:
            await self.load.candidate(self.who, candidate)

    async def _take_requirement(self, required: rtc.MediaSectionsRequirement) -> None:
        self._wanted["audio"] += required.num_audios
        self._wanted["video"] += required.num_videos
        # None of either asks for the same again: something else has changed.
        self._asked = True
        await self._offer_more()

    async def _offer_more(self) -> None:
        """Offer what is required, one offer at a time."""
        if self._offered or not self._asked:
            return
        self._asked = False
        sections = [Section("audio", "recvonly")] * self._wanted["audio"]
        sections += [Section("video", "recvonly")] * self._wanted["video"]
        self._wanted = {"audio": 0, "video": 0}
        self._offered = True
        offer = await self.load.reoffer(self.who, sections)
        await self._tell(rtc.SignalRequest(offer=self._description(offer)))

    def _description(self, offer: str) -> rtc.SessionDescription:
        self._offers += 1
        return rtc.SessionDescription(type="offer", sdp=offer, id=self._offers)

    async def _ping(self) -> None:
        now = int(time.time() * 1000)
        await self._tell(rtc.SignalRequest(ping_req=rtc.Ping(timestamp=now)))

    async def _tell(self, message: rtc.SignalRequest) -> None:
        await self.say(message.SerializeToString())


def intents(offer: str, tracks: Sequence[Track]) -> Iterator[rtc.AddTrackRequest]:
    """What the offer's tracks are to be, named by the track ids of their `a=msid`."""
    sections = re.split(r"^m=", offer, flags=re.MULTILINE)[1:]
    for section, track in zip(sections, tracks, strict=False):
        found = re.search(r"^a=msid:\S+ (\S+)", section, re.MULTILINE)
        if found is None:
            raise BenchError("the load client's offer has no a=msid for a track")
        name = found[1]
        if track.kind == "audio":
            yield rtc.AddTrackRequest(
                cid=name,
                type=models.TrackType.AUDIO,
                source=models.TrackSource.MICROPHONE,
                disable_red=True,
            )
        else:
            yield rtc.AddTrackRequest(
                cid=name,
                type=models.TrackType.VIDEO,
                source=models.TrackSource.CAMERA,
                width=SIZE[0],
                height=SIZE[1],
                layers=list(_layers(track.simulcast)),
            )


def _layers(simulcast: int) -> Iterator[models.VideoLayer]:
    """One of the highest quality, or those of a simulcast video from the lowest up."""
    for quality, scale in LAYERS[-max(simulcast, 1) :]:
        yield models.VideoLayer(quality=quality, width=SIZE[0] // scale, height=SIZE[1] // scale)
